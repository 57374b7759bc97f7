"""A device that proves who it is by an attestation statement."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ObjectIdentifier

import acme
from attest import codec


def other_names(idents):
    """Of identifiers as an order has them."""
    forms = {"permanent-identifier": (codec.PERMANENT_IDENTIFIER, codec.permanent_identifier),
             "hardware-module": (codec.HARDWARE_MODULE, codec.hardware_module)}
    return [x509.OtherName(ObjectIdentifier(forms[i["type"]][0]), forms[i["type"]][1](i["value"])) for i in idents]


def make_csr(key, idents=()):
    """With these device identifiers, or none: a device need not name itself there."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if idents:
        builder = builder.add_extension(x509.SubjectAlternativeName(other_names(idents)), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class Prover(acme.Device):
    """`attest(key authorization)` gives the attObj as octets. One identifier, or all of `idents`."""

    def __init__(self, gate, ident, attest, kind="permanent-identifier", profile=None, acme_=None, idents=None, **options):
        super().__init__(acme_ or gate.acme(**options), None)
        self.idents, self.attest, self.profile = idents or [{"type": kind, "value": ident}], attest, profile

    def begin(self, **payload):
        """newOrder, and a look at its first challenge."""
        if not self.acme.kid:
            self.register()
        payload["identifiers"] = self.idents
        if self.profile:
            payload["profile"] = self.profile
        reply = self.acme.want("newOrder", self.acme.post(self.acme.directory["newOrder"], payload), 201)
        self.order_url, self.order = reply.headers["Location"], reply.json
        self.authz_url = self.order["authorizations"][0]
        self.chall = self.acme.want("authz", self.acme.post(self.authz_url), 200).json["challenges"][0]
        return self

    def key_auth(self, token=None, key=None):
        return "%s.%s" % (token or self.chall["token"], acme.thumbprint(key or self.acme.key))

    def say(self, payload):
        return self.acme.post(self.chall["url"], payload)

    def answer(self, statement=None):
        return self.say({"attObj": acme.b64(self.attest(self.key_auth()) if statement is None else statement)})

    def states(self):
        """Of challenge, authorization and order."""
        authz = self.acme.post(self.authz_url).json
        return self.acme.post(self.chall["url"]).json["status"], authz["status"], self.acme.post(self.order_url).json["status"]

    def answer_all(self):
        """Each of the order's challenges, one after the other; the order."""
        for url in self.order["authorizations"]:
            self.authz_url = url
            self.chall = self.acme.post(url).json["challenges"][0]
            self.acme.want("challenge", self.answer(), 200)
        self.order = self.acme.post(self.order_url).json
        return self.order

    def ask_for(self, csr):
        """Finalize: the reply, and the state of the order after it."""
        reply = self.acme.finalize(self.order, csr)
        self.order = self.acme.post(self.order_url).json
        return reply, self.order["status"]
