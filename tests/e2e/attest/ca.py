"""A CA of two levels that vouches for devices: a root, which the gateway is to trust, and the issuer that signs. In a folder, so that
programs can use it one after the other, or in memory."""

import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
CA_USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
LEAF_USAGE = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def name(common=None):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


def days(n):
    return datetime.datetime.utcnow() + datetime.timedelta(days=n)


def raw_extension(dotted, octets, critical=False):
    return x509.UnrecognizedExtension(ObjectIdentifier(dotted), octets), critical


def make(subject, public, issuer, issuer_key, extensions, begins=None, ends=None):
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
               .serial_number(x509.random_serial_number()).not_valid_before(begins or days(-1)).not_valid_after(ends or days(90)))
    extensions = list(extensions) + [(x509.SubjectKeyIdentifier.from_public_key(public), False)]
    if subject != issuer or not subject.rdns:
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(issuer_key, hashes.SHA256())


class Ca:
    def __init__(self, common, folder=None):
        self.folder = folder
        if folder and os.path.exists(os.path.join(folder, "root.pem")):
            self.root, self.issuer = self._cert("root.pem"), self._cert("issuer.pem")
            self.root_key, self.issuer_key = self._key("root.key"), self._key("issuer.key")
            return
        self.root_key, self.issuer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root, issuer = name(common + " root"), name(common + " issuer")
        ends = datetime.datetime(2055, 1, 1)
        self.root = make(root, self.root_key.public_key(), root, self.root_key,
                         [(x509.BasicConstraints(True, 1), True), (CA_USAGE, True)], ends=ends)
        self.issuer = make(issuer, self.issuer_key.public_key(), root, self.root_key,
                           [(x509.BasicConstraints(True, 0), True), (CA_USAGE, True)], ends=ends)
        if folder:
            self._save()

    def _cert(self, file):
        with open(os.path.join(self.folder, file), "rb") as text:
            return x509.load_pem_x509_certificate(text.read())

    def _key(self, file):
        with open(os.path.join(self.folder, file), "rb") as text:
            return serialization.load_pem_private_key(text.read(), None)

    def _save(self):
        os.makedirs(self.folder, exist_ok=True)
        for file, key in (("root.key", self.root_key), ("issuer.key", self.issuer_key)):
            with open(os.open(os.path.join(self.folder, file), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
                out.write(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        # the root last: it says that all is there
        for file, cert in (("issuer.pem", self.issuer), ("root.pem", self.root)):
            with open(os.path.join(self.folder, file), "wb") as out:
                out.write(cert.public_bytes(PEM))

    def issue(self, subject, public, extensions, begins=None, ends=None):
        return make(subject, public, self.issuer.subject, self.issuer_key, extensions, begins, ends)

    def x5c(self, leaf):
        return [leaf.public_bytes(DER), self.issuer.public_bytes(DER)]

    def root_pem(self):
        return self.root.public_bytes(PEM).decode()

    def crl(self, serials=(), by_root=False, begins=None, ends=None):
        """A revocation list of the issuer, or of the root; PEM."""
        issuer, key = (self.root, self.root_key) if by_root else (self.issuer, self.issuer_key)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(begins or days(-1))
                   .next_update(ends or days(7)))
        for serial in serials:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                                      .revocation_date(days(-1)).build())
        return builder.sign(key, hashes.SHA256()).public_bytes(PEM).decode()
