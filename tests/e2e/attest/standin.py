"""Statements of the formats apple, android-key and step, made by software: the shape is that of real devices, whose statements are in
tests/data/attestation, and the root is ours."""

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attest.ca import LEAF_USAGE, Ca, make, name, raw_extension
from attest.codec import cbor, explicit, integer, tlv

APPLE, YUBICO, KEY_DESCRIPTION = "1.2.840.113635.100.8.", "1.3.6.1.4.1.41482.3.", "1.3.6.1.4.1.11129.2.1.17"
OLD = (datetime.datetime(2019, 1, 1), datetime.datetime(2020, 1, 1))


def key_description(challenge, serial, variant):
    level = tlv(10, b"\0" if variant == "software" else b"\1")
    unlocked = variant == "unlocked"
    root_of_trust = tlv(0x30, tlv(4, b"\x11" * 32) + tlv(1, b"\0" if unlocked else b"\xff") + tlv(10, b"\2" if unlocked else b"\0") +
                        tlv(4, b"\x22" * 32))
    named = explicit(713, tlv(4, serial.encode())) if variant != "no-id" else b""
    software = explicit(701, integer(1790000000000)) + (named if variant == "serial-software" else b"")
    hardware = (explicit(1, tlv(0x31, integer(2))) + explicit(2, integer(3)) + explicit(3, integer(256)) +
                explicit(5, tlv(0x31, integer(4))) + explicit(10, integer(1)) + explicit(503, tlv(5, b"")) +
                explicit(702, integer(2 if variant == "imported" else 0)) + explicit(704, root_of_trust) +
                explicit(705, integer(160000)) + explicit(706, integer(202611)) +
                (b"" if variant == "serial-software" else named))
    return tlv(0x30, integer(300) + level + integer(300) + level + tlv(4, challenge) + tlv(4, b"") + tlv(0x30, software) +
               tlv(0x30, hardware))


class Maker:
    """Of devices of one format: `root_pem` is what the gateway is to trust."""

    def __init__(self, fmt, ca=None):
        self.fmt, self.ca = fmt, ca or Ca("stand-in " + fmt)

    def root_pem(self):
        return self.ca.root_pem()

    def device(self, ident, udid="00008132-000000000000001E"):
        return Device(self, ident, udid)


class Device:
    def __init__(self, maker, ident, udid):
        self.maker, self.ident, self.udid = maker, ident, udid
        self.key = ec.generate_private_key(ec.SECP384R1() if maker.fmt == "apple" else ec.SECP256R1())
        self.leaf = None

    def _extensions(self, key_auth, variant):
        shown = {"other-id": "1" if self.maker.fmt == "step" else "OTHER"}.get(variant, self.ident)
        if self.maker.fmt == "apple":
            token = key_auth.split(".")[0] + ("x" if variant == "wrong-freshness" else "")
            found = [("10.1", b"26.1"), ("10.2", b"26.1"), ("10.3", b"26.1"), ("13.1", integer(0)), ("13.2", b"Full Security")]
            if variant != "no-id":
                found += [("9.1", shown.encode()), ("9.2", self.udid.encode())]
            if variant != "no-freshness":
                found.append(("11.1", hashlib.sha256(token.encode()).digest()))
            return [(x509.BasicConstraints(False, None), True), (LEAF_USAGE, True)] + [raw_extension(APPLE + n, v) for n, v in found]
        if self.maker.fmt == "step":
            found = [("3", b"\5\7\4"), ("8", b"\2\1"), ("9", b"\1")]
            if variant != "no-id":
                found.append(("7", integer(int(shown))))
            return [raw_extension(YUBICO + n, v) for n, v in found]
        challenge = {"challenge-hash": hashlib.sha256(key_auth.encode()).digest(),
                     "wrong-challenge": b"x" + key_auth.encode()}.get(variant, key_auth.encode())
        return [(LEAF_USAGE, True), raw_extension(KEY_DESCRIPTION, key_description(challenge, shown, variant))]

    def _subject(self):
        spki = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return name({"apple": hashlib.sha256(spki).hexdigest(), "step": "YubiKey PIV Attestation 9a",
                     "android-key": "Android Keystore Key"}[self.maker.fmt])

    def attest(self, key_auth, variant="good"):
        """attObj as octets."""
        ca = Ca("stand-in other") if variant == "other-root" else self.maker.ca
        self.leaf = ca.issue(self._subject(), self.key.public_key(), self._extensions(key_auth, variant),
                             *(OLD if variant == "expired" else ()))
        statement = {"x5c": ca.x5c(self.leaf)}
        if variant == "extended":
            return self._extended(ca, key_auth)
        if self.maker.fmt != "apple":
            signature = self.key.sign(key_auth.encode() + (b"x" if variant == "bad-sig" else b""), ec.ECDSA(hashes.SHA256()))
            if self.maker.fmt == "step" and variant != "sig-not-cbor":
                signature = cbor(signature)
            statement = {"alg": -7, "sig": signature, "x5c": statement["x5c"]}
        return cbor({"fmt": self.maker.fmt, "attStmt": statement})

    def _extended(self, ca, key_auth):
        """The genuine leaf of another device, used as a CA for a certificate that says what its owner likes."""
        genuine, self.key = self.key, ec.generate_private_key(ec.SECP256R1())
        forged = make(self._subject(), self.key.public_key(), self._subject(), genuine,
                      [raw_extension(KEY_DESCRIPTION, key_description(key_auth.encode(), self.ident, "good"))])
        signature = self.key.sign(key_auth.encode(), ec.ECDSA(hashes.SHA256()))
        x5c = [forged.public_bytes(serialization.Encoding.DER)] + ca.x5c(self.leaf)
        return cbor({"fmt": self.maker.fmt, "attStmt": {"alg": -7, "sig": signature, "x5c": x5c}})
