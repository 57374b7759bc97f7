#!/usr/bin/python3
"""device-attest-01 (draft-ietf-acme-device-attest-09) with stand-ins for Apple's devices, Android phones and YubiKeys: what is proven,
each refusal with its problem (V8), and what becomes of challenge, authorization and order."""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from attest import standin
from attest.codec import cbor
from lab import Lab
from tap import Tap

IDS = {"apple": "TMWFWWWP67", "android-key": "R5CT1234567", "step": "10203040"}
BAD = "badAttestationStatement"


class Prover(acme.Device):
    """A device that answers device-attest-01 with what `attest(key authorization)` gives."""

    def __init__(self, gate, ident, attest, kind="permanent-identifier", profile=None, **options):
        super().__init__(gate.acme(**options), None)
        self.idents, self.attest, self.profile = [{"type": kind, "value": ident}], attest, profile

    def begin(self):
        """newOrder, and a look at its challenge."""
        if not self.acme.kid:
            self.register()
        payload = {"identifiers": self.idents}
        if self.profile:
            payload["profile"] = self.profile
        reply = self.acme.want("newOrder", self.acme.post(self.acme.directory["newOrder"], payload), 201)
        self.order_url, self.order = reply.headers["Location"], reply.json
        self.authz_url = self.order["authorizations"][0]
        self.chall = self.acme.post(self.authz_url).json["challenges"][0]
        return self

    def key_auth(self, chall=None, acme_=None):
        return "%s.%s" % ((chall or self.chall)["token"], acme.thumbprint((acme_ or self.acme).key))

    def say(self, payload):
        return self.acme.post(self.chall["url"], payload)

    def answer(self, statement=None):
        return self.say({"attObj": acme.b64(self.attest(self.key_auth()) if statement is None else statement)})

    def states(self):
        """Of challenge, authorization and order."""
        authz = self.acme.post(self.authz_url).json
        return self.acme.post(self.chall["url"]).json["status"], authz["status"], self.acme.post(self.order_url).json["status"]


class World:
    def __init__(self, t, lab):
        self.t, self.lab = t, lab
        self.makers = {fmt: standin.Maker(fmt) for fmt in IDS}
        self.status = lab.path("status.json")
        self.write("status.json", json.dumps({"entries": {}}))
        trust = []
        for fmt, maker in self.makers.items():
            entry = {"name": fmt, "format": fmt, "roots": [self.write(fmt + ".pem", maker.root_pem())]}
            if fmt == "android-key":
                entry["revoked"] = self.status
            if fmt == "apple":
                entry["udid_modules"] = True
            trust.append(entry)
        profile = {"upstream": "local", "identifier_types": ["permanent-identifier", "hardware-module"], "validity": "7d",
                   "challenges": ["device-attest-01"], "attestation": list(IDS), "eab": "none"}
        self.gate = lab.gate("https://localhost:1/none", profiles=[
            dict(profile, name="default"), dict(profile, name="evidence", keep_evidence=True),
            dict(profile, name="yubikeys", attestation=["step"])],
            upstreams=[{"name": "local", "driver": "local"}], attestation_trust=trust, rules=[
                {"name": "devices", "names": ["permanent-identifier:*", "hardware-module:*"]}])

    def write(self, name, text):
        path = self.lab.path(name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def device(self, fmt, **options):
        """(prover, what it has in its hand)"""
        hardware = self.makers[fmt].device(options.pop("ident", IDS[fmt]))
        variant = options.pop("variant", "good")
        return Prover(self.gate, hardware.ident, lambda key_auth: hardware.attest(key_auth, variant), **options), hardware


def good(t, world):
    for fmt in IDS:
        device, _ = world.device(fmt)
        reply = device.begin().answer()
        t.equal((reply.status, reply.json["status"], device.states()), (200, "valid", ("valid", "valid", "ready")),
                "%s: the statement is verified within the POST: challenge, authorization and order follow at once" % fmt)
        t.ok(reply.json.get("validated") and "error" not in reply.json, "%s: the challenge says when" % fmt)
    device, _ = world.device("android-key", variant="challenge-hash")
    t.equal(device.begin().answer().json["status"], "valid", "android-key: a challenge that is the key authorization's SHA-256 is as good")
    device, hardware = world.device("apple", kind="hardware-module")
    device.idents[0]["value"] = hardware.udid + "/1.2.840.113635.100.8.9.2"
    t.equal(device.begin().answer().json["status"], "valid", "apple: the UDID proves a hardware-module, where that is configured")


def challenges_of(t, world):
    device, _ = world.device("apple")
    device.begin()
    authz = device.acme.post(device.authz_url).json
    t.equal([c["type"] for c in authz["challenges"]], ["device-attest-01"], "a device is offered device-attest-01 alone")
    t.ok(len(device.chall["token"]) >= 22 and "=" not in device.chall["token"], "with a token of 128 bits and more")


def malformed(t, world):
    """V8: what cannot be read says nothing about the device."""
    device, _ = world.device("apple")
    device.begin()
    for payload, what in (({}, "no attObj"), ({"attObj": None}, "null"), ({"attObj": 7}, "a number"), ({"attObj": ["x"]}, "a list"),
                          ({"attObj": "{}"}, "text that is no base64url"), ({"attObj": "AA=="}, "padding"), ({"attObj": "A"}, "one character"),
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
             ("fmt none", cbor({"fmt": "none", "attStmt": {}}), BAD, "fmt"), ("fmt packed", cbor({"fmt": "packed", "attStmt": {}}), BAD, "fmt"),
             ("a format without roots", cbor({"fmt": "tpm", "attStmt": {}}), BAD, "fmt"),
             ("33 KiB", cbor({"fmt": "apple", "attStmt": {"x": b"x" * 33 * 1024}}), BAD, "attObj"))
    for what, octets, kind, words in cases:
        device, _ = world.device("apple")
        reply = device.begin().say({"attObj": acme.b64(octets)})
        error = reply.json.get("error", {})
        t.ok(reply.status == 200 and reply.json["status"] == "invalid" and error.get("type") == "urn:ietf:params:acme:error:" + kind and
             error.get("detail", "").startswith(words), "%s: 200, challenge invalid, %s, the detail begins with %s" % (what, kind, words))
        t.equal(device.states(), ("invalid", "invalid", "invalid"), "%s: authorization and order are invalid with it (O5)" % what)
    device, _ = world.device("apple")
    reply = device.begin().say({"error": "no Secure Enclave"})
    t.equal((reply.status, reply.json["status"], reply.json["error"]["type"].rpartition(":")[2]), (200, "invalid", "rejectedIdentifier"),
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
            device, _ = world.device(fmt, variant=variant)
            reply = device.begin().answer()
            good = reply.status == 200 and reply.json["status"] == "invalid" and reply.json["error"]["type"].endswith(BAD)
            t.ok(good and device.states()[2] == "invalid", "%s %s is refused: %s" % (fmt, variant, reply.json.get("error", {}).get("detail")))


def main():
    t = Tap()
    with Lab(t) as lab:
        world = World(t, lab)
        world.gate.start()
        for part in (good, challenges_of, malformed, disbelieved, variants):
            with t.part(part.__name__):
                part(t, world)
        t.equal(world.gate.left_over(), {}, "nothing is left over")
        t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
