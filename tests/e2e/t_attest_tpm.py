#!/usr/bin/python3
"""device-attest-01 with a real TPM (swtpm): endorsement key, attestation key with a certificate of a CA that activated its credential,
a key certified over the key authorization, and a CSR signed inside; and every way to do one of these wrong."""

import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import serialization

import acme
from attest.ca import Ca
from attest.prover import Prover, make_csr
from lab import Lab
from tap import Tap

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attest", "tpm-attest")
TPMS = 3  # that are worked in parallel
BAD = "urn:ietf:params:acme:error:badAttestationStatement"


class Refused(Exception):
    pass


class Tpm:
    """One software TPM and the CA of its attestation keys, which all of them share."""

    def __init__(self, lab, number):
        self.state, self.ident = lab.path("tpm%d" % number), "SN-TPM-%d" % number
        os.makedirs(self.state)
        os.symlink(lab.path("akca"), os.path.join(self.state, "akca"))

    def path(self, name):
        return os.path.join(self.state, "out", name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def attest(self, key_auth, ident, *options):
        run = subprocess.run([PROGRAM, *options, self.state, key_auth, ident], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=60)
        if run.returncode == 3:
            raise Refused(run.stderr)
        if run.returncode:
            raise RuntimeError("tpm-attest: %s" % run.stderr)
        return acme.unb64(run.stdout.strip())


# Options, and the beginning of the refusal's detail; None: it is proven.
CASES = (
    ("good", [], None), ("with authData", ["--variant", "with-authdata"], None),
    ("COSE algorithm of another key type than the AK's", ["--variant", "alg-other-type"], None),
    ("a key that may decrypt, too", ["--variant", "app-decrypt"], None), ("an AK on P-256", ["--ak", "ecc"], None),
    ("a key on P-384", ["--app", "p384"], None), ("an RSA key", ["--app", "rsa2048"], None),
    ("a bare RSA signature", ["--sig-format", "raw"], None), ("a bare ECDSA signature", ["--sig-format", "raw", "--ak", "ecc"], None),
    ("EKU of the AK behind another", ["--variant", "eku-second"], None),
    ("an unrestricted AK that a careless CA certified, which no statement shows", ["--variant", "ak-unrestricted-issued"], None),
    ("wrong extraData", ["--variant", "wrong-extradata"], "certInfo.extraData"),
    ("extraData of the token alone", ["--variant", "token-only"], "certInfo.extraData"),
    ("wrong magic, signed by the real AK", ["--variant", "wrong-magic"], "certInfo.magic"),
    ("a quote", ["--variant", "wrong-type"], "certInfo.type"),
    ("a restricted key", ["--variant", "app-restricted"], "pubArea"),
    ("a key that may leave the TPM", ["--variant", "app-not-fixed"], "pubArea"),
    ("another key's public area", ["--variant", "pubarea-mismatch"], "certInfo.attested.name"),
    ("a bad signature", ["--variant", "bad-sig"], "attStmt.sig"),
    ("an expired AK certificate", ["--variant", "expired-ak"], "x5c[0]"), ("another root", ["--variant", "other-root"], "x5c"),
    ("no EKU of AKs", ["--variant", "no-eku"], "x5c[0]"), ("an empty list of EKUs", ["--variant", "empty-eku"], "x5c[0]"),
    ("an AK that is a CA", ["--variant", "ak-ca-true"], "x5c[0]"), ("an AK with a subject", ["--variant", "ak-subject"], "x5c[0]"),
    ("no TCG names", ["--variant", "no-tcg-san"], "x5c[0]"), ("no identifier", ["--variant", "no-id"], "identifier"),
    ("another identifier", ["--variant", "wrong-id"], "identifier"), ("SHA-1", ["--variant", "alg-rs1"], "attStmt.alg"),
    ("another version", ["--variant", "wrong-ver"], "attStmt.ver"), ("no x5c", ["--variant", "no-x5c"], "attStmt.x5c"),
    ("octets behind", ["--variant", "cbor-trailing"], "cbor"), ("a member twice", ["--variant", "cbor-dupkey"], "cbor"),
    ("indefinite lengths", ["--variant", "cbor-indef"], "cbor"), ("a length beyond the end", ["--variant", "cbor-biglen"], "cbor"),
    ("half of it", ["--variant", "cbor-truncated"], "cbor"),
)


def try_case(gate, tpm, options):
    """(reply of the challenge, states)"""
    device = Prover(gate, tpm.ident, lambda key_auth: tpm.attest(key_auth, tpm.ident, "--no-csr", "--keep-key", *options))
    reply = device.begin().answer()
    return reply, device.states()


def variants(t, lab, gate, tpms):
    results, todo, lock = [None] * len(CASES), list(enumerate(CASES)), threading.Lock()

    def work(tpm):
        while True:
            with lock:
                if not todo:
                    return
                at, (_, options, _) = todo.pop(0)
            try:
                results[at] = try_case(gate, tpm, options)
            except Exception as fault:
                results[at] = fault

    threads = [threading.Thread(target=work, args=(tpm,)) for tpm in tpms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (what, _, words), result in zip(CASES, results):
        if isinstance(result, Exception):
            t.ok(False, "%s: %s" % (what, result))
            continue
        reply, states = result
        if words is None:
            t.equal((reply.status, states), (200, ("valid", "valid", "ready")), "%s: proven" % what)
            continue
        error = reply.json.get("error", {})
        t.ok(reply.status == 200 and states == ("invalid",) * 3 and error.get("type") == BAD and
             error.get("detail", "").startswith(words),
             "%s: refused for %s: %s" % (what, words, error.get("detail")))


def unrestricted(t, tpm):
    try:
        tpm.attest("token.thumbprint", "SN-1", "--variant", "ak-unrestricted")
        t.ok(False, "the CA of AKs refuses one that is not restricted")
    except Refused as fault:
        t.ok("restricted is clear" in str(fault), "the CA of AKs refuses one that is not restricted")


def modules(t, gate, tpm):
    module = "00000001/1.3.6.1.4.1.32473.7"
    device = Prover(gate, module, lambda key_auth: tpm.attest(key_auth, "SN-M", "--no-csr", "--hwmod", module), kind="hardware-module")
    t.equal(device.begin().answer().json["status"], "valid", "a HardwareModuleName proves a hardware-module")
    device = Prover(gate, module, lambda key_auth: tpm.attest(key_auth, module, "--no-csr"), kind="hardware-module")
    t.equal(device.begin().answer().json["status"], "invalid", "a PermanentIdentifier of the same text does not")
    assigned = "SN-A/1.3.6.1.4.1.32473.8"
    device = Prover(gate, assigned, lambda key_auth: tpm.attest(key_auth, assigned, "--no-csr"))
    t.equal(device.begin().answer().json["status"], "valid", "an identifier with its assigner is proven")
    device = Prover(gate, "SN-A", lambda key_auth: tpm.attest(key_auth, assigned, "--no-csr"))
    t.equal(device.begin().answer().json["status"], "invalid", "and is another one than without")


def whole(t, gate, tpm, *options):
    """From newOrder to a certificate whose key never left the TPM."""
    ident = "SN-%d" % len(options)
    device = Prover(gate, ident, lambda key_auth: tpm.attest(key_auth, ident, *options)).begin()
    device.answer_all()
    reply, state = device.ask_for(make_csr(acme.new_key(), device.idents))
    t.equal((reply.status, reply.type(), state), (400, "badCSR", "ready"),
            "%s: a CSR with a key outside the TPM is refused" % (options,))
    reply, state = device.ask_for(tpm.read("app.csr.der"))
    if not t.equal((reply.status, state), (200, "valid"), "%s: the CSR that the TPM signed is taken" % (options,)):
        t.note(reply)
        return
    public = acme.leaf_of(device.collect()).public_key().public_bytes(serialization.Encoding.PEM,
                                                                      serialization.PublicFormat.SubjectPublicKeyInfo)
    t.equal(public, tpm.read("app-pub.pem"), "%s: the certificate is for the key in the TPM" % (options,))
    shown = json.loads(gate.ctl("order", "show", device.order_url.rpartition("/")[2],
                                "--json"))["authorizations"][0]["evidence"]["proven"]
    t.equal((shown["format"], shown["protection"], shown["manufacturer"], shown["identifiers"]),
            ("tpm", "tpm", "id:00001014", [{"type": "permanent-identifier", "value": ident}]),
            "%s: evidence names TPM and device" % (options,))


def main():
    t = Tap()
    with Lab(t) as lab:
        ca = Ca("ak", lab.path("akca"))
        with open(lab.path("ak-root.pem"), "w") as out:
            out.write(ca.root_pem())
        tpms = [Tpm(lab, n) for n in range(TPMS)]
        profile = {"upstream": "local", "identifier_types": ["permanent-identifier", "hardware-module"], "validity": "7d",
                   "eab": "none",
                   "challenges": ["device-attest-01"], "attestation": ["tpms"]}
        gate = lab.gate("https://localhost:1/none", profiles=[dict(profile, name="default")],
                        upstreams=[{"name": "local", "driver": "local"}],
                        attestation_trust=[{"name": "tpms", "format": "tpm", "roots": [lab.path("ak-root.pem")]}],
                        rules=[{"name": "devices", "names": ["permanent-identifier:*", "hardware-module:*"]}])
        gate.start()
        with t.part("variants"):
            variants(t, lab, gate, tpms)
        with t.part("the CA of AKs"):
            unrestricted(t, tpms[0])
        with t.part("modules and assigners"):
            modules(t, gate, tpms[0])
        with t.part("whole orders"):
            whole(t, gate, tpms[0])
            whole(t, gate, tpms[1], "--no-csr-san")
            whole(t, gate, tpms[2], "--ak", "ecc", "--app", "rsa2048")
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
