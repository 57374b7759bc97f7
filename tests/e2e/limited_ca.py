"""A CA that has limits, and keeps them: for what pebble cannot do.

It proves nothing (whoever answers a challenge has proven it, unless the name is in `fails`) and checks no signature: what it is strict
about is how much it lets through. Limits are those of Boulder, counted here by tokens that flow into a bucket (Boulder, and the gateway,
count a time of arrival): newOrder is checked against all of them and spends an order; a certificate is spent when it is issued."""

import base64
import datetime
import email.utils
import hashlib
import http.server
import json
import math
import socketserver
import ssl
import threading
import time
from fractions import Fraction

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SEE = "https://letsencrypt.org/docs/rate-limits/#"
ORDERS, DOMAIN, SET, FAIL = "orders", "domain", "set", "fail"
WORDS = {ORDERS: ("too many new orders (%d) from this account", "new-orders-per-account"),
         DOMAIN: ('too many certificates (%d) already issued for "%s"', "new-certificates-per-registered-domain"),
         SET: ("too many certificates (%d) already issued for this exact set of identifiers",
               "new-certificates-per-exact-set-of-identifiers"),
         FAIL: ('too many failed authorizations (%d) for "%s"', "authorization-failures-per-identifier-per-account")}


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def go_duration(seconds):
    return "%dh%dm%ds" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


class Bucket:
    """`count` tokens flow in within `period` seconds, up to `count`."""

    def __init__(self, count, period):
        self.count, self.rate, self.level, self.at = count, Fraction(count, period), Fraction(count), time.time()

    def flow(self):
        now = time.time()
        self.level = min(Fraction(self.count), self.level + Fraction(now - self.at) * self.rate)
        self.at = now

    def wait(self):
        """Seconds until there is a token, 0 if there is one."""
        self.flow()
        return 0 if self.level >= 1 else float((1 - self.level) / self.rate)

    def take(self):
        self.flow()
        if self.level >= 1:
            self.level -= 1


class Refused(Exception):
    def __init__(self, status, kind, detail, headers=()):
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, list(headers)


class LimitedCA:
    """limits: {ORDERS: (count, period), ...}; what is not there has no limit. `dates`: Retry-After is an HTTP-date. `words`: refusals
    say what Boulder says; else nothing that could be understood. Names that are `known` it has validated beforehand."""

    def __init__(self, cert, key, port, limits, dates=False, words=True, fails=(), known=()):
        self.port, self.limits, self.dates, self.words, self.fails, self.known = port, dict(limits), dates, words, set(fails), set(known)
        self.url = "https://localhost:%d" % port
        self.directory = self.url + "/dir"
        self.guard = threading.RLock()
        self.buckets, self.orders, self.authzs, self.certs, self.issued_sets = {}, {}, {}, {}, set()
        self.refusals = []   # (limit, detail) of each 429
        self.new_orders = 0  # accepted
        self.issued = []     # names of each certificate
        self.low = {}        # fewest tokens that a limit ever had
        self.nonces = 0
        self.make_root()
        self.listen(cert, key)

    # ---- its limits ----

    def bucket(self, limit, key):
        if (limit, key) not in self.buckets:
            self.buckets[limit, key] = Bucket(*self.limits[limit])
        return self.buckets[limit, key]

    def spend(self, limit, key, times=1):
        """Somebody else's certificates: what strangers do, too."""
        with self.guard:
            for _ in range(times):
                if limit in self.limits:
                    self.bucket(limit, key).take()
                    self.low[limit] = min(self.low.get(limit, 10 ** 9), float(self.bucket(limit, key).level))

    def check(self, asked):
        """The strictest of those that deny."""
        denied = [(self.bucket(limit, key).wait(), limit, key) for limit, key in asked if limit in self.limits]
        wait, limit, key = max(denied, default=(0, None, None))
        if wait > 0:
            self.refuse(limit, key, wait)

    def refuse(self, limit, key, wait):
        count, period = self.limits[limit]
        text, anchor = WORDS[limit]
        detail = text % ((count, key) if "%s" in text else count)
        at = math.ceil(time.time() + wait)
        detail += " in the last %s, retry after %s UTC: see %s%s" % (
            go_duration(period), datetime.datetime.utcfromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S"), SEE, anchor)
        if not self.words:
            detail = "not now"
        self.refusals.append((limit, detail))
        after = email.utils.formatdate(at, usegmt=True) if self.dates else str(math.ceil(wait))
        raise Refused(429, "rateLimited", detail, [("Retry-After", after)])

    @staticmethod
    def domain(name):
        return ".".join(name.split(".")[-2:])

    @staticmethod
    def set_key(names):
        return hashlib.sha256(",".join(sorted(names)).encode()).hexdigest()

    def domains(self, names):
        return sorted({self.domain(name) for name in names})

    # ---- ACME ----

    def new_order(self, kid, payload):
        names = [i["value"] for i in payload["identifiers"]]
        key = self.set_key(names)
        asked = [(SET, key)] + [(FAIL, (kid, name)) for name in names]
        exact = key in self.issued_sets
        if not exact:
            asked += [(ORDERS, kid)] + [(DOMAIN, d) for d in self.domains(names)]
        self.check(asked)
        if not exact:
            self.spend(ORDERS, kid)
        self.new_orders += 1
        for number, order in self.orders.items():
            if order["kid"] == kid and set(order["names"]) == set(names) and self.state(order) in ("pending", "ready"):
                return self.show_order(number, 201)
        number = str(len(self.orders) + 1)
        authzs = []
        for name in names:
            authz = "%s-%d" % (number, len(authzs))
            self.authzs[authz] = {"name": name, "status": "valid" if name in self.known else "pending",
                                  "token": base64.urlsafe_b64encode(authz.encode() * 8).decode()[:40]}
            authzs.append(authz)
        self.orders[number] = {"kid": kid, "names": names, "authzs": authzs, "cert": None}
        return self.show_order(number, 201)

    def state(self, order):
        states = {self.authzs[a]["status"] for a in order["authzs"]}
        return "valid" if order["cert"] else "invalid" if "invalid" in states else "ready" if states == {"valid"} else "pending"

    def show_order(self, number, status=200):
        order = self.orders[number]
        shown = {"status": self.state(order), "expires": "2099-01-01T00:00:00Z",
                 "identifiers": [{"type": "dns", "value": n} for n in order["names"]],
                 "authorizations": ["%s/authz/%s" % (self.url, a) for a in order["authzs"]],
                 "finalize": "%s/finalize/%s" % (self.url, number)}
        if order["cert"]:
            shown["certificate"] = "%s/cert/%s" % (self.url, order["cert"])
        return status, [("Location", "%s/order/%s" % (self.url, number))], shown

    def show_authz(self, number):
        authz = self.authzs[number]
        wild = authz["name"].startswith("*.")
        chall = {"type": "http-01", "url": "%s/chall/%s" % (self.url, number), "status": authz["status"], "token": authz["token"]}
        if authz["status"] == "invalid":
            chall["error"] = {"type": "urn:ietf:params:acme:error:connection", "detail": "nobody there"}
        shown = {"identifier": {"type": "dns", "value": authz["name"][2 * wild:]}, "status": authz["status"],
                 "expires": "2099-01-01T00:00:00Z", "challenges": [chall]}
        if wild:
            shown["wildcard"] = True
        return 200, [], shown

    def answer(self, kid, number):
        authz = self.authzs[number]
        if authz["status"] == "pending":
            authz["status"] = "invalid" if authz["name"] in self.fails else "valid"
            if authz["status"] == "invalid":
                self.spend(FAIL, (kid, authz["name"]))
        return 200, [], self.show_authz(number)[2]["challenges"][0]

    def finalize(self, number, payload):
        order = self.orders[number]
        if self.state(order) == "ready":
            key = self.set_key(order["names"])
            for domain in self.domains(order["names"]) if key not in self.issued_sets else []:
                self.spend(DOMAIN, domain)
            self.spend(SET, key)
            self.issued_sets.add(key)
            self.issued.append(order["names"])
            order["cert"] = str(len(self.certs) + 1)
            self.certs[order["cert"]] = self.sign(x509.load_der_x509_csr(unb64(payload["csr"])))
        return self.show_order(number)

    def route(self, path, jws):
        protected = json.loads(unb64(jws["protected"]))
        payload = json.loads(unb64(jws["payload"]) or b"{}")
        kind, _, number = path.strip("/").partition("/")
        if kind == "new-account":
            account = hashlib.sha256(json.dumps(protected["jwk"], sort_keys=True).encode()).hexdigest()[:16]
            return 201, [("Location", "%s/account/%s" % (self.url, account))], {"status": "valid"}
        kid = protected["kid"]
        if kind == "new-order":
            return self.new_order(kid, payload)
        if kind == "account":
            return 200, [], {"status": "valid"}
        if kind == "order" and number in self.orders:
            return self.show_order(number)
        if kind == "authz" and number in self.authzs:
            return self.show_authz(number)
        if kind == "chall" and number in self.authzs:
            return self.answer(kid, number)
        if kind == "finalize" and number in self.orders:
            return self.finalize(number, payload)
        if kind == "cert" and number in self.certs:
            return 200, [("Content-Type", "application/pem-certificate-chain")], self.certs[number]
        raise Refused(404, "malformed", "no such thing")

    # ---- certificates ----

    def make_root(self):
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "limited root")])
        now = datetime.datetime.utcnow()
        self.root = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.root_key.public_key())
                     .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                     .not_valid_after(now + datetime.timedelta(days=365))
                     .add_extension(x509.BasicConstraints(True, None), True).sign(self.root_key, hashes.SHA256()))
        self.root_pem = self.root.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, csr):
        now = datetime.datetime.utcnow()
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        leaf = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self.root.subject).public_key(csr.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(minutes=5))
                .not_valid_after(now + datetime.timedelta(days=90)).add_extension(names, True)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), False)
                .sign(self.root_key, hashes.SHA256()))
        return leaf.public_bytes(serialization.Encoding.PEM).decode() + self.root_pem

    # ---- HTTP ----

    def nonce(self):
        self.nonces += 1
        return base64.urlsafe_b64encode(b"nonce-%010d" % self.nonces).decode().rstrip("=")

    def reply(self, method, path, body):
        """Status, headers and body of the answer."""
        with self.guard:
            headers = [("Replay-Nonce", self.nonce()), ("Cache-Control", "no-store"), ("Date", email.utils.formatdate(usegmt=True))]
            if path == "/dir":
                return 200, headers, json.dumps({"newNonce": self.url + "/nonce", "newAccount": self.url + "/new-account",
                                                 "newOrder": self.url + "/new-order", "revokeCert": self.url + "/revoke",
                                                 "keyChange": self.url + "/key-change"})
            if path == "/nonce":
                return 200, headers, ""
            try:
                status, more, shown = self.route(path, json.loads(body))
            except Refused as no:
                return no.status, headers + no.headers + [("Content-Type", "application/problem+json")], json.dumps(
                    {"type": "urn:ietf:params:acme:error:" + no.kind, "detail": no.detail, "status": no.status})
        text = shown if isinstance(shown, str) else json.dumps(shown)
        return status, headers + more, text

    def listen(self, cert, key):
        ca = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                status, headers, text = ca.reply(self.command, self.path, self.rfile.read(length))
                if callable(text):  # it writes its answer itself
                    return text(self)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                if not any(name == "Content-Type" for name, _ in headers):
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text.encode())

            do_GET = do_HEAD = do_POST = serve

            def log_message(self, *words):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

            def get_request(self):
                sock, address = super().get_request()
                sock.settimeout(120)
                return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, client_address):
                pass  # clients go away

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
