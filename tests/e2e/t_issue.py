#!/usr/bin/python3
"""The whole protocol, resource by resource, with a real CA behind the gateway, and with its own CA (RFC 8555 section 7)."""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID

import acme
from lab import Lab, pebbles, wait_until
from tap import Tap


def profiles(port):
    common = {"http01_port": port, "validation_attempts": ["0s", "1s", "3s", "10s"]}
    return [dict(common, name="default", upstream="ca", description="by the CA"),
            dict(common, name="inside", upstream="local", description="by the gateway", identifier_types=["dns", "ip"],
                 validity="7d", key_types=["p256", "p384", "p521", "ed25519", "rsa2048"]),
            dict(common, name="quiet", upstream="local", advertise=False)]


def der(chain):
    return acme.leaf_of(chain).public_bytes(serialization.Encoding.DER)


def serial(chain):
    return "%x" % acme.leaf_of(chain).serial_number


def directory_and_nonces(t, gate):
    a = gate.acme()
    reply = a.get(gate.directory)
    t.equal(reply.status, 200, "the directory is there by GET")
    t.equal(reply.headers["Content-Type"], "application/json", "its type is application/json")
    d = reply.json
    t.ok(all(k in d for k in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")) and "newAuthz" not in d,
         "it names all resources, and newAuthz, which is not offered, not at all")
    t.equal(d["meta"]["profiles"], {"default": "by the CA", "inside": "by the gateway"}, "it names the advertised profiles")
    inside = a.get(gate.url + "/p/inside/directory").json
    t.equal(inside["newOrder"], gate.url + "/p/inside/new-order", "a profile's own directory leads to its own newOrder")
    t.equal(a.get(gate.url + "/p/nowhere/directory").status, 404, "an unknown profile has no directory")
    head, get = a.request("HEAD", d["newNonce"]), a.get(d["newNonce"])
    t.ok(head.status == 200 and get.status == 204, "newNonce answers HEAD with 200 and GET with 204 (7.2)")
    t.ok(head.headers["Replay-Nonce"] != get.headers["Replay-Nonce"] and get.headers["Cache-Control"] == "no-store",
         "with a fresh nonce each, not to be cached")
    t.equal(get.links("index"), [gate.directory], "and a link to the directory")


def accounts(t, gate):
    a = gate.acme()
    t.equal(a.new_account(onlyReturnExisting=True).type(), "accountDoesNotExist", "onlyReturnExisting finds nothing for a new key")
    made = a.new_account(contact=["mailto:device@corp.test"])
    t.equal((made.status, made.json["status"], made.json.get("contact")), (201, "valid", ["mailto:device@corp.test"]),
            "newAccount makes an account")
    t.ok(made.headers["Location"].startswith(gate.url + "/acct/") and made.json["orders"].startswith(gate.url),
         "with a Location and an orders list")
    again = a.new_account(contact=["mailto:other@corp.test"])
    t.equal((again.status, again.headers["Location"]), (200, made.headers["Location"]), "newAccount with a known key finds it")
    found = a.new_account(onlyReturnExisting=True)
    t.equal((found.status, found.headers["Location"]), (200, made.headers["Location"]), "onlyReturnExisting finds it too")
    changed = a.post(a.kid, {"contact": ["mailto:new@corp.test"]})
    t.equal((changed.status, changed.json["contact"]), (200, ["mailto:new@corp.test"]), "the contact can be changed")
    t.equal(a.post(a.kid).json["contact"], ["mailto:new@corp.test"], "and is kept")
    for kind in ("p384", "p521", "rsa2048", "ed25519"):
        other = gate.acme(key=acme.new_key(kind))
        t.equal(other.new_account().status, 201, "an account key may be %s" % kind)
    gone = a.post(a.kid, {"status": "deactivated"})
    t.equal((gone.status, gone.json["status"]), (200, "deactivated"), "an account can be deactivated")
    dead = a.new_order(["dead.test"])
    t.equal((dead.status, dead.type()), (401, "unauthorized"), "and can do nothing any more")
    t.equal(a.new_account().status, 401, "its key makes no new account either")


def key_change(t, lab, gate):
    device = lab.device(gate)
    device.start(["rolled.test"])
    a, new = device.acme, acme.new_key()
    url = a.directory["keyChange"]
    inner = acme.jws(new, {"alg": acme.alg_of(new), "jwk": acme.jwk_of(new), "url": url},
                     {"account": a.kid, "oldKey": acme.jwk_of(a.key)})
    old = a.key
    t.equal(a.post(url, inner).status, 200, "keyChange puts a new key in the place of the old one")
    t.equal(a.post(a.kid).type(), "malformed", "the old key signs nothing any more")
    a.key = new
    t.equal(a.post(a.kid).status, 200, "the new one does")
    t.equal(gate.acme(key=old).new_account(onlyReturnExisting=True).type(), "accountDoesNotExist", "the old key is free again")
    chain = device.obtain(["rolled.test"])[1]
    t.ok("BEGIN CERTIFICATE" in chain, "the order from before goes on under the new key")


def order_by_hand(t, lab, gate, pebble):
    """The way of one order, each reply looked at."""
    device = lab.device(gate)
    a = device.acme
    device.register()
    reply = a.new_order(["One.test", "two.test", "one.test"])
    order, url = reply.json, reply.headers["Location"]
    t.equal((reply.status, order["status"], [i["value"] for i in order["identifiers"]]), (201, "pending", ["one.test", "two.test"]),
            "newOrder takes names in lower case, each once")
    t.equal(len(order["authorizations"]), 2, "an authorization for each")
    t.equal(order["profile"], "default", "the order says its profile")
    same = a.new_order(["one.test", "two.test"])
    t.equal((same.status, same.headers["Location"]), (201, url), "the same newOrder again gives the same order")
    early = a.finalize(order, acme.make_csr(device.cert_key, ["one.test", "two.test"]))
    t.equal((early.status, early.type()), (403, "orderNotReady"), "a pending order cannot be finalized")
    device.order, device.order_url = order, url
    for authz_url in order["authorizations"]:
        authz = a.post(authz_url).json
        chall = authz["challenges"][0]
        t.ok(authz["status"] == "pending" and chall["type"] == "http-01" and list(chall)[:4] == ["type", "url", "status", "token"],
             "%s is proven by http-01" % authz["identifier"]["value"])
        device.responder.tokens[chall["token"]] = "%s.%s" % (chall["token"], acme.thumbprint(a.key))
        answer = a.post(chall["url"], {})
        t.equal((answer.status, answer.links("up")), (200, [authz_url]), "the challenge is taken, with a link up")
    device.order = a.poll(url, lambda o: o["status"] != "pending")
    t.equal(device.order["status"], "ready", "all proven: the order is ready")
    valid = a.post(order["authorizations"][0])
    t.ok(valid.json["status"] == "valid" and valid.json["challenges"][0]["status"] == "valid"
         and "validated" in valid.json["challenges"][0] and valid.retry_after() is None, "its authorization is valid, no Retry-After")
    bad = a.finalize(order, acme.make_csr(device.cert_key, ["one.test"]))
    t.equal((bad.status, bad.type()), (400, "badCSR"), "a CSR for other names is refused")
    t.equal(a.post(url).json["status"], "ready", "and the order is still ready")
    done = a.finalize(order, acme.make_csr(device.cert_key, ["two.test", "one.test"]))
    t.equal((done.status, done.json["status"], done.headers["Location"]), (200, "processing", url), "finalize: processing, Location")
    t.ok(1 <= (done.retry_after() or 0) <= 600, "with Retry-After")
    chain = device.collect()
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "the chain ends at the CA's root")
    san = acme.leaf_of(chain).extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    t.equal(sorted(san.get_values_for_type(x509.DNSName)), ["one.test", "two.test"], "the certificate has the names")
    t.equal(acme.leaf_of(chain).public_key().public_numbers(), device.cert_key.public_key().public_numbers(), "and the device's key")
    cert = a.post(device.order["certificate"])
    t.equal(cert.headers["Content-Type"], "application/pem-certificate-chain", "it comes as a PEM chain")
    others = cert.links("alternate")
    t.equal(len(others), 2, "two other chains are offered")
    ends = [lab.verify(a.post(u).body.decode(), [root]) for u, root in zip(others, pebble.roots[1:])]
    t.equal(ends, ["", ""], "which end at the CA's other roots")
    listed = a.post(a.post(a.kid).json["orders"]).json["orders"]
    t.ok(url in listed, "the orders list has the order")
    return device, chain


def two_at_once(t, lab, gate, pebble):
    device = lab.device(gate)
    device.start(["race.test"])
    device.prove()
    before = len(pebble.issued())
    replies, gun = [], threading.Barrier(2)

    def finalize():
        csr = acme.make_csr(device.cert_key, ["race.test"])
        gun.wait()
        replies.append(device.acme.finalize(device.order, csr))

    racers = [threading.Thread(target=finalize) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    t.equal(sorted((r.status, r.type()) for r in replies), [(200, ""), (403, "orderNotReady")], "of two finalize at once one wins")
    device.collect()
    t.equal(len(pebble.issued()) - before, 1, "and one certificate is issued")


def come_again(t, lab, gate, pebble):
    """The device gives up while its order is processing, and comes again (O4)."""
    device = lab.device(gate)
    device.start(["again.test"])
    device.prove()
    device.finalize()
    before = len(pebble.issued())
    url = device.order_url
    again = acme.Device(gate.acme(key=device.acme.key), device.responder)
    again.cert_key = device.cert_key
    chain = again.obtain(["again.test"])[1]
    t.ok(again.order_url != url, "a new order for the same names")
    t.equal(device.collect(), chain, "of the same key joins the first one: one certificate for both")
    third = acme.Device(gate.acme(key=device.acme.key), device.responder)
    third.cert_key = device.cert_key
    t.equal(third.obtain(["again.test"])[1], chain, "and so does one that comes later")
    t.ok(len(pebble.issued()) - before <= 1, "the CA issued once")
    fourth = acme.Device(gate.acme(key=device.acme.key), device.responder)
    t.ok(fourth.obtain(["again.test"])[1] != chain, "another key gets another certificate")


def revocation(t, lab, gate, pebble, device, chain):
    def at_the_ca(chain):
        return json.loads(pebble.fetch("/cert-status-by-serial/" + serial(chain)))["Status"]

    a = device.acme
    url = a.directory["revokeCert"]

    def revoke(who, chain, reason=None, **how):
        payload = {"certificate": acme.b64(der(chain))}
        if reason is not None:
            payload["reason"] = reason
        return who.post(url, payload, **how)

    stranger = gate.acme()
    stranger.new_account()
    t.equal(revoke(stranger, chain).type(), "unauthorized", "a stranger cannot revoke")
    t.equal(revoke(a, chain, 6).type(), "badRevocationReason", "reason 6 is not allowed")
    t.equal(revoke(a, chain, 4).status, 200, "the account that ordered it can")
    t.equal(revoke(a, chain, 4).type(), "alreadyRevoked", "once")
    wait_until("the CA to know of it", lambda: at_the_ca(chain) == "Revoked")
    t.ok(True, "and the CA is told")

    device.cert_key = acme.new_key()
    second = device.obtain(["one.test"])[1]
    t.equal(revoke(a, second, 1, key=device.cert_key).status, 200, "a certificate's own key can revoke it")
    wait_until("the CA to know of it", lambda: at_the_ca(second) == "Revoked")
    device.start(["one.test"])
    if device.order["status"] == "pending":
        device.prove()
    reply = a.finalize(device.order, acme.make_csr(device.cert_key, ["one.test"]))
    t.equal((reply.status, reply.type()), (400, "badCSR"), "and, said to be compromised, gets no certificate any more")

    device.cert_key = acme.new_key()
    device.finalize()
    third = device.collect()
    holder = lab.device(gate)
    holder.start(["one.test"])
    t.equal(revoke(holder.acme, third).type(), "unauthorized", "another account without a valid proof cannot")
    holder.prove()
    t.equal(revoke(holder.acme, third).status, 200, "an account that has proven all its names can")
    wait_until("the CA to know of it", lambda: at_the_ca(third) == "Revoked")
    t.ok(wait_until("the last job to go", lambda: not gate.left_over()), "nothing is left over")


def authorizations(t, lab, gate):
    device = lab.device(gate)
    device.start(["given-up.test"])
    url = device.order["authorizations"][0]
    gone = device.acme.post(url, {"status": "deactivated"})
    t.equal((gone.status, gone.json["status"]), (200, "deactivated"), "an authorization can be deactivated")
    t.equal(device.acme.post(device.order_url).json["status"], "invalid", "its order is invalid then")
    refused = device.acme.new_order(["forbidden.test"])
    t.equal((refused.status, refused.type()), (400, "rejectedIdentifier"), "a name that a rule refuses is refused")
    t.ok("ask pki@corp.test" in refused.json["detail"] + str(refused.json.get("subproblems")), "and the device is told why")
    t.equal(device.acme.new_order(["elsewhere.example"]).type(), "rejectedIdentifier", "so is a name that no rule allows")

    device.start(["wrong.test"])
    authz = device.acme.post(device.order["authorizations"][0]).json
    chall = authz["challenges"][0]
    device.responder.tokens[chall["token"]] = chall["token"] + ".somebody-else"
    device.acme.post(chall["url"], {})
    failed = device.acme.poll(device.order["authorizations"][0], lambda z: z["status"] != "pending", 30)
    t.equal((failed["status"], failed["challenges"][0]["error"]["type"]),
            ("invalid", "urn:ietf:params:acme:error:unauthorized"), "a wrong answer fails the authorization, and says why")
    t.equal(device.acme.post(device.order_url).json["status"], "invalid", "and the order")


def own_ca(t, lab, gate):
    device = lab.device(gate, directory=gate.url + "/p/inside/directory")
    order, chain = device.obtain(["inside.test", "127.0.0.1"])
    t.equal(order["profile"], "inside", "a profile's directory gives its profile")
    certs = acme.chain_of(chain)
    t.equal(lab.verify(chain, [certs[-1].public_bytes(serialization.Encoding.PEM).decode()]), "", "the gateway's own CA signs")
    leaf = certs[0]
    t.equal((leaf.not_valid_after - leaf.not_valid_before).days, 7, "for the profile's time")
    san = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    t.ok(san.get_values_for_type(x509.DNSName) == ["inside.test"] and
         [str(a) for a in san.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"], "names and addresses")
    at = leaf.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value

    def revoked():
        reply = device.acme.get(at)
        return reply.status == 200 and x509.load_der_x509_crl(reply.body).get_revoked_certificate_by_serial_number(leaf.serial_number)

    t.ok(revoked() is None, "its CRL is where the certificate says, without it")
    body = {"certificate": acme.b64(der(chain)), "reason": 4}
    t.equal(device.acme.post(device.acme.directory["revokeCert"], body).status, 200, "it can be revoked")
    t.ok(wait_until("the CRL to have it", revoked), "and is on the CRL then")

    for kind in ("p384", "p521", "ed25519", "rsa2048"):
        device.cert_key = acme.new_key(kind)
        device.start(["inside.test"])
        if device.order["status"] == "pending":
            device.prove()
        reply = device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["inside.test"]))
        t.equal((reply.status, reply.json.get("status")), (200, "valid"), "finalize answers valid itself, for a %s key" % kind)
    quiet = lab.device(gate)
    t.equal(quiet.obtain(["quiet.test"], profile="quiet")[0]["profile"], "quiet", "an order may name a profile that is not advertised")
    t.equal(quiet.acme.new_order(["quiet.test"], profile="nowhere").type(), "invalidProfile", "but none that is not there")


def everything(t, what, folder):
    with Lab(t) as lab:
        t.note("with " + what)
        pebble = lab.pebble(folder=folder)
        proxy = lab.proxy(pebble)
        gate = lab.gate(proxy.directory, http_port=pebble.http_port)
        gate.conf["profiles"] = profiles(gate.device_port)
        gate.start()
        with t.part("directory and nonces"):
            directory_and_nonces(t, gate)
        with t.part("accounts"):
            accounts(t, gate)
        with t.part("one order"):
            device, chain = order_by_hand(t, lab, gate, pebble)
            with t.part("revocation"):
                revocation(t, lab, gate, pebble, device, chain)
        with t.part("keyChange"):
            key_change(t, lab, gate)
        with t.part("two finalize at once"):
            two_at_once(t, lab, gate, pebble)
        with t.part("a device that comes again"):
            come_again(t, lab, gate, pebble)
        with t.part("authorizations"):
            authorizations(t, lab, gate)
        with t.part("the gateway's own CA"):
            own_ca(t, lab, gate)
        t.equal(gate.left_over(), {}, "no job, no upstream order, no proof is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
        t.ok(gate.process.group_is_empty(), "its keeper has ended too")


t = Tap()
for what, folder in pebbles():
    everything(t, what, folder)
sys.exit(t.done())
