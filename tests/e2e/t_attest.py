#!/usr/bin/python3
"""device-attest-01 (draft-ietf-acme-device-attest-09) with stand-ins for Apple's devices, Android phones and YubiKeys: what is proven,
each refusal with its problem (V8), and what becomes of challenge, authorization and order."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from attest.codec import cbor
from attest.prover import make_csr
from attest.world import IDS, World
from invariants import broken
from lab import Lab
from tap import Tap

BAD = "badAttestationStatement"


def good(t, world):
    for fmt in IDS:
        device = world.device(fmt)
        reply = device.begin().answer()
        t.equal((reply.status, reply.json["status"], device.states()), (200, "valid", ("valid", "valid", "ready")),
                "%s: the statement is verified within the POST: challenge, authorization and order follow at once" % fmt)
        t.ok(reply.json.get("validated") and "error" not in reply.json, "%s: the challenge says when" % fmt)
    device = world.device("android-key", variant="challenge-hash")
    t.equal(device.begin().answer().json["status"], "valid",
            "android-key: a challenge that is the key authorization's SHA-256 is as good")
    device = world.device("apple", kind="hardware-module")
    device.idents[0]["value"] = device.hardware.udid + "/1.2.840.113635.100.8.9.2"
    t.equal(device.begin().answer().json["status"], "valid", "apple: the UDID proves a hardware-module, where that is configured")


def challenges_of(t, world):
    device = world.device("apple")
    device.begin()
    authz = device.acme.post(device.authz_url).json
    t.equal([c["type"] for c in authz["challenges"]], ["device-attest-01"], "a device is offered device-attest-01 alone")
    t.ok(len(device.chall["token"]) >= 22 and "=" not in device.chall["token"], "with a token of 128 bits and more")


def malformed(t, world):
    """V8: what cannot be read says nothing about the device."""
    device = world.device("apple")
    device.begin()
    for payload, what in (({}, "no attObj"), ({"attObj": None}, "null"), ({"attObj": 7}, "a number"), ({"attObj": ["x"]}, "a list"),
                          ({"attObj": "{}"}, "text that is no base64url"), ({"attObj": "AA=="}, "padding"),
                          ({"attObj": "A"}, "one character"),
                          ({"error": 7}, "an error that is no text"), ({"error": ""}, "an empty error")):
        reply = device.say(payload)
        t.equal((reply.status, reply.type(), device.states()), (400, "malformed", ("pending", "pending", "pending")),
                "%s: 400 malformed, and the challenge stays" % what)
    reply = device.say({"attObj": acme.b64(device.attest(device.key_auth())), "error": "x", "keyAuthorization": 7})
    t.equal(reply.json["status"], "valid", "other members are ignored, and what stays can still be answered")


def disbelieved(t, world):
    """(what, payload, type, beginning of the detail)"""
    cases = (("an empty one", b"", BAD, "cbor"), ("{}", b"{}", BAD, "attObj"), ("no CBOR", b"\xff\xff", BAD, "cbor"),
             ("no map", cbor([1]), BAD, "cbor"), ("no fmt", cbor({"attStmt": {}}), BAD, "fmt"),
             ("fmt none", cbor({"fmt": "none", "attStmt": {}}), BAD, "fmt"),
             ("fmt packed", cbor({"fmt": "packed", "attStmt": {}}), BAD, "fmt"),
             ("a format without roots", cbor({"fmt": "tpm", "attStmt": {}}), BAD, "fmt"),
             ("33 KiB", cbor({"fmt": "apple", "attStmt": {"x": b"x" * 33 * 1024}}), BAD, "attObj"))
    for what, octets, kind, words in cases:
        device = world.device("apple")
        reply = device.begin().say({"attObj": acme.b64(octets)})
        error = reply.json.get("error", {})
        t.ok(reply.status == 200 and reply.json["status"] == "invalid" and error.get("type") == "urn:ietf:params:acme:error:" + kind and
             error.get("detail", "").startswith(words),
             "%s: 200, challenge invalid, %s, the detail begins with %s" % (what, kind, words))
        t.equal(device.states(), ("invalid", "invalid", "invalid"), "%s: authorization and order are invalid with it (O5)" % what)
    device = world.device("apple")
    reply = device.begin().say({"error": "no Secure Enclave"})
    t.equal((reply.status, reply.json["status"], reply.json["error"]["type"].rpartition(":")[2]),
            (200, "invalid", "rejectedIdentifier"),
            "a client that gives up is heard")
    t.ok("no Secure Enclave" in reply.json["error"]["detail"], "in its own words")
    reply = device.answer()
    t.equal((reply.status, reply.type()), (400, "malformed"), "a challenge that is invalid takes no other answer")


VARIANTS = (("apple", "wrong-freshness no-freshness no-id other-id expired other-root"),
            ("android-key", "wrong-challenge bad-sig software unlocked imported serial-software no-id other-id extended other-root"),
            ("step", "bad-sig sig-not-cbor no-id other-id other-root expired"))


def variants(t, world):
    for fmt, names in VARIANTS:
        for variant in names.split():
            device = world.device(fmt, variant=variant)
            reply = device.begin().answer()
            good = reply.status == 200 and reply.json["status"] == "invalid" and reply.json["error"]["type"].endswith(BAD)
            t.ok(good and device.states()[2] == "invalid",
                 "%s %s is refused: %s" % (fmt, variant, reply.json.get("error", {}).get("detail")))


def is_certificate_of(device, key):
    public = acme.leaf_of(device.collect()).public_key()
    return public.public_numbers() == key.public_key().public_numbers()


def binding(t, world):
    """The certificate's key is the attested one (draft-ietf-acme-device-attest-09 section 9)."""
    for fmt in IDS:
        device = world.device(fmt).begin()
        device.answer_all()
        reply, state = device.ask_for(make_csr(acme.new_key(), device.idents))
        t.equal((reply.status, reply.type(), state), (400, "badCSR", "ready"),
                "%s: a CSR with another key is refused, the order stays ready (W16)" % fmt)
        reply, state = device.ask_for(make_csr(device.hardware.key, device.idents))
        t.ok(state == "valid" and is_certificate_of(device, device.hardware.key),
             "%s: with the attested key there is a certificate, of that key" % fmt)
    device = world.device("step").begin()
    device.answer_all()
    t.equal(device.ask_for(make_csr(device.hardware.key))[1], "valid", "a CSR need not name the device")
    device = world.device("step", profile="any-key").begin()
    device.answer_all()
    t.equal(device.ask_for(make_csr(acme.new_key(), device.idents))[1], "valid", "where the profile says any key, it is any")
    t.ok(world.gate.sql("select key_hash from evidence e join authz a on a.id=e.authz_id where a.ref=?",
                        device.authz_url.rpartition("/")[2])[0][0],
         "and the attested one is on record")


def of_several(t, world):
    """Each authorization of the order has a say."""
    one, two = (world.makers["step"].device(ident) for ident in ("1001", "1002"))
    idents = [{"type": "permanent-identifier", "value": d.ident} for d in (one, two)]
    device = world.device("step", idents=idents).begin()
    by_token = {}
    for url in device.order["authorizations"]:
        authz = device.acme.post(url).json
        by_token[authz["challenges"][0]["token"]] = one if authz["identifier"]["value"] == one.ident else two
    device.attest = lambda key_auth: by_token[key_auth.split(".")[0]].attest(key_auth)
    t.equal(device.answer_all()["status"], "ready", "two devices in one order are attested")
    for hardware in (one, two):
        reply, state = device.ask_for(make_csr(hardware.key, idents))
        t.equal((reply.status, reply.type(), state), (400, "badCSR", "ready"), "and the key of one alone is refused")
    hardware = world.makers["apple"].device("TWOFOLD1")
    idents = [{"type": "permanent-identifier", "value": hardware.ident},
              {"type": "hardware-module", "value": hardware.udid + "/1.2.840.113635.100.8.9.2"}]
    device = world.device("apple", idents=idents).begin()
    device.attest = hardware.attest
    device.answer(cbor({}))
    t.equal(device.states()[2], "invalid", "one statement that is bad ends the order of both")
    device.begin()
    device.answer_all()
    t.ok(device.ask_for(make_csr(hardware.key, idents))[1] == "valid" and is_certificate_of(device, hardware.key),
         "serial number and UDID of one device, attested for one key: a certificate for both")


def main():
    t = Tap()
    with Lab(t) as lab:
        world = World(lab, profiles=[{"name": "any-key", "certificate_key": "any"}])
        world.gate.start()
        for part in (good, challenges_of, malformed, disbelieved, variants, binding, of_several):
            with t.part(part.__name__):
                part(t, world)
        t.equal((world.gate.left_over(), broken(world.gate.sql)), ({}, {}),
                "nothing is left over, and all invariants of the store hold")
        t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""),
                "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
