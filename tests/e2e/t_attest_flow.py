#!/usr/bin/python3
"""device-attest-01, what is around the verdict: evidence, replays, statements that meet, keys that change, lists that grow old."""

import json
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from attest import standin
from attest.ca import PEM, days
from attest.world import World
from invariants import broken
from lab import BUILD, Lab, wait_until
from tap import Tap

BAD = "urn:ietf:params:acme:error:badAttestationStatement"


def at_once(works):
    """Run functions at the same time; their results."""
    results, gate = [None] * len(works), threading.Barrier(len(works))

    def run(at, work):
        gate.wait()
        try:
            results[at] = work()
        except Exception as fault:
            results[at] = fault

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def change_key(client):
    """RFC 8555 7.3.5."""
    url, new = client.directory["keyChange"], acme.new_key()
    inner = acme.jws(new, {"alg": acme.alg_of(new), "jwk": acme.jwk_of(new), "url": url},
                     {"account": client.kid, "oldKey": acme.jwk_of(client.key)})
    client.want("keyChange", client.post(url, inner), 200)
    client.key = new


def order_id(device):
    return device.order_url.rpartition("/")[2]


def evidence_of(world, device):
    """How many pieces of evidence its authorization has."""
    return world.gate.sql("select count(*) from evidence e join authz a on a.id=e.authz_id where a.ref=?",
                          device.authz_url.rpartition("/")[2])[0][0]


def evidence(t, world):
    device = world.device("android-key").begin()
    device.answer()
    shown = json.loads(world.gate.ctl("order", "show", order_id(device), "--trace", "--json"))
    seen = shown["authorizations"][0]["evidence"]
    proven = seen["proven"]
    t.equal((proven["format"], proven["protection"], proven["identifiers"], proven["os_patch"], proven["boot"], proven["device_locked"]),
            ("android-key", "tee", [{"type": "permanent-identifier", "value": device.hardware.ident}], 202611, "verified", True),
            "order show --json tells what was proven")
    t.equal(int(proven["serial"], 16), device.hardware.leaf.serial_number, "the leaf's serial number among it")
    t.ok(re.fullmatch("[0-9a-f]{64}", proven["sha256"]) and len(proven["key"]) == 43 and len(proven["root"]) == 43,
         "and the hashes of statement, key and root")
    t.ok("statement" not in seen, "the statement itself is not kept")
    t.ok(any(e["event"] == "attested" and proven["sha256"] in e["detail"] for e in shown["trace"]), "the order's story has it")
    text = world.gate.ctl("order", "show", order_id(device))
    t.ok("Evidence" in text and "android-key" in text and "not kept" in text, "order show prints it")
    device = world.device("apple", profile="evidence").begin()
    statement = device.attest(device.key_auth())
    device.answer(statement)
    shown = json.loads(world.gate.ctl("order", "show", order_id(device), "--json"))
    t.equal(acme.unb64(shown["authorizations"][0]["evidence"]["statement"]), statement, "with keep_evidence it is, octet for octet")
    device = world.device("apple", variant="no-id").begin()
    device.answer()
    shown = json.loads(world.gate.ctl("order", "show", order_id(device), "--trace", "--json"))
    t.ok("evidence" not in shown["authorizations"][0], "a statement that is not believed is no evidence")
    t.ok(any(e["event"] == "not attested" and e["detail"].startswith("identifier:") for e in shown["trace"]), "but the story says why")


def replays(t, world):
    first = world.device("step").begin()
    key_auth = first.key_auth()
    statement = first.attest(key_auth)
    t.equal(first.answer(statement).json["status"], "valid", "a statement is good")
    again = first.answer(statement)
    t.equal((again.status, again.json["status"]), (200, "valid"), "the same response again changes nothing (O9)")
    t.equal(evidence_of(world, first), 1, "there is one piece of evidence")
    same = world.device("step", acme_=first.acme).begin()
    t.equal(same.order_url, first.order_url, "the same newOrder is the same order, ready as it is (O1)")
    for fmt in ("apple", "android-key", "step"):
        mine = world.device(fmt).begin()
        statement = mine.attest(mine.key_auth())
        other = world.device(fmt).begin()
        reply = other.answer(statement)
        t.ok(reply.json["status"] == "invalid" and reply.json["error"]["type"] == BAD,
             "%s: another account's challenge does not take the statement: %s" % (fmt, reply.json.get("error", {}).get("detail")))
        reply = other.acme.post(mine.chall["url"], {"attObj": acme.b64(statement)})
        t.equal((reply.status, reply.type()), (404, "malformed"), "%s: nor can another account answer the first one's challenge" % fmt)
        t.equal(mine.answer(statement).json["status"], "valid", "%s: where it belongs it is good still" % fmt)
        second = world.device(fmt, profile="evidence", acme_=mine.acme).begin()
        t.ok(second.chall["token"] != mine.chall["token"] and second.states()[1] == "pending",
             "%s: another order of the same account must be attested anew (O2)" % fmt)
        t.equal(second.answer(statement).json["status"], "invalid", "%s: by another statement" % fmt)


def moved_keys(t, world):
    device = world.device("step").begin()
    statement = device.attest(device.key_auth())
    change_key(device.acme)
    t.equal(device.answer(statement).json["status"], "invalid", "a statement made for the account key of before is not good any more")
    device = world.device("step").begin()
    change_key(device.acme)
    t.equal(device.answer().json["status"], "valid", "one for the account key of now is")
    device = world.device("apple").begin()
    statement = device.attest(device.key_auth())
    change_key(device.acme)
    t.equal(device.answer(statement).json["status"], "valid", "Apple's says nothing of the account key, the token is its account's")


def meetings(t, world):
    for n in range(6):
        device = world.device("apple").begin()
        good, bad = device.attest(device.key_auth()), device.attest(device.key_auth()) + b"\0"
        statements = [good, bad] * 4 if n % 2 else [good] * 8
        results = at_once([lambda s=s: device.answer(s) for s in statements])
        ends = device.states()
        legal = ends in (("valid", "valid", "ready"), ("invalid", "invalid", "invalid")) if n % 2 else ends == ("valid", "valid", "ready")
        statuses = sorted({r.status for r in results})
        t.ok(legal and statuses in ([200], [200, 400]),
             "%s at once: one verdict, %s" % ("good and bad" if n % 2 else "eight good ones", (ends, statuses)))
        t.equal(evidence_of(world, device), 1 if ends[0] == "valid" else 0, "evidence of it, once")
    for n in range(4):
        device = world.device("apple").begin()
        statement = device.attest(device.key_auth())
        at_once([lambda: device.answer(statement), lambda: device.acme.post(device.authz_url, {"status": "deactivated"})])
        ends = device.states()
        t.ok(ends in (("valid", "deactivated", "invalid"), ("pending", "deactivated", "invalid")),
             "a response and a deactivation: %s" % (ends,))
    for n in range(10):
        # of two requests by the old key the one that comes first is believed, and a proof is by the key that it was made for
        device = world.device("step").begin()
        old = acme.thumbprint(device.acme.key)
        statement = device.attest(device.key_auth())
        other = device.acme.twin()
        at_once([lambda: other.post(device.chall["url"], {"attObj": acme.b64(statement)}),
                 lambda: (time.sleep(n * 0.001), change_key(device.acme))])
        ends = device.states()
        stored = world.gate.sql("select c.key_auth from challenge c where c.ref=?", device.chall["url"].rpartition("/")[2])[0][0]
        t.ok(ends == ("valid", "valid", "ready") and stored.endswith("." + old) or ends == ("pending", "pending", "pending") and not stored,
             "a response and a change of key: %s" % (ends,))


def old_lists(t, world):
    world.age(world.status, 8 * 24 * 3600)
    world.reload()
    device = world.device("android-key").begin()
    reply = device.answer()
    t.equal((reply.status, reply.type(), device.states()), (500, "serverInternal", ("pending", "pending", "pending")),
            "a revocation list that is too old: 500, and the challenge stays (V14)")
    t.ok("Android" not in reply.body.decode() and "list" not in reply.body.decode(), "the device is not told more")
    t.equal(world.device("apple").begin().answer().json["status"], "valid", "other formats are served")
    t.ok("attestation_trust android-key: its revocation lists were good until" in world.gate.ctl("status"), "status says so")
    check = subprocess.run([os.path.join(BUILD, "acmegatectl"), "config", "check", world.gate.conf_path], capture_output=True, text=True)
    t.ok(check.returncode == 0 and "attestation_trust android-key: its revocation lists were good until" in check.stderr,
         "a check of the configuration, good as it is, does")
    t.ok("event=attestation_lists_too_old trust=android-key" in world.gate.process.text(), "and the log")
    metrics = world.gate.ctl("metrics")
    t.ok(re.search(r'acmegate_attestations_total\{format="android-key",result="undecided"\} 1\n', metrics), "it is counted")
    found = re.search(r'acmegate_attestation_revoked_expiry_timestamp_seconds\{trust="android-key"\} (\d+)', metrics)
    t.ok(found and int(found.group(1)) < time.time(), "and a metric says since when")
    world.write("status.json", json.dumps({"entries": {}}))
    world.reload()
    t.equal(device.answer().json["status"], "valid", "with a fresh list the same challenge is answered")


def revoked(t, world):
    serial = "%x" % world.makers["android-key"].ca.issuer.serial_number
    world.write("status.json", json.dumps({"entries": {serial: {"status": "SUSPENDED", "reason": "KEY_COMPROMISE"}}}))
    world.reload()
    reply = world.device("android-key").begin().answer()
    t.ok(reply.json["status"] == "invalid" and "is revoked" in reply.json["error"]["detail"],
         "an issuer on the list revokes its devices")
    world.write("status.json", json.dumps({"entries": {str(world.makers["android-key"].ca.issuer.serial_number): {"status": "REVOKED"}}}))
    world.reload(check=False)
    t.ok("is not hexadecimal" in world.gate.process.text(), "numbers of a list are hexadecimal: decimal ones of their length are refused")
    device = world.device("android-key").begin()
    statement = device.attest(device.key_auth())
    world.write("status.json", json.dumps({"entries": {"%x" % device.hardware.leaf.serial_number: {"status": "REVOKED"}}}))
    world.reload()
    reply = device.answer(statement)
    t.ok(reply.json["status"] == "invalid" and reply.json["error"]["detail"].startswith("x5c[0]"), "a leaf on the list is refused")
    world.write("status.json", json.dumps({"entries": {"%x" % world.makers["android-key"].ca.issuer.serial_number: {"status": "REVOKED"}}}))
    world.reload()
    world.write("status.json", "{}")
    world.reload(check=False)
    t.equal(world.device("android-key").begin().answer().json["status"], "invalid", "a list that cannot be read is not put in force")
    world.write("status.json", json.dumps({"entries": {}}))
    world.reload()
    t.equal(world.device("android-key").begin().answer().json["status"], "valid", "one that can, is")


def crls(t, world):
    """A CA of one's own for attestation keys revokes by X.509 CRLs."""
    maker = world.listed
    reply = world.device("apple", maker=maker, profile="listed").begin().answer()
    t.equal(reply.json["status"], "valid", "with lists of root and issuer a device that is on none is proven")
    device = world.device("apple", maker=maker, profile="listed").begin()
    statement = device.attest(device.key_auth())
    world.write("issuer.crl", maker.ca.crl([device.hardware.leaf.serial_number]))
    world.reload()
    reply = device.answer(statement)
    t.ok(reply.json["status"] == "invalid" and "is revoked" in reply.json["error"]["detail"], "a leaf on its issuer's list is refused")
    world.write("issuer.crl", maker.ca.crl())
    world.write("root.crl", maker.ca.crl([maker.ca.issuer.serial_number], by_root=True))
    world.reload()
    reply = world.device("apple", maker=maker, profile="listed").begin().answer()
    t.ok(reply.json["status"] == "invalid" and reply.json["error"]["detail"].startswith("x5c[1]"), "so is an issuer on the root's")
    world.write("root.crl", maker.ca.crl(by_root=True, begins=days(-9), ends=days(-1)))
    world.reload()
    device = world.device("apple", maker=maker, profile="listed").begin()
    reply = device.answer()
    t.equal((reply.status, reply.type(), device.states()[0]), (500, "serverInternal", "pending"),
            "behind nextUpdate nothing is verified any more")
    t.equal(world.device("apple").begin().answer().json["status"], "valid", "by this entry; others go on")
    world.write("root.crl", maker.ca.crl(by_root=True))
    world.write("issuer.crl", standin.Maker("apple").ca.crl())
    world.reload(check=False)
    t.equal(device.answer().status, 500, "a list that none of its CAs signed is not put in force")
    world.write("issuer.crl", maker.ca.crl(by_root=True))
    world.reload(check=False)
    t.equal(device.answer().status, 500, "nor are lists that leave an issuer out")
    world.write("issuer.crl", maker.ca.crl())
    world.reload()
    t.equal(device.answer().json["status"], "valid", "with all of them the challenge is answered")


def roots(t, world):
    apple, step = world.makers["apple"], standin.Maker("step", world.makers["apple"].ca)
    reply = world.device("step", maker=step).begin().answer()
    t.ok(reply.json["status"] == "invalid" and "no root" in reply.json["error"]["detail"], "a root counts for its own format alone")
    reply = world.device("apple", profile="tenant").begin().answer()
    t.ok(reply.json["status"] == "invalid" and "no root" in reply.json["error"]["detail"], "a profile has its own roots")
    reply = world.device("step", profile="tenant").begin().answer()
    t.ok(reply.json["status"] == "invalid" and reply.json["error"]["detail"].startswith("fmt"), "and its own formats")
    tenant = standin.Maker("apple")
    world.write("tenant.pem", tenant.root_pem())
    world.reload()
    t.equal(world.device("apple", maker=tenant, profile="tenant").begin().answer().json["status"], "valid",
            "a reload reads the files anew")
    t.equal(world.device("apple", maker=apple).begin().answer().json["status"], "valid", "in each profile those it names")
    device = world.device("apple", maker=tenant, profile="tenant").begin()
    kept = world.gate.conf["profiles"]
    world.gate.conf["profiles"] = [p for p in kept if p["name"] != "tenant"]
    world.reload()
    reply = device.answer()
    t.equal((reply.status, reply.type(), device.states()[0]), (400, "invalidProfile", "pending"),
            "a profile that has gone decides nothing")
    world.gate.conf["profiles"] = kept
    world.reload()
    t.equal(device.answer().json["status"], "valid", "until it is there again")


def open_profile(t, world):
    """Apple's client cannot send an external account binding."""
    device = world.device("apple", profile="bound").acme
    device.directory_url = world.gate.url + "/p/bound/directory"
    reply = device.new_account()
    t.equal((reply.status, reply.type()), (403, "externalAccountRequired"),
            "a profile that needs a binding has no account for a device without one")
    device = world.device("apple")
    device.acme.directory_url = world.gate.url + "/p/default/directory"
    t.equal(device.begin().answer().json["status"], "valid", "beside it one without needs none")
    reply = device.acme.post(world.gate.url + "/new-order", {"identifiers": device.idents, "profile": "bound"})
    t.equal((reply.status, reply.type()), (403, "externalAccountRequired"), "and its accounts do not come in there")


def too_often(t, world):
    device = world.device("apple", ident="LIMITED", profile="evidence", variant="no-id")
    types = []
    for _ in range(4):
        try:
            types.append(device.begin().answer().json["status"])
        except acme.AcmeError as fault:
            types.append(fault.reply.type())
    t.equal(types, ["invalid", "invalid", "invalid", "rateLimited"],
            "statements that are not believed count as failed validations (T8)")
    first = world.device("apple", ident="LIMITED2", variant="no-id")
    made = []
    for n in range(5):
        device = world.device("apple", ident="LIMITED2", variant="no-id", acme_=first.acme)
        made.append(device.begin(notAfter=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600 * (n + 1)))))
    replies = [device.answer() for device in made]
    t.equal([(r.status, r.json.get("status") if r.status == 200 else r.type()) for r in replies],
            [(200, "invalid")] * 3 + [(429, "rateLimited")] * 2, "so they do for orders that were made before")
    t.ok(replies[4].retry_after() and made[4].states() == ("pending", "pending", "pending"), "whose challenges wait")


def too_late(t, world, device):
    wait_until("its authorization to end", lambda: device.acme.post(device.authz_url).json["status"] == "expired", 60)
    reply = device.answer()
    t.equal((reply.status, reply.type()), (400, "malformed"), "an authorization that has expired takes no statement")
    t.equal(evidence_of(world, device), 0, "and has no evidence")


def main():
    t = Tap()
    with Lab(t) as lab:
        world = World(lab, profiles=[{"name": "evidence", "keep_evidence": True}, {"name": "bound", "eab": "required"},
                                     {"name": "brief", "pending_authz_lifetime": "10s"}, {"name": "tenant", "attestation": ["tenant"]},
                                     {"name": "listed", "attestation": ["listed"]}],
                      trust=[{"name": "listed", "format": "apple", "roots": ["listed.pem"], "intermediates": ["listed-issuer.pem"],
                              "crls": ["root.crl", "issuer.crl"]}, {"name": "tenant", "format": "apple", "roots": ["tenant.pem"]}],
                      rates={"failed_burst": 3})
        world.listed = standin.Maker("apple")
        for name, text in (("listed.pem", world.listed.root_pem()), ("listed-issuer.pem", world.listed.ca.issuer.public_bytes(PEM).decode()),
                           ("root.crl", world.listed.ca.crl(by_root=True)), ("issuer.crl", world.listed.ca.crl())):
            world.write(name, text)
        world.write("tenant.pem", standin.Maker("apple").root_pem())
        world.gate.start()
        late = world.device("apple", profile="brief").begin()
        for part in (evidence, replays, moved_keys, meetings, old_lists, revoked, crls, roots, open_profile, too_often):
            with t.part(part.__name__):
                part(t, world)
        with t.part("too late"):
            too_late(t, world, late)
        t.equal((world.gate.left_over(), broken(world.gate.sql)), ({}, {}),
                "nothing is left over, and all invariants of the store hold")
        t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""),
                "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
