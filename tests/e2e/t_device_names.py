#!/usr/bin/python3
"""Devices as identifiers: what an order, a CSR and a certificate say of them, and what a CA outside never hears; the names that follow
from a device (device_names), which are proven with it, by two drivers, and while the gateway is killed."""

import base64
import json
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from attest.codec import HARDWARE_MODULE, PERMANENT_IDENTIFIER, hardware_module, permanent_identifier
from attest.prover import other_names
from attest.world import World
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from invariants import broken
from lab import Lab, wait_until
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

PI, DNS = "permanent-identifier", "dns"
DEVICES = ["permanent-identifier:*", "hardware-module:*"]
NAMES = "${id}.devices.test"


def device_id(value, kind=PI):
    return {"type": kind, "value": value}


def csr(key, names=(), devices=(), cn=None):
    """With an extensionRequest only if there is anything in it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
    sans = [x509.DNSName(n) for n in names] + other_names(devices)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def san_of(chain):
    """Of the leaf: {("dns", name), ("permanent-identifier", DER), ...}, and is it critical?"""
    ext = acme.leaf_of(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    forms = {PERMANENT_IDENTIFIER: PI, HARDWARE_MODULE: "hardware-module"}
    found = set()
    for name in ext.value:
        if isinstance(name, x509.OtherName):
            found.add((forms[name.type_id.dotted_string], name.value))
        else:
            found.add((DNS, name.value))
    return found, ext.critical


def ready(world, idents, profile=None, fmt="step", **options):
    """A device whose order is ready; the first of the identifiers is its own."""
    device = world.device(fmt, ident=idents[0]["value"].split("/")[0], idents=idents, profile=profile, **options)
    device.begin()
    prove(device)
    return device


def prove(device):
    """Only the device's own challenges; the reply to the last."""
    reply = None
    for url in device.order["authorizations"]:
        authz = device.acme.post(url).json
        if authz["identifier"]["type"] in (PI, "hardware-module"):
            device.authz_url, device.chall = url, authz["challenges"][0]
            reply = device.answer()
    device.order = device.acme.post(device.order_url).json
    return reply


def authzs(device):
    """{value: authorization} of its order."""
    found = [device.acme.post(url).json for url in device.order["authorizations"]]
    return {a["identifier"]["value"]: a for a in found}


def refused_order(t, device, kind, what, words=""):
    if not device.acme.kid:
        device.register()
    payload = {"identifiers": device.idents}
    if device.profile:
        payload["profile"] = device.profile
    reply = device.acme.post(device.acme.directory["newOrder"], payload)
    t.ok(reply.status == 400 and reply.type() == kind and words in reply.json["detail"], "%s: %s, %s" % (what, kind, reply.json.get("detail")))


# ---- identifiers ----

def orders(t, world):
    for value, what in (("", "an empty identifier"), ("/1.2", "nothing before the slash"), ("a/", "nothing behind it"), ("a/b", "no OID behind it"),
                        ("a/1.40", "no OID there can be"), ("a/1.02", "a leading zero"), ("a/1.2/1.2", "two slashes"), ("a\nb", "a newline"),
                        ("a\u0085", "a control character of Unicode"), ("x" * 254, "254 octets")):
        refused_order(t, world.device("step", ident="1", idents=[device_id(value)]), "malformed", what)
    refused_order(t, world.device("step", ident="1", idents=[device_id("TPM1", "hardware-module")]), "malformed", "a hardware module without its type", "OID")
    refused_order(t, world.device("step", ident="1", idents=[device_id("1", "imei")]), "unsupportedIdentifier", "a type that is none")
    refused_order(t, world.device("step", ident="1", idents=[device_id("1")], profile="names"), "invalidProfile", "a type that the profile has not")
    refused_order(t, world.device("step", ident="1", idents=[device_id("66")]), "rejectedIdentifier", "a device that a rule refuses", "stolen")
    refused_order(t, world.device("step", ident="1", idents=[device_id("66/1.2.3")]), "rejectedIdentifier", "with an OID, too", "stolen")
    device = world.device("step", ident="1", idents=[device_id("Sn 1,2%/1.2.3"), device_id("sn 1,2%/1.2.3"), device_id("Sn 1,2%/1.2.3")]).begin()
    t.equal([i["value"] for i in device.order["identifiers"]], ["Sn 1,2%/1.2.3", "sn 1,2%/1.2.3"],
            "a value is kept octet for octet, and only the same is a repeat (W17)")
    again = device.acme.post(device.acme.directory["newOrder"], {"identifiers": device.idents[:2]})
    t.equal((again.status, again.headers["Location"]), (201, device.order_url), "the same newOrder again is the same order (O1)")
    pre = world.gate.acme(world.gate.url + "/p/inside/directory")
    pre.new_account()
    reply = pre.post(pre.directory["newAuthz"], {"identifier": device_id("1")})
    t.equal((reply.status, reply.type()), (403, "rejectedIdentifier"), "a device is not authorized before its order")


# ---- the local CA ----

def local(t, world):
    """CSRs for an order of a device alone."""
    value = "4711"
    good = ((dict(devices=[device_id(value)]), "the device in the SAN"), (dict(), "nothing"), (dict(cn=value), "the device as CN"))
    for options, what in good:
        device = ready(world, [device_id(value)])
        reply, state = device.ask_for(csr(device.hardware.key, **options))
        t.equal(state, "valid", "a CSR with %s is taken: %s" % (what, reply.body[:100]))
        chain = device.collect()
        t.equal(san_of(chain), ({(PI, permanent_identifier(value))}, True), "the certificate has what was proven, as critical otherName, whatever the CSR says")
        t.equal(len(acme.leaf_of(chain).subject), 0, "and an empty subject: a CN that nobody validated is not passed on")
    bad = ((dict(devices=[device_id("4712")]), "another device in the SAN", "not in the order"),
           (dict(devices=[device_id(value + "/1.2.3")]), "the device with an OID", "not in the order"),
           (dict(cn="sn4712"), "another CN", "none but the device"), (dict(cn="my printer"), "a CN that is no name", "common name"),
           (dict(names=["a.test"]), "a name that is not in the order", "not exactly"))
    device = ready(world, [device_id(value)])
    for options, what, words in bad:
        reply, state = device.ask_for(csr(device.hardware.key, **options))
        t.ok((reply.status, reply.type(), state) == (400, "badCSR", "ready") and words in reply.json["detail"],
             "a CSR with %s is refused: %s" % (what, reply.json.get("detail")))
    hardware = world.makers["apple"].device("FRUIT1")
    module = device_id(hardware.udid + "/1.2.840.113635.100.8.9.2", "hardware-module")
    device = world.device("apple", idents=[device_id("FRUIT1"), module]).begin()
    device.attest, device.hardware = hardware.attest, hardware
    prove(device)
    device.ask_for(csr(hardware.key, devices=[module]))
    t.equal(san_of(device.collect())[0], {(PI, permanent_identifier("FRUIT1")), ("hardware-module", hardware_module(module["value"]))},
            "of two identifiers of a device one may be left out of the CSR, and none is of the certificate")
    revoke(t, world, device)


def revoke(t, world, device):
    chain = device.collect()
    leaf = acme.leaf_of(chain).public_bytes(serialization.Encoding.DER)
    other = world.device("step", ident="1")
    other.register()
    reply = other.acme.post(other.acme.directory["revokeCert"], {"certificate": acme.b64(leaf)})
    t.equal((reply.status, reply.type()), (403, "unauthorized"), "another account may not revoke a device's certificate")
    t.equal(device.acme.post(device.acme.directory["revokeCert"], {"certificate": acme.b64(leaf)}).status, 200, "its own may")
    shown = world.gate.ctl("cert", "list")
    t.ok("permanent-identifier:FRUIT1" in shown and "hardware-module:" in shown, "acmegatectl lists a certificate with its devices")


# ---- names that follow from devices ----

def listed(t, world, profile, outside):
    """The order lists device and names."""
    idents = [device_id("2001"), {"type": DNS, "value": "2001.devices.test"}, {"type": DNS, "value": "x-2001.devices.test"}]
    device = world.device("step", ident="2001", idents=idents, profile=profile).begin()
    t.equal(sorted(c["type"] for c in authzs(device)["2001.devices.test"]["challenges"]), ["http-01"],
            "%s: until then the name's authorization offers what the profile has" % profile)
    reply = prove(device)
    t.equal((reply.json["status"], device.order["status"]), ("valid", "ready"), "%s: with the device all names are proven, within its POST" % profile)
    t.equal({a["status"] for a in authzs(device).values()}, {"valid"}, "%s: their authorizations say so" % profile)
    for options, what, words in ((dict(names=["2001.devices.test"]), "with a name less", "expected: 2001.devices.test, x-2001.devices.test"),
                                 (dict(), "without names", "expected: 2001.devices.test, x-2001.devices.test")):
        reply, state = device.ask_for(csr(device.hardware.key, **options))
        t.ok((reply.type(), state) == ("badCSR", "ready") and words in reply.json["detail"], "%s: a CSR %s is refused, and told" % (profile, what))
    names = ["2001.devices.test", "x-2001.devices.test"]
    if outside:
        for options, field in ((dict(devices=[device_id("2001")]), "subjectAltName"), (dict(cn="2001"), "common name")):
            reply, state = device.ask_for(csr(device.hardware.key, names, **options))
            t.ok((reply.type(), state) == ("badCSR", "ready") and field in reply.json["detail"] and "public CA" in reply.json["detail"],
                 "%s: a CSR with the device in its %s is refused: %s" % (profile, field, reply.json["detail"]))
    reply, state = device.ask_for(csr(device.hardware.key, names, devices=[] if outside else [device_id("2001")]))
    chain = device.collect()
    own = set() if outside else {(PI, permanent_identifier("2001"))}
    t.equal(san_of(chain)[0], own | {(DNS, n) for n in names}, "%s: the certificate is for %s" % (profile, "the names alone" if outside else "device and names"))
    other = device.acme.new_order(names, profile=profile)
    t.equal(other.json["status"], "pending", "%s: what a device proved is not used for an order without it: that could have any key" % profile)
    return device


def mapped(t, world, profile, outside):
    """The order names the device alone."""
    device = ready(world, [device_id("3001")], profile=profile)
    t.equal([i["value"] for i in device.order["identifiers"]], ["3001"], "%s: the order shows what was ordered" % profile)
    names = ["3001.devices.test", "x-3001.devices.test"]
    if outside:
        for options in (dict(), dict(names=names[:1])):
            reply, state = device.ask_for(csr(device.hardware.key, **options))
            t.ok((reply.type(), state) == ("badCSR", "ready") and "expected: 3001.devices.test, x-3001.devices.test" in reply.json["detail"],
                 "%s: a CSR without its names is refused, and they are told: %s" % (profile, reply.json.get("detail")))
        reply, state = device.ask_for(csr(device.hardware.key, names, cn="3001"))
        t.equal((reply.type(), state), ("badCSR", "ready"), "%s: the device as CN is refused" % profile)
        device.ask_for(csr(device.hardware.key, names, cn=names[0]))
    else:
        device.ask_for(csr(device.hardware.key, cn="3001"))
    chain = device.collect()
    own = set() if outside else {(PI, permanent_identifier("3001"))}
    t.equal(san_of(chain)[0], own | {(DNS, n) for n in names}, "%s: the certificate is for its names%s" % (profile, "" if outside else " and the device"))
    shown = world.gate.ctl("order", "show", device.order_url.rpartition("/")[2])
    t.ok("permanent-identifier:3001" in shown and "3001.devices.test, x-3001.devices.test" in shown, "%s: acmegatectl shows device and names of the order" % profile)
    again = ready(world, [device_id("3001")], profile=profile, acme_=device.acme)
    t.equal(again.order["status"], "ready", "%s: the same device may have them again" % profile)
    odd = ready(world, [device_id("3001")], profile=profile) if not outside else None
    if odd:
        reply, state = odd.ask_for(csr(odd.hardware.key, names))
        t.equal(state, "valid", "%s: the names may be in the CSR, too" % profile)
        t.equal(san_of(odd.collect())[0], own | {(DNS, n) for n in names}, "%s: with the same result" % profile)


def hashed(t, world):
    """An identifier that is no label has names all the same."""
    device = world.device("apple", ident="SERIAL_1", profile="inside-mapped").begin()
    prove(device)
    device.ask_for(csr(device.hardware.key))
    names = sorted((v for k, v in san_of(device.collect())[0] if k == DNS), key=len)
    t.ok(len(names) == 2 and re.fullmatch(r"[a-z2-7]{16}\.devices\.test", names[0]) and names[1] == "x-" + names[0],
         "an identifier that is no label is a hash in its names: %s" % names)
    again = world.device("apple", ident="SERIAL_1", profile="inside-mapped").begin()
    prove(again)
    again.ask_for(csr(again.hardware.key))
    t.equal(sorted((v for k, v in san_of(again.collect())[0] if k == DNS), key=len), names, "the same the next time, for another account")


def owners(t, world):
    """V11: the first device keeps a name."""
    first = world.device("apple", ident="Twin1", profile="inside-mapped").begin()
    late = world.device("apple", ident="TWIN1", profile="inside-mapped").begin()
    prove(first)
    reply = prove(late)
    t.ok(reply.status == 200 and reply.json["status"] == "invalid" and reply.json["error"]["type"].endswith("rejectedIdentifier") and
         late.order["status"] == "invalid", "a twin that proves itself second is refused: %s" % reply.json.get("error", {}).get("detail"))
    third = world.device("apple", ident="TWIN1", profile="inside-mapped")
    refused_order(t, third, "rejectedIdentifier", "and later it cannot even order", "belongs to another device")
    listing = world.device("apple", ident="TWIN1", idents=[device_id("TWIN1"), {"type": DNS, "value": "twin1.devices.test"}], profile="inside")
    refused_order(t, listing, "rejectedIdentifier", "nor list the name", "belongs to another device")
    shown = world.gate.ctl("device", "show", "Twin1")
    t.ok("twin1.devices.test" in shown and "x-twin1.devices.test" in shown, "acmegatectl shows a device's names")
    world.gate.ctl("device", "remove", "Twin1", "--yes")
    reply, state = first.ask_for(csr(first.hardware.key))
    t.equal((reply.status, reply.type(), state), (403, "unauthorized", "ready"), "a device that was removed has its names no longer, not even for an order that is ready")
    late = world.device("apple", ident="TWIN1", profile="inside-mapped").begin()
    t.equal(prove(late).json["status"], "valid", "then they are for the next")


def rules(t, world):
    """The rules are asked about mapped names, too, and a refused device is refused."""
    device = world.device("step", ident="666", profile="inside-mapped")
    refused_order(t, device, "rejectedIdentifier", "a mapped name that a rule refuses", "reserved")
    device = world.device("step", ident="7000", idents=[device_id("70%02d" % n) for n in range(51)], profile="inside-mapped")
    refused_order(t, device, "malformed", "more names than an order may have", "the order has 102 names")


def outside_refusals(t, world):
    refused_order(t, world.device("step", ident="5001", idents=[device_id("5001")], profile="outside"), "rejectedIdentifier",
                  "an order of a device alone, for a CA outside", "identifiers has only devices")


def payloads(proxy):
    """All that the CA was sent: heads and decoded payloads, as one text."""
    found = []
    for exchange in proxy.seen:
        found.append(exchange.path)
        try:
            jws = json.loads(exchange.body_sent or b"{}")
        except ValueError:
            continue
        for part in ("protected", "payload"):
            text = jws.get(part, "")
            octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found.append(octets.decode("latin-1"))
            try:
                inner = json.loads(octets).get("csr", "")
            except (ValueError, AttributeError):
                continue
            found.append(base64.urlsafe_b64decode(inner + "=" * (-len(inner) % 4)).decode("latin-1"))
    return "\n".join(found)


OTHER_NAMES = (b"\x2b\x06\x01\x05\x05\x07\x08\x03".decode("latin-1"), b"\x2b\x06\x01\x05\x05\x07\x08\x04".decode("latin-1"))


def unheard(t, proxy, what):
    sent = payloads(proxy)
    t.ok("newOrder" in {e.kind for e in proxy.seen} and "devices.test" in sent, "the CA was asked")
    t.ok("permanent-identifier" not in sent and "hardware-module" not in sent and not any(o in sent for o in OTHER_NAMES),
         "%s: the CA never heard of a device" % what)


def tampered(t, world, proxy):
    """Were an order with a device to get as far as the CA's job, by whatever fault: it gets no further."""
    for what, idents, kinds in (("an order of a device alone", "permanent-identifier:6001", set()),
                                ("a CSR with the device", None, {"finalize"})):
        device = ready(world, [device_id("6001"), {"type": DNS, "value": "6001.devices.test"}], profile="outside")
        proxy.rule = lambda exchange, stage: (503, [], b"") if exchange.kind in ("newOrder", "newNonce") else None
        asked = len(proxy.seen)
        reply, state = device.ask_for(csr(device.hardware.key, ["6001.devices.test"]))
        t.equal(state, "processing", "%s: the order waits for the CA" % what)
        world.gate.kill()
        db = sqlite3.connect(os.path.join(world.gate.state, "acmegate.db"))
        ref = device.order_url.rpartition("/")[2]
        if idents:
            db.execute("update orders set idents=? where ref=?", (idents, ref))
        else:
            db.execute("update orders set csr=? where ref=?", (csr(device.hardware.key, ["6001.devices.test"], [device_id("6001")]), ref))
        db.commit()
        db.close()
        proxy.rule = None
        world.gate.start()
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "processing", 60)
        t.equal((order["status"], order["error"]["type"].rpartition(":")[2]), ("invalid", "serverInternal"), "%s ends it" % what)
        new = [e.kind for e in proxy.seen[asked:]]
        t.ok("finalize" not in new, "%s: no CSR went out: %s" % (what, new))
        t.ok("not_for_outside" in world.gate.process.text(), "%s: an operator is told" % what)
    unheard(t, proxy, "whatever the store said")


# ---- killed ----

# of device and name: authorizations, the order, and whose the name is
WHOLE = {(0, 0, 0, 0), (1, 1, 1, 1), (1, 1, 2, 1), (1, 1, 3, 1)}


def crash(lab, number, plan, server=None):
    name = "crash%d" % number
    profile = {"identifier_types": [PI, DNS], "challenges": ["http-01", "device-attest-01"], "device_names": [NAMES]}
    world = World(lab, profiles=[dict(profile, name="inside")], name=name, rules=[{"name": "all", "names": DEVICES + ["*.test"]}],
                  **({"store": lab.database(server, name)} if server else {}))
    gate, seen = world.gate, set()

    def look():
        try:
            seen.update(gate.sql("select a.state, b.state, o.state, (select count(*) from device_name) from orders o"
                                 " join order_authz oa on oa.order_id=o.id join authz a on a.id=oa.authz_id and a.ident_type=2"
                                 " join order_authz ob on ob.order_id=o.id join authz b on b.id=ob.authz_id and b.ident_type=0"))
        except Exception:
            pass  # there is no schema yet

    supervisor = Supervisor(gate, plan, look)
    device = world.device("step", ident="9001", idents=[device_id("9001"), {"type": DNS, "value": "9001.devices.test"}], profile="inside", patient=60)
    device.begin()
    prove(device)
    if device.order["status"] == "ready":
        device.ask_for(csr(device.hardware.key, ["9001.devices.test"]))
    chain = device.collect()
    result = {"names": san_of(chain)[0], "certificates": gate.sql("select count(*) from cert")[0][0], "broken": broken(gate.sql),
              "status": supervisor.end(), "sanitizer": gate.sanitizer_report()}
    look()
    good = {"names": {(PI, permanent_identifier("9001")), (DNS, "9001.devices.test")}, "certificates": 1, "broken": {}, "status": 0, "sanitizer": ""}
    return outcome(supervisor, result, good, seen=seen)


def killed(t, lab, first, server=None, last=9):
    calm = crash(lab, first, [], server)
    judge(t, calm, 0, "device and name without a crash", states=WHOLE)
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    chosen = list(range(max(1, len(places) - last), len(places) + 1))
    results = side_by_side([lambda n=n: crash(lab, first + n, [n], server) for n in chosen])
    for n, result in zip(chosen, results):
        where = (result.get("where") or ["not reached"])[0]
        judge(t, result, 0, "killed at place %d (%s): device and name are proven together, or neither" % (n, where), states=WHOLE)
    t.ok(sum(bool(r.get("where")) for r in results) > len(chosen) / 2, "it was killed in most of %d runs" % len(results))


def main():
    t = Tap()
    with Lab(t) as lab:
        pebble = lab.pebble()
        proxy = lab.proxy(pebble)
        names = {"identifier_types": [PI, DNS], "challenges": ["http-01", "device-attest-01"], "device_names": [NAMES, "x-" + NAMES]}
        mapping = dict(names, identifier_types=[PI], challenges=["device-attest-01"], csr_names="mapped")
        world = World(lab, name="names", http_port=pebble.http_port, profiles=[
            dict(names, name="inside", pre_authorization=True), dict(mapping, name="inside-mapped"), dict(names, name="outside", upstream="ca", validity="30d"),
            dict(mapping, name="outside-mapped", upstream="ca", validity="30d"),
            {"name": "names", "identifier_types": [DNS], "challenges": ["http-01"], "attestation": []}],
            upstreams=[{"name": "local", "driver": "local"}, {"name": "ca", "driver": "acme", "directory": proxy.directory,
                                                              "ca_file": lab.path("web_root.pem"), "accept_terms": True, "request": "5s"}],
            rules=[{"name": "stolen", "action": "refuse", "names": ["permanent-identifier:66"], "say": "it was stolen"},
                   {"name": "reserved", "action": "refuse", "names": ["666.devices.test"], "say": "that name is reserved"},
                   {"name": "devices", "names": DEVICES}, {"name": "all", "names": ["*.test"]}])
        world.gate.start()
        for part in (orders, local, rules, hashed, owners, outside_refusals):
            with t.part(part.__name__):
                part(t, world)
        for profile, outside in (("inside", False), ("outside", True)):
            with t.part("listed, " + profile):
                listed(t, world, profile, outside)
            with t.part("mapped, " + profile):
                mapped(t, world, profile + "-mapped", outside)
        unheard(t, proxy, "orders with devices")
        with t.part("tampered"):
            tampered(t, world, proxy)
        wait_until("nothing to be left over", lambda: not world.gate.left_over(), 60)
        t.equal(broken(world.gate.sql), {}, "all invariants of the store hold")
        t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
        with t.part("killed, SQLite"):
            killed(t, lab, 0)
        with t.part("killed, PostgreSQL"):
            killed(t, lab, 300, lab.postgres(), 4)
    return t.done()


sys.exit(main())
