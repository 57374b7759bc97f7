"""What clients of the field rely on in each reply of an ACME server, beyond the RFC, as a rule for the proxy.

    watch = watched(lab, gate)    # instead of gate.start()
    ...
    watch.faults                  # ["POST /order/x 200: Retry-After is 1.5", ...]
    watch.seen                    # {kind: an exchange without a fault}

Who fails by what else: a missing nonce (certbot, nginx, HAProxy), another success than 200 and 201 (acme4j), a media type with
a parameter (acme4j, mod_md of old), an error that is no problem document (lego, acmez), no Location (cert-manager, acme.sh, step),
no Link "up" (certbot, lego), a Retry-After that is no number of seconds (acmez, acme4j) or a long one (acme.sh), an order that is
not ready with its last authorization (nginx, uacme) or goes back after finalize (dehydrated), identifiers spelled otherwise
(certbot, lego), challenges that are not flat or of types never heard of (acme.sh, AcmeSwift), a reply of more than one buffer
(HAProxy), chunks (OpenBSD's acme-client)."""

import base64
import json
import os
import re
import ssl
import threading

from lab import PORTS, wait_until
from proxy import Proxy

PREFIXES = (("/new-nonce", "nonce"), ("/acct/", "account"), ("/authz/", "authz"), ("/chall/", "challenge"), ("/cert/", "certificate"),
            ("/revoke-cert", "revoke"), ("/key-change", "keyChange"), ("/renewal-info/", "renewalInfo"))
NO_BODY = "nonce", "revoke"
CHALLENGES = {"http-01", "dns-01", "tls-alpn-01"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
WHOLE_REPLY = 16384


def kind_of(path):
    path = re.sub(r"^/p/[^/]+", "", path)
    if path.startswith("/order/"):
        return "finalize" if path.endswith("/finalize") else "order"
    plain = {"/directory": "directory", "/new-account": "newAccount", "/new-order": "newOrder"}
    return plain.get(path) or next((kind for prefix, kind in PREFIXES if path.startswith(prefix)), "other")


def payload_of(body):
    """Of a JWS; None if there is none."""
    try:
        text = json.loads(body)["payload"]
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, KeyError):
        return None


def watched(lab, gate):
    """Start the gateway behind a proxy that looks at each reply; devices see the proxy alone."""
    port, root = PORTS.take(), gate.root
    gate.url = gate.conf["external_url"] = "https://localhost:%d" % port
    gate.start()
    wait_until("the gateway's root", lambda: os.path.exists(root))
    watch = Watch(gate.url)
    lab.servers.append(Proxy(lab.path("web.pem"), lab.path("web.key"), port, gate.port, (), threading.Lock(),
                             ssl.create_default_context(cafile=root), watch))
    gate.root = lab.path("web_root.pem")
    return watch


class Watch:
    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.faults, self.seen, self.count = [], {}, 0
        self.valid, self.finalized = set(), set()  # URLs of authorizations, of orders

    def __call__(self, exchange, stage):
        if stage == "after":
            with self.lock:
                faults = self.judge(exchange)
                self.count += 1
                self.faults += ["%s %s %s: %s" % (exchange.method, exchange.path, exchange.status, fault) for fault in faults]
                if not faults:
                    self.seen["problem" if exchange.status >= 400 else kind_of(exchange.path)] = exchange

    def judge(self, exchange):
        """The faults of one reply."""
        kind = kind_of(exchange.path)
        reply = Seen(exchange)
        faults = list(self.frame(exchange, kind, reply))
        if exchange.status < 400 and exchange.method == "POST" or kind in ("directory", "renewalInfo"):
            try:
                faults += getattr(self, kind, lambda *_: [])(exchange, reply)
            except (ValueError, KeyError, TypeError, AttributeError) as fault:
                faults.append("its body: %s: %s" % (type(fault).__name__, fault))
        return faults

    def frame(self, exchange, kind, reply):
        """What all replies have in common."""
        status, body = exchange.status, exchange.body
        nonces = reply.all("Replay-Nonce")
        if (exchange.method == "POST" or kind == "nonce") and not (
                len(nonces) == 1 and re.fullmatch(r"[A-Za-z0-9_-]+", nonces[0]) and len(nonces[0]) % 4 != 1):
            yield "Replay-Nonce is %s" % nonces
        created = {"newOrder": (201,), "newAccount": (200, 201)}.get(kind, (200,))
        if status < 400 and status not in (created if not (kind == "nonce" and exchange.method == "GET") else (204,)):
            yield "no client expects %d" % status
        wanted = "application/problem+json" if status >= 400 else \
            "application/pem-certificate-chain" if kind == "certificate" else "application/json"
        if body and reply.all("Content-Type") != [wanted]:
            yield "Content-Type is %s" % reply.all("Content-Type")
        if not body and exchange.method == "POST" and kind not in NO_BODY and kind != "keyChange":
            yield "no body"
        if reply.all("Transfer-Encoding") or (status != 204 and reply.all("Content-Length") != [str(len(body))] and
                                              exchange.method != "HEAD"):
            yield "its length is not told, or wrongly: %s" % reply.all("Content-Length")
        if kind != "directory" and not reply.link("index"):
            yield "no Link to the directory"
        for wait in reply.all("Retry-After"):
            least, most = (60, 86400) if kind == "renewalInfo" else (1, 600)
            if not re.fullmatch(r"\d+", wait) or not least <= int(wait) <= most:
                yield "Retry-After is " + wait
        if kind != "certificate" and reply.size > WHOLE_REPLY:
            yield "it has %d octets" % reply.size
        if status >= 400:
            yield from self.problem(exchange)

    @staticmethod
    def problem(exchange):
        try:
            told = json.loads(exchange.body)
        except ValueError:
            yield "no problem document"
            return
        if not str(told.get("type")).startswith("urn:ietf:params:acme:error:") or not told.get("detail"):
            yield "a problem without a type or detail: %s" % told
        if told.get("status", exchange.status) != exchange.status:
            yield "status within is %s" % told["status"]

    def ours(self, urls):
        return ["%s is no URL of the gateway" % url for url in urls if not str(url).startswith(self.url + "/")]

    def directory(self, exchange, reply):
        told = json.loads(exchange.body)
        names = "newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"
        return ["no " + name for name in names if name not in told] + self.ours(told[n] for n in names if n in told)

    def renewalInfo(self, exchange, reply):
        window = json.loads(exchange.body)["suggestedWindow"]
        return ["its window is %s" % window] if not TIME.fullmatch(window["start"]) or not window["start"] < window["end"] else \
            [] if reply.all("Retry-After") else ["no Retry-After"]

    def newAccount(self, exchange, reply):
        told = json.loads(exchange.body)
        return self.ours(reply.all("Location") or [None]) + self.ours([told["orders"]]) + \
            ([] if told["status"] == "valid" else ["its status is " + told["status"]])

    def newOrder(self, exchange, reply):
        wanted = [(i["type"], i["value"]) for i in payload_of(exchange.body_sent)["identifiers"]]
        got = [(i["type"], i["value"]) for i in json.loads(exchange.body)["identifiers"]]
        return ([] if wanted == got else ["identifiers %s became %s" % (wanted, got)]) + self.order(exchange, reply)

    def finalize(self, exchange, reply):
        self.finalized.update(reply.all("Location"))
        return self.order(exchange, reply)

    def order(self, exchange, reply):
        told, here = json.loads(exchange.body), reply.all("Location")
        faults = self.ours(here or [None]) + self.ours(told["authorizations"] + [told["finalize"]])
        faults += [] if TIME.fullmatch(told["expires"]) else ["expires is " + told["expires"]]
        if told["status"] == "pending" and told["authorizations"] and self.valid.issuperset(told["authorizations"]):
            faults.append("pending, and all is proven")
        if here and here[0] in self.finalized and told["status"] not in ("processing", "valid", "invalid"):
            faults.append("%s after finalize" % told["status"])
        if told["status"] == "valid":
            faults += self.ours([told["certificate"]])
        return faults

    def authz(self, exchange, reply):
        told = json.loads(exchange.body)
        faults = [] if TIME.fullmatch(told["expires"]) else ["expires is " + told["expires"]]
        if told["status"] not in ("pending", "valid", "invalid", "deactivated", "expired", "revoked"):
            faults.append("its status is " + told["status"])
        if told["status"] == "valid":
            self.valid.add(self.url + exchange.path)
        elif told["status"] == "pending" and '"invalid"' in exchange.body.decode():
            faults.append("pending, and something of it invalid")
        for challenge in told["challenges"]:
            faults += self.flat(challenge)
        return faults

    def challenge(self, exchange, reply):
        up = reply.link("up")
        return self.flat(json.loads(exchange.body)) + (self.ours([up]) if up else ["no Link to its authorization"])

    @staticmethod
    def flat(challenge):
        names = list(challenge)
        if names[:4] != ["type", "url", "status", "token"]:
            return ["a challenge begins with %s" % names[:4]]
        nested = [n for n in names if isinstance(challenge[n], (dict, list)) and (n != "error" or n != names[-1])]
        return (["a challenge has %s within" % nested] if nested else []) + \
            ([] if challenge["type"] in CHALLENGES else ["a challenge of type " + challenge["type"]])

    def certificate(self, exchange, reply):
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n", exchange.body.decode())
        return [] if blocks and "".join(blocks) == exchange.body.decode() else ["not a plain chain"]


class Seen:
    """Headers of a reply."""

    def __init__(self, exchange):
        self.headers = exchange.all_headers
        self.size = len(exchange.body) + sum(len(k) + len(v) + 4 for k, v in self.headers)

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def link(self, relation):
        for value in self.all("Link"):
            found = re.fullmatch(r'<([^>]*)>;\s*rel="%s"' % relation, value)
            if found:
                return found.group(1)
        return None
