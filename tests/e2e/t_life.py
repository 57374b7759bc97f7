#!/usr/bin/python3
"""The whole life of an account with every client of the field: made, bound to a key, a certificate issued, the account's key
changed, the certificate renewed and revoked, the account deactivated.

What a client says is not believed: after each step the gateway is asked (acmegatectl) whether that is so. What a client cannot
do is a "-", and its manual must not speak of it. Every reply on the way is held against what clients rely on (rules.py). The table that comes out is written to BUILD/clients.md, and the one in
README.md and doc/clients.md must be the same; `t_life.py --write` puts it there."""

import concurrent.futures
import copy
import json
import os
import re
import sys
import time
import traceback
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from acme import leaf_of
from clients import CLIENTS, STEPS, Place
from clients.programs import installed
from lab import BUILD, PORTS, TOP, Lab, wait_until
from rules import Watch, watched
from tap import Tap

HEADS = {"account": "account", "eab": "bound by EAB", "issue": "issue", "rollover": "key change", "renew": "renew",
         "revoke": "revoke", "deactivate": "deactivate"}
DOCUMENTS = "README.md", "doc/clients.md"
AT_ONCE = 10  # places at work


class Doubt(Exception):
    """The gateway sees it otherwise."""


def want(got, expected, what):
    if got != expected:
        raise Doubt("%s: %r instead of %r" % (what, got, expected))


def digest(leaf):
    return leaf.fingerprint(hashes.SHA256()).hex()


class View:
    """What the gateway knows of the accounts with one contact."""

    def __init__(self, gate, email):
        self.gate, self.email = gate, email

    def ask(self, *words):
        return json.loads(self.gate.ctl("--json", *words))

    def accounts(self):
        return [a["id"] for a in self.ask("account", "list", "--limit", "500")["items"] if a["contact"] == ["mailto:" + self.email]]

    def account(self):
        """The one that there is."""
        ids = self.accounts()
        want(len(ids), 1, "accounts of " + self.email)
        return self.ask("account", "show", ids[0])

    def items(self, noun):
        return self.ask(noun, "list", "--account", self.account()["id"], "--limit", "500")["items"]

    def certificates(self):
        """{sha256: status}"""
        return {c["sha256"]: c["status"] for c in self.items("cert")}


class Life:
    """One client in one place: each step is done, then looked for at the gateway."""

    def __init__(self, lab, client):
        self.lab, self.place, self.client = lab, client.place, client
        self.view = View(client.place.gate, client.place.email)
        self.leaves = []

    def walk(self, steps):
        """{step: "yes" or what went wrong}; the first fault is the end."""
        done = {}
        for step in steps:
            try:
                getattr(self, step)()
                done[step] = "yes"
            except Exception as fault:
                done[step] = "%s: %s" % (type(fault).__name__, fault)
                if not isinstance(fault, (Doubt, RuntimeError)):
                    done[step] += "\n" + traceback.format_exc()
                break
        return done

    def check_chain(self, chain):
        """It is new, ours, whole, and the gateway has it from one more order of the same account."""
        leaf = leaf_of(chain)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        want(names, [self.place.host], "names of the certificate")
        self.leaves.append(leaf)
        want(self.view.certificates(), {digest(leaf): "valid" for leaf in self.leaves}, "certificates")
        want(len({digest(leaf) for leaf in self.leaves}), len(self.leaves), "different certificates")
        want([o["status"] for o in self.view.items("order")], ["valid"] * len(self.leaves), "orders")
        told = self.view.gate.ctl("cert", "show", "--pem", self.view.items("cert")[0]["id"])
        root = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", told, re.S)[-1]
        want(self.lab.verify(chain, [root]), "", "its chain")

    def account(self):
        before = self.view.accounts()
        self.client.account()
        if self.client.makes_account:
            want(before, [], "accounts before")
            want(self.view.account()["status"], "valid", "account")

    def eab(self):
        """In a place where nobody may be unbound."""
        kid = self.place.eab[0]
        self.client.obtain()
        account, key = self.view.account(), self.view.ask("eab", "show", kid)
        want((account["status"], account.get("eab")), ("valid", kid), "account and what it is bound to")
        want((key["uses"], key["accounts"]), (1, 1), "uses of the key and its accounts")
        want([o["status"] for o in self.view.items("order")], ["valid"], "its order")

    def issue(self):
        self.check_chain(self.client.issue())
        account = self.view.account()
        want((account["status"], account.get("eab")), ("valid", None), "account and what it is bound to")

    def rollover(self):
        before = self.view.account()
        self.client.rollover()
        after = self.view.account()
        want((after["id"], after["status"]), (before["id"], "valid"), "account")
        want(after["thumbprint"] != before["thumbprint"], True, "the account has another key")

    def renew(self):
        before = self.view.account()
        self.check_chain(self.client.renew())
        after = self.view.account()
        want((after["id"], after["thumbprint"]), (before["id"], before["thumbprint"]), "account and its key")

    def revoke(self):
        self.client.revoke()
        status = {digest(leaf): "valid" for leaf in self.leaves}
        status[digest(self.leaves[-1])] = "revoked"
        want(self.view.certificates(), status, "certificates")

    def revoke_in_vain(self):
        self.client.revoke()
        want("revoked" in self.view.certificates().values(), False, "something is revoked")

    def deactivate(self):
        self.client.deactivate()
        want(self.view.account()["status"], "deactivated", "account")


def steps_of(kind):
    """What a client does where it need not be bound."""
    return [step for step in HEADS if step != "eab" and kind.can(step)] + [step + "_in_vain" for step in kind.vain]


def live(lab, gate, kind, eab, port):
    """One client in one place: {step: result}, what its manual has and it has not, seconds."""
    place = Place(lab, gate, kind.name + ("-eab" if eab else ""), port, eab)
    client = kind(place)
    try:
        began = time.monotonic()
        done = Life(lab, client).walk(["eab"] if eab else steps_of(kind))
        return done, [] if eab else client.hidden(), time.monotonic() - began
    finally:
        place.close()


def profiles(ports):
    """Each client has one where accounts may be unbound, and one where they may not. All prove by http-01, and must find it among
    others."""
    made = []
    for kind in CLIENTS:
        common = {"upstream": "local", "validity": kind.validity, "challenges": ["tls-alpn-01", "dns-01", "http-01"]}
        made.append(dict(common, name=kind.name, http01_port=ports[kind.name], eab="optional"))
        made.append(dict(common, name=kind.name + "-eab", http01_port=ports[kind.name + "-eab"], eab="required"))
    return made


KINDS = ("directory", "nonce", "newAccount", "account", "newOrder", "order", "authz", "challenge", "finalize", "certificate", "revoke",
         "keyChange", "renewalInfo", "problem")


def header(name, *values):
    """Spoils a reply: these headers instead."""
    def change(exchange):
        exchange.all_headers = [(k, v) for k, v in exchange.all_headers if k.lower() != name.lower()] + [(name, v) for v in values]
    return change


def text(old, new):
    def change(exchange):
        whole = exchange.body.decode()
        exchange.body = re.sub(old, new, whole, count=1).encode()
        if exchange.body.decode() == whole:
            raise ValueError("there is no %s in %s" % (old, whole))
        header("Content-Length", str(len(exchange.body)))(exchange)
    return change


def status(number):
    def change(exchange):
        exchange.status = number
    return change


SPOILS = (
    ("authz", "no nonce", header("Replay-Nonce")), ("problem", "an error without a nonce", header("Replay-Nonce")),
    ("nonce", "a nonce that is no base64url", header("Replay-Nonce", "a+b/")), ("newOrder", "an order that was not created", status(200)),
    ("finalize", "202 for later", status(202)), ("order", "a media type with a charset", header("Content-Type", "application/json; charset=utf-8")),
    ("problem", "a problem as JSON", header("Content-Type", "application/json")), ("problem", "an error in HTML", text("^.*", "<html>")),
    ("problem", "an error without words", text('"detail"', '"other"')), ("certificate", "a chain as text", header("Content-Type", "text/plain")),
    ("certificate", "a chain with words before it", text("^", "subject=x\n")), ("newOrder", "an order without Location", header("Location")),
    ("order", "an order elsewhere", header("Location", "https://elsewhere.test/order/x")), ("challenge", "no way up", header("Link")),
    ("order", "a Retry-After as a date", header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ("order", "a Retry-After of an hour", header("Retry-After", "3600")), ("newOrder", "a name in capitals", text('"value":"', '"value":"X')),
    ("order", "an order with fractions of seconds", text('Z"', '.5Z"')), ("authz", "a type never heard of", text("http-01", "new-01")),
    ("authz", "a nested challenge", text('"token":"[^"]*"', '"token":{}')), ("challenge", "members in another order", text('"type"', '"kind"')),
    ("directory", "a directory without keyChange", text("keyChange", "other")), ("directory", "another host", text("localhost", "elsewhere")),
    ("account", "chunks", header("Transfer-Encoding", "chunked")), ("account", "no length", header("Content-Length")),
    ("account", "more than a buffer", text("$", " " * 17000)), ("authz", "a word of an unknown state", text('"status":"[a-z]*"', '"status":"new"')),
)


def spoil(seen):
    """(what, exchange): replies as they came, each with one thing wrong."""
    for kind, what, change in SPOILS:
        exchange = copy.copy(seen[kind])
        change(exchange)
        yield what, exchange


def all_lives(t, lab, gate):
    """{client: {step: result}}"""
    ports = {kind.name + end: PORTS.take() for kind in CLIENTS for end in ("", "-eab")}
    gate.conf["profiles"] = profiles(ports)
    gate.conf["default_profile"] = CLIENTS[0].name
    watch = watched(lab, gate)
    results = {kind: {} for kind in CLIENTS}
    work = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for kind in sorted(CLIENTS, key=lambda kind: not kind.slow):  # the patient ones first
            work.append((kind, "", pool.submit(live, lab, gate, kind, None, ports[kind.name])))
            if kind.takes_eab:
                made = json.loads(gate.ctl("--json", "eab", "create", "--kid", kind.name + "_key", "--profiles", kind.name + "-eab"))
                work.append((kind, "-eab", pool.submit(live, lab, gate, kind, (made["id"], made["key"]), ports[kind.name + "-eab"])))
    for kind, end, future in work:
        with t.part(kind.label):
            done, hidden, seconds = future.result()
            results[kind].update(done)
            if not end:
                t.equal(hidden, [], "%s: its manual speaks of nothing that it has not" % kind.label)
            t.note("%s%s: %.1f s" % (kind.name, end, seconds))
    t.equal(watch.faults, [], "each of %d replies is as clients want it" % watch.count)
    t.equal(sorted(watch.seen), sorted(KINDS), "there were replies of each kind")
    with t.part("rules"):
        for what, spoilt in spoil(watch.seen):
            t.ok(Watch(watch.url).judge(spoilt), "it would have been noticed: " + what)
    return results


def table(results):
    lines = ["| client | %s |" % " | ".join(HEADS.values()), "|---|" + "---|" * len(HEADS)]
    for kind, done in results.items():
        cells = ("-" if not kind.can(step) else "yes" if done.get(step) == "yes" else "**no**" for step in HEADS)
        lines.append("| %s | %s |" % (kind.label, " | ".join(cells)))
    return "\n".join(lines) + "\n"


TABLE = re.compile(r"^\| client \|.*\n(?:\|.*\n)*", re.M)


def everything(t):
    with Lab(t) as lab:
        gate = lab.gate("", upstreams=[{"name": "local", "driver": "local"}])
        results = all_lives(t, lab, gate)
        for kind, done in results.items():
            for step in ["eab"] * kind.takes_eab + steps_of(kind):
                t.equal(done.get(step, "not reached"), "yes", "%s: %s" % (kind.label, HEADS.get(step, step.replace("_", " "))))
        with t.part("renewal information"):
            successors(t, gate)
        with t.part("the CA's list of revoked certificates"):
            revocations(t, gate, sum(kind.can("revoke") for kind in CLIENTS))
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return table(results)


def successors(t, gate):
    """Whose library does so by itself names the certificate that he renews (RFC 9773 section 5), and it is on record as replaced."""
    rows = gate.sql("select o.profile, count(*) from orders o where o.replaces is not null and o.state=3 group by o.profile order by 1")
    t.note("orders that replace a certificate: " + ", ".join("%s %d" % row for row in rows))
    named = {profile for profile, _ in rows}
    for kind in CLIENTS:
        if kind.names_predecessor:
            t.ok(kind.name in named, "%s: its renewal names the certificate that it replaces" % kind.label)
    t.equal(gate.sql("select count(*) from renewal where replaced_at is not null and certid in (select replaces from orders)")[0][0], sum(count for _, count in rows),
            "each of these certificates is on record as replaced")


def revocations(t, gate, count):
    """The last thing that each client with the means has had was revoked, and the CA tells the world."""
    def listed():
        reply = gate.acme().get(gate.url + "/crl/local")
        return reply.status == 200 and len(list(x509.load_der_x509_crl(reply.body))) == count

    t.ok(wait_until("%d revoked certificates on the CRL" % count, listed, 60), "each of them is on the CRL")


t = Tap()
t.equal(set(HEADS), set(STEPS), "the table has all steps")
installed()
made = everything(t)
with open(os.path.join(BUILD, "clients.md"), "w") as out:
    out.write(made)
t.note(made)
for name in DOCUMENTS:
    path = os.path.join(TOP, name)
    with open(path) as document:
        whole = document.read()
    if sys.argv[1:] == ["--write"]:
        whole = TABLE.sub(lambda _: made, whole)
        with open(path, "w") as document:
            document.write(whole)
    t.equal(TABLE.findall(whole), [made], "%s tells what came out" % name)
sys.exit(t.done())
