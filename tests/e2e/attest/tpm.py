#!/usr/bin/python3
"""The parts of tpm-attest that no program of Debian does: the CA that certifies attestation keys (AK), TPM2_Certify with qualifying data
(tpm2_certify has no such option), and the statement, good or faulty.

    tpm.py ca FOLDER [NAME]                          a CA, if there is none yet
    tpm.py check-ak FILE [careless]                  what the CA must check before it makes a credential; prints the AK's name
    tpm.py issue CA-FOLDER AK EK-CERT OUT VARIANT PERMANENT-IDENTIFIER [HARDWARE-MODULE]
    tpm.py csr-conf CN [PERMANENT-IDENTIFIER [HARDWARE-MODULE]]
    tpm.py key-pem PUBLIC PRIVATE PARENT OUT         a TSS2 PRIVATE KEY
    tpm.py attest AK-HANDLE KEY-HANDLE PUBLIC OTHER-PUBLIC CHAIN OUT-FOLDER FORM VARIANT KEY-AUTHORIZATION"""

import base64
import datetime
import hashlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from attest import codec
from attest.ca import DER, LEAF_USAGE, PEM, Ca, name, raw_extension

AK_CERTIFICATE, MANUFACTURER, MODEL, VERSION = "2.23.133.8.3", "2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"
FIXED_TPM, FIXED_PARENT, ORIGIN, RESTRICTED, DECRYPT, SIGN = 1 << 1, 1 << 4, 1 << 5, 1 << 16, 1 << 17, 1 << 18
NULL, SHA256, RSASSA = 0x10, 0x0b, 0x14
RETRY = 0x922  # it has just been started, and wants the command again
CURVES = {3: ec.SECP256R1, 4: ec.SECP384R1, 5: ec.SECP521R1}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, octets):
    with open(path, "wb") as file:
        file.write(octets)


def public_read(octets):
    """(attributes, key) of a TPMT_PUBLIC."""
    r = codec.Reader(octets)
    kind, _, attributes, _ = r.u(2), r.u(2), r.u(4), r.sized()
    if r.u(2) != NULL:  # symmetric: bits and mode
        r.take(4)
    if r.u(2) != NULL:  # scheme: its hash
        r.take(2)
    if kind == 0x01:
        _, exponent, modulus = r.u(2), r.u(4) or 65537, r.sized()
        return attributes, rsa.RSAPublicNumbers(exponent, int.from_bytes(modulus, "big")).public_key()
    curve = CURVES[r.u(2)]()
    if r.u(2) != NULL:  # kdf
        r.take(2)
    x, y = r.sized(), r.sized()
    return attributes, ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve).public_key()


def public_of(path):
    """TPMT_PUBLIC of a file with a TPM2B_PUBLIC."""
    return read(path)[2:]


# ---- the CA of attestation keys ----

def check_ak(path, careless=""):
    """An AK that is not restricted could sign a certInfo of anybody's making, and no statement shows it."""
    area = public_of(path)
    attributes, _ = public_read(area)
    for bit, wanted, what in ((FIXED_TPM, True, "fixedTPM"), (FIXED_PARENT, True, "fixedParent"), (ORIGIN, True, "sensitiveDataOrigin"),
                              (RESTRICTED, True, "restricted"), (SIGN, True, "sign"), (DECRYPT, False, "decrypt")):
        if not careless and bool(attributes & bit) != wanted:
            sys.exit("AK: %s is %s" % (what, "clear" if wanted else "set"))
    print((codec.pack("H", SHA256) + hashlib.sha256(area).digest()).hex())


def tpm_names(ek_cert):
    """TPM manufacturer, model and version, as the EK certificate has them."""
    san = x509.load_pem_x509_certificate(read(ek_cert)).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {}
    for directory in san.get_values_for_type(x509.DirectoryName):
        found.update((a.oid.dotted_string, a.value) for a in directory)
    return [x509.NameAttribute(ObjectIdentifier(oid), found[oid]) for oid in (MANUFACTURER, MODEL, VERSION)]


def issue(ca_folder, ak, ek_cert, out, variant, permanent, hardware=""):
    ca = Ca("ak", ca_folder)
    _, key = public_read(public_of(ak))
    names = [] if variant == "no-tcg-san" else [x509.DirectoryName(x509.Name(tpm_names(ek_cert)))]
    if variant != "no-id":
        shown = "OTHER-DEVICE" if variant == "wrong-id" else permanent
        names.append(x509.OtherName(ObjectIdentifier(codec.PERMANENT_IDENTIFIER), codec.permanent_identifier(shown)))
    if hardware:
        names.append(x509.OtherName(ObjectIdentifier(codec.HARDWARE_MODULE), codec.hardware_module(hardware)))
    if not names:
        names.append(x509.DNSName("nothing.test"))
    usage = {"no-eku": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
             "empty-eku": raw_extension("2.5.29.37", b"\x30\x00"),
             "eku-second": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ObjectIdentifier(AK_CERTIFICATE)]), False),
             }.get(variant, (x509.ExtendedKeyUsage([ObjectIdentifier(AK_CERTIFICATE)]), False))
    dates = (datetime.datetime(2019, 1, 1), datetime.datetime(2020, 1, 1)) if variant == "expired-ak" else ()
    leaf = ca.issue(name("not empty" if variant == "ak-subject" else None), key,
                    [(x509.BasicConstraints(variant == "ak-ca-true", None), True), (LEAF_USAGE, True), usage,
                     (x509.SubjectAlternativeName(names), True)], *dates)
    write(out, leaf.public_bytes(PEM) + ca.issuer.public_bytes(PEM))


# ---- what the device does ----

def csr_conf(common, permanent="", hardware=""):
    """Text for openssl req: the identifiers as other names."""
    names, sections = [], ""
    if permanent:
        ident, _, assigner = permanent.partition("/")
        names.append("otherName:%s;SEQUENCE:pi" % codec.PERMANENT_IDENTIFIER)
        sections += "[pi]\nidentifierValue=FORMAT:UTF8,UTF8:%s\n" % ident + ("assigner=OID:%s\n" % assigner if assigner else "")
    if hardware:
        serial, _, kind = hardware.partition("/")
        names.append("otherName:%s;SEQUENCE:hw" % codec.HARDWARE_MODULE)
        sections += "[hw]\nhwType=OID:%s\nhwSerialNum=FORMAT:HEX,OCT:%s\n" % (kind, serial.encode().hex())
    print("[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n" + ("req_extensions=ext\n" if names else "") +
          "[dn]\n" + ("CN=%s\n" % common if common else "") +
          ("[ext]\nsubjectAltName=%s\n" % ",".join(names) if names else "") + sections)


def key_pem(public, private, parent, out):
    der = codec.tlv(0x30, codec.oid("2.23.133.10.1.3") + codec.tlv(0xa0, codec.tlv(1, b"\xff")) +  # no password
                    codec.tlv(2, b"\0" + codec.pack("I", int(parent, 0))) + codec.tlv(4, read(public)) + codec.tlv(4, read(private)))
    write(out, b"-----BEGIN TSS2 PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END TSS2 PRIVATE KEY-----\n")


def command(code, body, sessions=True):
    """Send one to the TPM; the answer behind its header."""
    head = codec.pack("HII", 0x8002 if sessions else 0x8001, 10 + len(body), code)
    for _ in range(10):
        run = subprocess.run(["tpm2_send"], input=head + body, capture_output=True)
        answer = codec.Reader(run.stdout)
        if run.returncode or len(run.stdout) < 10:
            sys.exit("tpm2_send: " + run.stderr.decode(errors="replace"))
        answer.take(6)
        status = answer.u(4)
        if status != RETRY:
            break
    if status:
        sys.exit("the TPM refused with 0x%08x" % status)
    return answer


def passwords(n):
    """n empty password sessions."""
    octets = codec.pack("IHBH", 0x40000009, 0, 1, 0) * n
    return codec.pack("I", len(octets)) + octets


def sized(octets):
    return codec.pack("H", len(octets)) + octets


def attestation(answer):
    """(TPMS_ATTEST, TPMT_SIGNATURE)"""
    parameters = codec.Reader(answer.take(answer.u(4)))
    attest = parameters.sized()
    return attest, parameters.octets[parameters.at:]


def certify(key, ak, qualifying):
    return attestation(command(0x148, codec.pack("II", key, ak) + passwords(2) + sized(qualifying) + codec.pack("H", NULL)))


def quote(ak, qualifying):
    selection = codec.pack("IHB", 1, SHA256, 3) + b"\x01\x00\x00"
    return attestation(command(0x158, codec.pack("I", ak) + passwords(1) + sized(qualifying) + codec.pack("H", NULL) + selection))


def hash_and_sign(ak, octets):
    """A restricted AK signs octets of our own only if they do not begin as those that the TPM makes."""
    answer = command(0x17d, sized(octets) + codec.pack("HI", SHA256, 0x40000001), sessions=False)
    digest = answer.sized()
    ticket = answer.octets[answer.at:]
    answer = command(0x15d, codec.pack("I", ak) + passwords(1) + sized(digest) + codec.pack("H", NULL) + ticket)
    return answer.take(answer.u(4))


def bare(signature):
    """As Windows writes it."""
    r = codec.Reader(signature)
    scheme, _ = r.u(2), r.u(2)
    if scheme == RSASSA:
        return r.sized()
    return utils.encode_dss_signature(int.from_bytes(r.sized(), "big"), int.from_bytes(r.sized(), "big"))


def chain_ders(path):
    mark = b"-----BEGIN CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(mark + part).public_bytes(DER) for part in read(path).split(mark)[1:]]


def spoil(octets, variant, cert_info):
    """Faults of the CBOR."""
    if variant == "cbor-trailing":
        return octets + b"\0"
    if variant == "cbor-dupkey":
        return b"\xa3" + octets[1:] + codec.cbor("fmt") + codec.cbor("none")
    if variant == "cbor-indef":
        return b"\xbf" + octets[1:] + b"\xff"
    if variant == "cbor-biglen":
        return octets[:octets.index(b"\x68certInfo") + 9] + b"\x5b\x7f" + b"\xff" * 7 + cert_info
    return octets[:len(octets) // 2] if variant == "cbor-truncated" else octets


def attest(ak, key, public, other_public, chain, out, form, variant, key_auth):
    ak, key = int(ak, 0), int(key, 0)
    signed = {"wrong-extradata": "x" + key_auth, "token-only": key_auth.split(".")[0]}.get(variant, key_auth)
    qualifying = hashlib.sha256(signed.encode()).digest()
    cert_info, signature = quote(ak, qualifying) if variant == "wrong-type" else certify(key, ak, qualifying)
    if variant == "wrong-magic":
        cert_info = b"\0TCG" + cert_info[4:]
        signature = hash_and_sign(ak, cert_info)
    if variant == "bad-sig":
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    is_rsa = signature[:2] == codec.pack("H", RSASSA)
    alg = {"alg-other-type": -7 if is_rsa else -257, "alg-rs1": -65535}.get(variant, -257 if is_rsa else -7)
    area = public_of(other_public if variant == "pubarea-mismatch" else public)
    statement = {"ver": "1.2" if variant == "wrong-ver" else "2.0", "alg": alg, "x5c": chain_ders(chain),
                 "sig": bare(signature) if form == "raw" else signature, "certInfo": cert_info, "pubArea": area}
    if variant == "no-x5c":
        del statement["x5c"]
    whole = {"fmt": "tpm", "attStmt": statement}
    if variant == "with-authdata":
        whole["authData"] = b"\0" * 37
    octets = spoil(codec.cbor(whole), variant, cert_info)
    for file, part in (("attobj.cbor", octets), ("certinfo.bin", cert_info), ("sig.bin", signature), ("pubarea.bin", area),
                       ("app-pub.pem", public_read(area)[1].public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))):
        write(os.path.join(out, file), part)
    print(base64.urlsafe_b64encode(octets).rstrip(b"=").decode())


COMMANDS = {"ca": lambda folder, common="ak": Ca(common, folder), "check-ak": check_ak, "issue": issue, "csr-conf": csr_conf,
            "key-pem": key_pem, "attest": attest}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
