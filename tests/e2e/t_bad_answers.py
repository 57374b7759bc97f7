#!/usr/bin/python3
"""A CA that answers what it should not: another certificate than was ordered, HTML, a word instead of an object, more than anybody has
to say, redirects, URLs of other servers, tokens that are paths. Each is a row of a table, with a name of its own and what must become
of its order: `invalid` with the reason in its error, or waiting, with the reason in its story; never a certificate. Each alarms the
operator. And what is only unusual ends in a certificate; so does an order for names that the CA has validated beforehand."""

import datetime
import json
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from lab import PORTS, Lab, key_pem, make_key, wait_until
from limited_ca import LimitedCA, unb64
from tap import Tap

ELSEWHERE = "https://elsewhere.test"
HTML = [("Content-Type", "text/html")]


class BadCA(LimitedCA):
    """Knows the rows by the names of their orders, and spoils what it would have said. `everywhere`: {path: spoil} for all."""

    def __init__(self, lab, rows=(), everywhere=None, **options):
        self.rows, self.everywhere = {row["name"]: row for row in rows}, everywhere or {}
        self.elsewhere_key = make_key()
        super().__init__(lab.path("web.pem"), lab.path("web.key"), PORTS.take(), {}, **options)
        lab.servers.append(self)

    def name_of(self, kind, number, body):
        """Of the order that a request is about."""
        if kind == "new-order":
            return json.loads(unb64(json.loads(body)["payload"]))["identifiers"][0]["value"]
        if kind == "cert":
            number = next((n for n, order in self.orders.items() if order["cert"] == number), "")
        order = self.orders.get(number.partition("-")[0])
        return order["names"][0] if order and kind in ("order", "authz", "chall", "finalize", "cert") else None

    def reply(self, method, path, body):
        status, headers, text = super().reply(method, path, body)
        kind, _, number = path.strip("/").partition("/")
        with self.guard:
            row = self.rows.get(self.name_of(kind, number, body), {})
        spoil = self.everywhere.get(kind) or row.get(kind)
        return spoil(status, headers, text) if spoil else (status, headers, text)

    def sign(self, csr):
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        row = self.rows.get(names[0], {})
        return row["sign"](self, csr) if "sign" in row else super().sign(csr)


# ---- what an answer is spoiled to ----

def said(text, status=None, more=()):
    """This instead of the object, perhaps with another status; location and nonce stay."""
    return lambda was, headers, _: (status or was, headers + list(more), text)


def changed(**members):
    """Another value for these members, without those that are None."""
    def spoil(status, headers, text):
        shown = {k: v for k, v in dict(json.loads(text), **members).items() if v is not None}
        return status, headers, json.dumps(shown)
    return spoil


def with_challenge(**members):
    def spoil(status, headers, text):
        shown = json.loads(text)
        shown["challenges"] = [dict(c, **members) for c in shown["challenges"]]
        return status, headers, json.dumps(shown)
    return spoil


def when(state, spoil):
    """Only an order or authorization in this state."""
    return lambda status, headers, text: spoil(status, headers, text) if json.loads(text).get("status") == state else (status, headers, text)


def located(url):
    return lambda status, headers, text: (status, [h for h in headers if h[0] != "Location"] + ([("Location", url)] if url else []), text)


def moved(status, headers, text):
    return 302, [h for h in headers if h[0] != "Location"] + [("Location", ELSEWHERE + "/order/1")], "moved"


def gone(status, headers, text):
    return 404, headers + [("Content-Type", "application/problem+json")], '{"type":"urn:ietf:params:acme:error:malformed","detail":"no such order"}'


def endless(status, headers, text):
    """A body that never ends; at once, so that its size is what ends it."""
    def write(handler):
        handler.close_connection = True
        handler.send_response_only(status)
        for name, value in headers + [("Content-Type", "application/json")]:
            handler.send_header(name, value)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"[" * 65536)
        except OSError:
            pass
    return status, headers, write


def large(status, headers, text):
    return status, headers, text[:-1] + ', "more": "' + "x" * 400000 + '"}'


def once(spoil):
    """The first time alone."""
    left = [1]

    def first(status, headers, text):
        with guard:
            left[0], is_first = 0, left[0]
        return spoil(status, headers, text) if is_first else (status, headers, text)
    guard = threading.Lock()
    return first


# ---- certificates ----

def build(ca, csr, key=None, names=None, days=(-1, 90), is_ca=False, aki=True, issuer=None, signer=None, chain=None):
    now = datetime.datetime.utcnow()
    issuer = issuer or ca.root.subject
    builder = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer).public_key(key or csr.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=days[0]))
               .not_valid_after(now + datetime.timedelta(days=days[1])))
    san = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names(san)] if names else list(san)), True)
    if is_ca:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    if aki:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.root_key.public_key()), False)
    leaf = builder.sign(signer or ca.root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return leaf + (ca.root_pem if chain is None else chain(ca, leaf))


def certified(**how):
    return lambda ca, csr: build(ca, csr, **how)


def of_names(san):
    return [name for name in san.get_values_for_type(x509.DNSName)]


def another_root(ca, leaf):
    """A CA of the same name with another key."""
    now, key = datetime.datetime.utcnow(), ca.elsewhere_key
    root = (x509.CertificateBuilder().subject_name(ca.root.subject).issuer_name(ca.root.subject).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9)).add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))
    return root.public_bytes(serialization.Encoding.PEM).decode()


KEY = make_key()
NOT_ORDERED = "certificate authority's certificate is not what was ordered"
# of the certificate: its order is `invalid`, and its error says this
CERTIFICATES = [
    ("for another key", "is not for the key of the CSR", certified(key=KEY.public_key())),
    ("without the name", "lacks the name", certified(names=lambda san: ["other.test"])),
    ("with one name more", "which nobody asked for", certified(names=lambda san: of_names(san) + ["more.test"])),
    ("with a wildcard for the name", "lacks the name", certified(names=lambda san: ["*.test"])),
    ("that has expired", "has expired", certified(days=(-90, -1))),
    ("that is not valid yet", "is not yet valid", certified(days=(1, 90))),
    ("that is a CA", "is a CA certificate", certified(is_ca=True)),
    ("without its issuer's key identifier", "authorityKeyIdentifier", certified(aki=False)),
    ("that another key signed", "", certified(signer=KEY)),
    ("with a chain to another CA", "", certified(chain=another_root)),
    ("twice", "", certified(chain=lambda ca, leaf: leaf)),
    ("behind its issuer", "", lambda ca, csr: ca.root_pem + build(ca, csr, chain=lambda *_: "")),
    ("and a key", "not a certificate", certified(chain=lambda ca, leaf: key_pem(KEY).decode())),
    ("and text", "text outside", certified(chain=lambda ca, leaf: "hello\n")),
    ("cut short", "", lambda ca, csr: build(ca, csr)[:700]),
]
# of the text: likewise
TEXTS = [("HTML instead of a certificate", "text outside", said("<html>no certificate</html>", more=HTML)), ("nothing instead of a certificate", "is empty", said(""))]
NO_CHALLENGE = "offers no challenge"
# phase, what, what becomes of the order, words, spoil
ANSWERS = [
    ("new-order", "HTML", "waits", "newOrder, status 201", said("<html>welcome</html>", more=HTML)),
    ("new-order", "a word", "waits", "newOrder, status 201", said('"fine"')),
    ("new-order", "nothing", "waits", "newOrder, status 201", said("")),
    ("new-order", "no status", "waits", "newOrder, status 201", changed(status=None)),
    ("new-order", "a status that nobody knows", "waits", "newOrder, status 201", changed(status="pondering")),
    ("new-order", "identifiers of another order", "waits", "for other identifiers", changed(identifiers=[{"type": "dns", "value": "other.test"}])),
    ("new-order", "no Location", "waits", "(Location)", located(None)),
    ("new-order", "a Location of another server", "waits", "(Location)", located(ELSEWHERE + "/order/1")),
    ("new-order", "a redirect", "waits", "redirects are not followed", moved),
    ("order", "HTML", "waits", "order, status 200", said("<html>busy</html>", more=HTML)),
    ("order", "a word", "waits", "order, status 200", said('"ready"')),
    ("order", "a list", "waits", "order, status 200", said("[]")),
    ("order", "no identifiers", "waits", "order, status 200", changed(identifiers=None)),
    ("order", "a redirect", "waits", "redirects are not followed", moved),
    ("order finalize", "404", "waits", "new order at ca needed: no such order", gone),
    ("order finalize", "valid without a certificate", "waits", "has no certificate", when("valid", changed(certificate=None))),
    ("order finalize", "a certificate of another server", "waits", "of another server", when("valid", changed(certificate=ELSEWHERE + "/cert/1"))),
    ("order finalize", "a certificate that is a path", "waits", "has no certificate", when("valid", changed(certificate="/cert/../../etc/passwd"))),
    ("new-order order", "authorizations of another server", "waits", "of another server", changed(authorizations=[ELSEWHERE + "/authz/1"])),
    ("new-order", "finalize of another server", "waits", "of another server", changed(finalize=ELSEWHERE + "/finalize/1")),
    ("authz", "HTML", "waits", "authz, status 200", said("<html>busy</html>", more=HTML)),
    ("authz", "a word", "waits", "authz, status 200", said('"valid"')),
    ("authz", "no identifier", "waits", "authz, status 200", changed(identifier=None)),
    ("authz", "a status that nobody knows", "waits", "authz, status 200", changed(status="pondering")),
    ("authz", "another name", "waits", "which is not in the order", changed(identifier={"type": "dns", "value": "other.test"})),
    ("authz", "a redirect", "waits", "redirects are not followed", moved),
    ("authz", "no challenges", "invalid", NO_CHALLENGE, changed(challenges=None)),
    ("authz", "challenges that nobody knows", "invalid", NO_CHALLENGE, with_challenge(type="dns-02")),
    ("authz", "challenges in states that nobody knows", "invalid", NO_CHALLENGE, with_challenge(status="pondering")),
    ("authz", "a token that is a path", "invalid", NO_CHALLENGE, with_challenge(token="../../../etc/passwd")),
    ("authz", "a token with a line end", "invalid", NO_CHALLENGE, with_challenge(token="abc\r\nX-More: 1")),
    ("authz", "no token", "invalid", NO_CHALLENGE, with_challenge(token=None)),
    ("authz", "a challenge of another server", "waits", "of another server", with_challenge(url=ELSEWHERE + "/chall/1")),
]
# what is only unusual
GOOD = [
    ("chall", "HTML for a challenge", said("<html>thank you</html>", more=HTML)),
    ("finalize", "HTML for a finalize", said("<html>thank you</html>", more=HTML)),
    ("finalize", "a redirect for a finalize, that has been heard", once(moved)),
    ("authz", "challenges beside it that nobody knows", lambda status, headers, text: (status, headers, json.dumps(dict(
        json.loads(text), challenges=[{"type": "dns-02", "url": "https://x.test/", "status": "pending"}, "what", 5, None] + json.loads(text)["challenges"])))),
    ("order", "members that nobody knows", changed(more={"a": [1, None, "b"]}, expires="soon", notBefore=7)),
    ("order", "503 in HTML, once", once(said("<html>busy</html>", 503, HTML + [("Retry-After", "1")]))),
    ("cert", "empty lines between certificates", lambda status, headers, text: (status, headers, text.replace("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----\r\n\r\n"))),
]


def table():
    rows = [{"what": "a certificate " + what, "end": "invalid", "words": words, "also": NOT_ORDERED, "sign": sign} for what, words, sign in CERTIFICATES]
    rows += [{"what": what, "end": "invalid", "words": words, "also": NOT_ORDERED, "cert": spoil} for what, words, spoil in TEXTS]
    rows += [dict({"what": "%s: %s" % (kind, what), "end": end, "words": words}, **{k: spoil for k in kind.split()})
             for kind, what, end, words, spoil in ANSWERS]
    rows += [{"what": what, "end": "valid", "words": "", kind: spoil} for kind, what, spoil in GOOD]
    for number, row in enumerate(rows):
        row["name"] = "row%d.test" % number
    return rows


def order_for(lab, gate, name, profile=None):
    device = lab.device(gate, patient=60)
    device.start([name], **({"profile": profile} if profile else {}))
    device.prove()
    device.finalize()
    device.ref = device.order_url.rpartition("/")[2]
    return device


def story(gate, device):
    return gate.ctl("order", "show", device.ref, "--trace")


def alarmed(gate, device):
    """Is there a line at warning or error about the order?"""
    return re.search(r"level=(warning|error) event=\S+ order=%s " % re.escape(device.ref), gate.process.text())


def judge(t, lab, ca, gate, device, row):
    what = "%s: " % row["what"]
    if row["end"] == "valid":
        t.equal(lab.verify(device.collect(), [ca.root_pem]), "", what + "a certificate all the same")
        return
    if row["end"] == "invalid":
        order = wait_until(what + "the order to end", lambda: device.acme.post(device.order_url).json["status"] == "invalid" and
                           device.acme.post(device.order_url).json, 90, 0.3)
        detail = order["error"]["detail"]
        t.ok(row["words"] in detail and row.get("also", "") in detail and "elsewhere" not in detail and
             order["error"]["type"].endswith(":serverInternal"), what + detail)
    else:
        wait_until(what + "the story to say " + row["words"], lambda: row["words"] in story(gate, device), 90, 0.5)
        t.ok(True, what + "the order waits, and its story says why")
    t.ok(wait_until("a line in the log", lambda: alarmed(gate, device), 60), "and the operator is alarmed")


def gate_of(lab, ca, upstream=None, **options):
    gate = lab.gate(ca.directory, upstream={"limits": "none", "request": "10s", "orders_in_flight": 100, **(upstream or {})}, http_port=PORTS.take(), **options)
    gate.start()
    lab.device(gate)  # the one responder they share
    return gate


def side_by_side(lab, gate, rows):
    """A device for each row, some at a time."""
    slots, devices = threading.Semaphore(8), {}

    def one(row):
        with slots:
            try:
                devices[row["name"]] = order_for(lab, gate, row["name"])
            except Exception as fault:
                devices[row["name"]] = fault

    threads = [threading.Thread(target=one, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return devices


def answers(t, lab):
    rows = table()
    ca = BadCA(lab, rows)
    gate = gate_of(lab, ca, {"overrides": [{"limit": "certs_set", "count": 50, "period": "7d"}]})
    devices = side_by_side(lab, gate, rows)
    for row in rows:
        with t.part(row["what"]):
            if isinstance(devices[row["name"]], Exception):
                raise devices[row["name"]]
            judge(t, lab, ca, gate, devices[row["name"]], row)
    waiting = [row for row in rows if row["end"] == "waits"]
    t.equal([row["what"] for row in waiting if devices[row["name"]].acme.post(devices[row["name"]].order_url).json["status"] != "processing"], [],
            "all that wait are processing")
    t.equal(gate.sql("select count(*) from cert"), [(len([row for row in rows if row["end"] == "valid"]),)], "no certificate came of anything bad")
    issued = [row for row in rows if row["end"] == "valid" or row.get("also") == NOT_ORDERED]
    sets = json.loads(gate.ctl("--json", "limits", "--kind", "certs_set", "--limit", "500"))["items"]
    t.equal(sum(b["used"] for b in sets), len(issued), "whatever the CA has issued counts, as ordered or not; and nothing else does")
    bad = re.search(r'acmegate_upstream_bad_answers_total{ca="ca"} (\d+)', gate.ctl("metrics"))
    t.ok(bad and int(bad.group(1)) >= len([row for row in rows if row["end"] != "valid"]) / 2, "the metrics count answers that could not be used: %s" % (
        bad and bad.group(1)))
    t.ok("ca: " in gate.ctl("status") and "answers since the start could not be used" in gate.ctl("status"), "status says so")
    orders = {row["name"]: len([o for o in ca.orders.values() if o["names"] == [row["name"]]]) for row in rows}
    t.ok(max(orders.values()) <= 4, "no row made the gateway order again and again (%s)" % max(orders.values()))
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def too_much(t, lab):
    """A CA for each, since answers without end count as outages."""
    for kind, spoil in (("new-order", large), ("new-order", endless), ("order", endless), ("authz", large), ("cert", endless)):
        what = "%s: %s" % (kind, spoil.__name__)
        with t.part(what):
            row = {"what": what, "name": "much.test", "end": "waits", "words": "it is too large", kind: spoil}
            ca = BadCA(lab, [row])
            gate = gate_of(lab, ca)
            device = order_for(lab, gate, row["name"])
            judge(t, lab, ca, gate, device, row)
            t.equal(device.acme.post(device.order_url).json["status"], "processing", "it is processing")
            t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


STARTS = [
    ("dir", "HTML", "upstream_directory_failed", "", said("<html>welcome</html>", more=HTML)),
    ("dir", "a word", "upstream_directory_failed", "", said('"welcome"')),
    ("dir", "no newOrder", "upstream_directory_failed", "", changed(newOrder=None)),
    ("dir", "newOrder at another server", "upstream_directory_failed", "leads to another server: newOrder", changed(newOrder=ELSEWHERE + "/new-order")),
    ("dir", "newNonce at another server", "upstream_directory_failed", "leads to another server: newNonce", changed(newNonce=ELSEWHERE + "/nonce")),
    ("dir", "no end", "upstream_directory_failed", "too_large", endless),
    ("dir", "a redirect", "upstream_directory_failed", "", moved),
    ("new-account", "HTML, and no Location", "upstream_account_refused", "", lambda status, headers, text: (status, [h for h in headers if h[0] != "Location"], "<html>")),
    ("new-account", "a Location of another server", "upstream_account_refused", "", located(ELSEWHERE + "/account/1")),
    ("nonce", "no nonce", "", "", lambda status, headers, text: (status, [h for h in headers if h[0] != "Replay-Nonce"], "")),
]


def starts(t, lab):
    """What there must be before any order: an entry of upstreams for each CA, and a profile that leads there."""
    cas = [BadCA(lab, everywhere={kind: spoil}) for kind, _, _, _, spoil in STARTS]
    gate = lab.gate(cas[0].directory, upstream={"limits": "none", "request": "10s"}, http_port=PORTS.take())
    first, local = gate.conf["upstreams"]
    profile = gate.conf["profiles"][0]
    gate.conf["upstreams"] = [dict(first, name="ca%d" % n, directory=ca.directory) for n, ca in enumerate(cas)] + [local]
    gate.conf["profiles"] = [dict(profile, name="p%d" % n, upstream="ca%d" % n) for n in range(len(cas))]
    gate.conf["default_profile"] = "p0"
    gate.start()
    devices = [order_for(lab, gate, "start%d.test" % n, "p%d" % n) for n in range(len(cas))]
    for n, (kind, what, event, words, _) in enumerate(STARTS):
        with t.part("%s: %s" % (kind, what)):
            line = re.compile(r"level=(warning|error) event=%s .*upstream=ca%d .*%s" % (event or r"upstream_\S+", n, re.escape(words)))
            t.ok(wait_until("a line in the log", lambda: line.search(gate.process.text()), 60), "%s: %s: the operator is alarmed" % (kind, what))
            wait_until("its story", lambda: "there is no account at ca%d yet" % n in story(gate, devices[n]), 60, 0.5)
            t.equal(devices[n].acme.post(devices[n].order_url).json["status"], "processing", "the order waits, and its story says why")
    t.equal(gate.sql("select count(*) from cert"), [(0,)], "no certificate came of it")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def listed_elsewhere(t, lab):
    """newOrder's answer cannot be read, so its order is looked for in the account's list, and that is of another server."""
    for what, account in (("its URL", changed(orders=ELSEWHERE + "/orders")), ("no URL at all", changed(orders="orders"))):
        row = {"name": "list.test", "new-order": once(said("<html>welcome</html>", more=HTML))}
        ca = BadCA(lab, [row], everywhere={"account": account})
        gate = gate_of(lab, ca)
        device = order_for(lab, gate, row["name"])
        t.equal(lab.verify(device.collect(), [ca.root_pem]), "", "a list of orders that cannot be read (%s): it is ordered once more" % what)
        t.equal(len(ca.issued), 1, "and issued once")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


def validated(t, lab):
    """Solver none: the CA knows the domain; and when it does not any more."""
    ca = BadCA(lab, known={"one.known.test"})
    gate = gate_of(lab, ca, solvers=[{"name": "by-contract", "kind": "none", "domains": ["known.test"]}, {"name": "web", "kind": "http-01"}])
    device = order_for(lab, gate, "one.known.test")
    t.equal(lab.verify(device.collect(), [ca.root_pem]), "", "a name that the CA has validated beforehand")
    t.ok("proof" not in story(gate, device), "without any proof")
    lost = order_for(lab, gate, "two.known.test")
    words = 'wants "two.known.test" proven, but solver "by-contract" says that it has validated the domain beforehand'
    wait_until("the story to tell", lambda: words in story(gate, lost), 60, 0.5)
    t.ok(wait_until("the log", lambda: "event=proof_needs_operator order=%s" % lost.ref in gate.process.text(), 60), "if it wants a proof all the same, the "
         "story and the log say so")
    t.equal(lost.acme.post(lost.order_url).json["status"], "processing", "and the order waits")
    other = order_for(lab, gate, "other.test")
    t.equal(lab.verify(other.collect(), [ca.root_pem]), "", "others are proven as ever")
    t.ok("http-01 proof of other.test, by web" in story(gate, other), "by another solver")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    with t.part("answers"):
        answers(t, lab)
    with t.part("too much"):
        too_much(t, lab)
    with t.part("a list elsewhere"):
        listed_elsewhere(t, lab)
    with t.part("starts"):
        starts(t, lab)
    with t.part("validated beforehand"):
        validated(t, lab)
sys.exit(t.done())
