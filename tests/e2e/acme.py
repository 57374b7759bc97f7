"""An ACME client of our own, that can do everything right, or wrong on purpose, and a device that is patient.

Acme is the protocol: signed requests, nonces, one connection. Device is what a good client does with it, over and over
until it has its certificate, whatever dies meanwhile."""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import ssl
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtensionOID, NameOID

CURVES = {"secp256r1": ("P-256", "ES256", 32, hashes.SHA256), "secp384r1": ("P-384", "ES384", 48, hashes.SHA384),
          "secp521r1": ("P-521", "ES512", 66, hashes.SHA512)}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key(kind="p256"):
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]())


def jwk_of(key):
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(raw)}
    numbers = public.public_numbers()
    if isinstance(public, rsa.RSAPublicKey):
        return {"e": b64(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")), "kty": "RSA",
                "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))}
    name, _, size, _ = CURVES[public.curve.name]
    return {"crv": name, "kty": "EC", "x": b64(numbers.x.to_bytes(size, "big")), "y": b64(numbers.y.to_bytes(size, "big"))}


def thumbprint(key):
    return b64(hashlib.sha256(json.dumps(jwk_of(key), sort_keys=True, separators=(",", ":")).encode()).digest())


def alg_of(key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else CURVES[key.curve.name][1]


def sign(key, octets):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(octets)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    _, _, size, digest = CURVES[key.curve.name]
    r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(digest())))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def jws(key, protected, payload):
    """Flattened JWS; payload: None = POST-as-GET, bytes as they are, else JSON."""
    head = b64(json.dumps(protected).encode())
    body = "" if payload is None else b64(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return {"protected": head, "payload": body, "signature": b64(sign(key, ("%s.%s" % (head, body)).encode()))}


def eab(kid, mac_key, url, account_key, alg="HS256"):
    head = b64(json.dumps({"alg": alg, "kid": kid, "url": url}).encode())
    body = b64(json.dumps(jwk_of(account_key)).encode())
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    return {"protected": head, "payload": body, "signature": b64(hmac.digest(mac_key, ("%s.%s" % (head, body)).encode(), digest))}


def make_csr(key, names, cn=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    sans = [x509.DNSName(n) if not n.replace(".", "").isdigit() else x509.IPAddress(__import__("ipaddress").ip_address(n))
            for n in names]
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.add_extension(x509.SubjectAlternativeName(sans), False).sign(key, digest).public_bytes(serialization.Encoding.DER)


def leaf_of(chain):
    return x509.load_pem_x509_certificate(chain.encode())

def cert_id(chain):
    """The certID of a chain's leaf (RFC 9773 section 4.1)."""
    leaf = leaf_of(chain)
    keyid = leaf.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier
    return "%s.%s" % (b64(keyid), b64(leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")))


def chain_of(pem):
    mark = "-----BEGIN CERTIFICATE-----"
    return [x509.load_pem_x509_certificate((mark + part).encode()) for part in pem.split(mark)[1:]]


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def type(self):
        """Short name of the problem's type; '' if the body is none, as that of a HEAD."""
        if self.headers.get("Content-Type") != "application/problem+json" or not self.body:
            return ""
        return self.json.get("type", "").replace("urn:ietf:params:acme:error:", "")

    def links(self, rel):
        found = []
        for value in self.headers.get_all("Link") or []:
            target, _, rest = value.partition(">")
            if 'rel="%s"' % rel in rest:
                found.append(target.strip()[1:])
        return found

    def retry_after(self):
        value = self.headers.get("Retry-After")
        return int(value) if value else None

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:300])


class AcmeError(Exception):
    def __init__(self, what, reply):
        super().__init__("%s: %r" % (what, reply))
        self.reply = reply


class Acme:
    """`patient`: seconds that a dead or shedding server is waited for; each request is then sent anew. `source`: address to come
    from."""

    def __init__(self, directory, ca_file, key=None, patient=0, source=None):
        self.source = (source, 0) if source else None
        self.directory_url, self.ca_file, self.patient = directory, ca_file, patient
        self.key, self.kid = key or new_key(), None
        self.nonces, self.links, self.guard = [], {}, threading.Lock()
        self._directory = None
        self.bad_nonces = self.broken = 0
        self.impatience = 0.5  # seconds between two polls at most

    def twin(self):
        """The same account on connections of its own."""
        twin = Acme(self.directory_url, self.ca_file, self.key)
        twin.kid, twin._directory = self.kid, self._directory
        return twin

    # -- octets --

    def _connect(self, where):
        trust = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(where.hostname, where.port, timeout=60, context=trust, source_address=self.source)

    def _once(self, method, url, body, headers):
        where = urllib.parse.urlsplit(url)
        spot = (threading.get_ident(), where.netloc)
        kept = self.links.pop(spot, None)
        for link in ([kept] if kept else []) + [None]:
            try:
                if link is None:
                    link = self._connect(where)
                target = where.path + ("?" + where.query if where.query else "")
                link.request(method, target, body, headers)
                got = link.getresponse()
                reply = Reply(got.status, got.headers, got.read())
            except (OSError, http.client.HTTPException):
                if link is not kept or link is None:
                    raise
                continue  # a kept connection may have been closed meanwhile
            if not got.will_close:
                self.links[spot] = link
            if "Replay-Nonce" in reply.headers:
                with self.guard:
                    self.nonces.append(reply.headers["Replay-Nonce"])
            return reply

    def request(self, method, url, body=None, headers=None):
        end = time.monotonic() + self.patient
        while True:
            try:
                reply = self._once(method, url, body, headers or {})
                if reply.status != 503 or time.monotonic() > end:
                    return reply
            except (OSError, http.client.HTTPException):
                self.broken += 1
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def get(self, url):
        return self.request("GET", url)

    @property
    def directory(self):
        if self._directory is None:
            reply = self.get(self.directory_url)
            if reply.status != 200:
                raise AcmeError("directory", reply)
            self._directory = reply.json
        return self._directory

    def nonce(self):
        with self.guard:
            if self.nonces:
                return self.nonces.pop()
        reply = self.request("HEAD", self.directory["newNonce"])
        with self.guard:
            if reply.headers["Replay-Nonce"] in self.nonces:
                self.nonces.remove(reply.headers["Replay-Nonce"])
        return reply.headers["Replay-Nonce"]

    # -- signed --

    def post(self, url, payload=None, key=None, kid=None, **protected):
        """Signed by the account; with `key` and no `kid`, by that key as jwk. badNonce is tried again. Members of the protected
        header can be given."""
        signer = key or self.key
        end = time.monotonic() + self.patient
        for attempt in range(100):
            head = {"alg": alg_of(signer), "nonce": self.nonce(), "url": url}
            if kid or (key is None and self.kid):
                head["kid"] = kid or self.kid
            else:
                head["jwk"] = jwk_of(signer)
            head.update(protected)
            body = json.dumps(jws(signer, head, payload))
            try:
                reply = self._once("POST", url, body, {"Content-Type": "application/jose+json"})
            except (OSError, http.client.HTTPException):
                self.broken += 1
                with self.guard:
                    self.nonces.clear()
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
                continue
            if reply.status == 400 and reply.type() == "badNonce" and "nonce" not in protected:
                self.bad_nonces += 1
                with self.guard:
                    self.nonces = self.nonces[-1:]  # those from before are likely dead too
                continue
            if reply.status == 503 and time.monotonic() < end:
                time.sleep(0.2)
                continue
            return reply
        raise AcmeError("always a bad nonce", reply)

    def want(self, what, reply, *statuses):
        if reply.status not in statuses:
            raise AcmeError(what, reply)
        return reply

    def new_account(self, **payload):
        payload.setdefault("termsOfServiceAgreed", True)
        reply = self.post(self.directory["newAccount"], payload, key=self.key)
        if reply.status in (200, 201):
            self.kid = reply.headers["Location"]
        return reply

    def new_order(self, names, **payload):
        idents = [{"type": "ip" if n.replace(".", "").isdigit() else "dns", "value": n} for n in names]
        return self.post(self.directory["newOrder"], dict(payload, identifiers=idents))

    def finalize(self, order, csr):
        return self.post(order["finalize"], {"csr": b64(csr)})

    def poll(self, url, done, seconds=120):
        """POST-as-GET until `done(object)`; obeys Retry-After, unless it is for longer than `impatience`."""
        end = time.monotonic() + seconds
        while True:
            reply = self.want("poll", self.post(url), 200)
            if done(reply.json):
                return reply.json
            if time.monotonic() > end:
                raise AcmeError("still waiting after %d s" % seconds, reply)
            time.sleep(min(reply.retry_after() or 1, self.impatience))


class Responder:
    """The device's own web server: /.well-known/acme-challenge/TOKEN."""

    def __init__(self, port, address="127.0.0.1"):
        self.tokens, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                token = self.path.rpartition("/")[2]
                outer.asked.append((self.headers.get("Host"), self.path))
                text = outer.tokens.get(token)
                body = (text or "no such token").encode()
                self.send_response(200 if text else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Device:
    """What a good client does. With acme.patient it goes on through every death of the server."""

    def __init__(self, acme, responder):
        self.acme, self.responder = acme, responder
        self.cert_key = new_key()
        self.order_url = None
        self.order = None

    def register(self):
        return self.acme.want("newAccount", self.acme.new_account(), 200, 201)

    def start(self, names, **payload):
        """newOrder; the order."""
        if not self.acme.kid:
            self.register()
        reply = self.acme.want("newOrder", self.acme.new_order(names, **payload), 201)
        self.order_url, self.order = reply.headers["Location"], reply.json
        return self.order

    def respond(self, authz_url):
        """Lay out the answer, and say so."""
        authz = self.acme.want("authz", self.acme.post(authz_url), 200).json
        if authz["status"] != "pending":
            return
        chall = [c for c in authz["challenges"] if c["type"] == "http-01"][0]
        self.responder.tokens[chall["token"]] = "%s.%s" % (chall["token"], thumbprint(self.acme.key))
        self.acme.want("challenge", self.acme.post(chall["url"], {}), 200)

    def prove(self, seconds=120):
        """All authorizations; the order is ready then."""
        for url in self.order["authorizations"]:
            self.respond(url)
        self.order = self.acme.poll(self.order_url, lambda o: o["status"] != "pending", seconds)
        if self.order["status"] == "invalid":
            raise AcmeError("proof", Reply(0, {}, json.dumps(self.order).encode()))
        return self.order

    def names(self):
        return [i["value"] for i in self.order["identifiers"]]

    def finalize(self, csr=None):
        """Whatever the reply was worth (403 when an earlier one was taken and its reply lost), the order says."""
        self.acme.want("finalize", self.acme.finalize(self.order, csr or make_csr(self.cert_key, self.names())), 200, 403)
        self.order = self.acme.want("order", self.acme.post(self.order_url), 200).json
        return self.order

    def collect(self, seconds=180):
        """The chain, PEM."""
        self.order = self.acme.poll(self.order_url, lambda o: o["status"] not in ("processing", "ready", "pending"), seconds)
        if self.order["status"] != "valid":
            raise AcmeError("order", Reply(0, {}, json.dumps(self.order).encode()))
        return self.acme.want("certificate", self.acme.post(self.order["certificate"]), 200).body.decode()

    def obtain(self, names, **payload):
        """The whole way: the order and its chain."""
        self.start(names, **payload)
        if self.order["status"] == "pending":
            self.prove()
        if self.order["status"] == "ready":
            self.finalize()
        chain = self.collect()
        return self.order, chain
