#!/usr/bin/python3
"""dns-01 (RFC 8555 8.4), dns-account-01 and dns-persist-01 with a real DNS server, zones that are updated, and real clients: wildcards, aliases, several records,
truncated answers, and each way to fail with its problem (V2)."""

import base64
import datetime
import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509

import acme
from lab import PORTS, Lab
from nameserver import Bind
from tap import Tap

AT = "_acme-challenge."


def digest(acme_, chall):
    text = "%s.%s" % (chall["token"], acme.thumbprint(acme_.key))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class DnsDevice(acme.Device):
    """Proves by dns-01 or another kind; `lay` puts the record where the test wants it."""

    def __init__(self, acme_, lay, kind="dns-01"):
        super().__init__(acme_, None)
        self.lay, self.kind, self.challenges = lay, kind, []

    def respond(self, authz_url):
        authz = self.acme.want("authz", self.acme.post(authz_url), 200).json
        if authz["status"] != "pending":
            return
        chall = [c for c in authz["challenges"] if c["type"] == self.kind][0]
        self.challenges.append(chall["url"])
        self.lay(authz["identifier"]["value"], digest(self.acme, chall))
        self.acme.want("challenge", self.acme.post(chall["url"], {}), 200)


def names_of(chain):
    return sorted(acme.leaf_of(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


def good(t, gate, bind):
    device = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", value))
    t.equal(names_of(device.obtain(["one.corp.test"])[1]), ["one.corp.test"], "a TXT record proves a name")
    both = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", value))
    t.equal(names_of(both.obtain(["*.wild.corp.test", "wild.corp.test"])[1]), ["*.wild.corp.test", "wild.corp.test"],
            "two records at one name prove it and its wildcard")
    order = both.acme.post(both.order_url).json
    authzs = [both.acme.post(url).json for url in order["authorizations"]]
    t.equal(sorted((a["identifier"]["value"], a.get("wildcard", False)) for a in authzs),
            [("wild.corp.test", False), ("wild.corp.test", True)], "whose authorizations say which is the wildcard's")
    bind.add(AT + "several.corp.test", "TXT", '"v=spf1 -all"')
    bind.add(AT + "several.corp.test", "TXT", '"an old one"')
    split = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", '"%s" "%s"' % (value[:20], value[20:])))
    t.equal(names_of(split.obtain(["several.corp.test"])[1]), ["several.corp.test"],
            "among other records, and in two character-strings")


def aliases(t, gate, bind):
    device = DnsDevice(gate.acme(), lambda name, value: bind.add("proofs.keys.test", "TXT", value))
    t.equal(names_of(device.obtain(["alias.corp.test"])[1]), ["alias.corp.test"], "a CNAME leads to another zone")
    chain = DnsDevice(gate.acme(), lambda name, value: bind.add("proofs.keys.test", "TXT", value))
    t.equal(names_of(chain.obtain(["chain.corp.test"])[1]), ["chain.corp.test"], "three of them, one behind the other")
    dname = DnsDevice(gate.acme(), lambda name, value: bind.add("_acme-challenge.x.keys.test", "TXT", value))
    t.equal(names_of(dname.obtain(["x.moved.corp.test"])[1]), ["x.moved.corp.test"], "a DNAME does, too")


def own_label(t, gate, bind):
    """dns-account-01: two accounts have their records beside each other."""
    def lay(name, value):
        label = base64.b32encode(hashlib.sha256(device.acme.kid.encode()).digest()[:10]).decode().lower()
        bind.add("_%s.%s%s" % (label, AT, name), "TXT", value)

    for _ in range(2):
        device = DnsDevice(gate.acme(), lay, "dns-account-01")
        t.equal(names_of(device.obtain(["*.label.corp.test"], profile="labels")[1]), ["*.label.corp.test"],
                "a record at the account's own label proves a wildcard")


class PersistDevice(acme.Device):
    """Proves by a record that says who may; `record` makes one of the challenge, or None for one that is there already."""

    def __init__(self, acme_, bind, record=None):
        super().__init__(acme_, None)
        self.bind, self.record, self.challenges = bind, record, []

    def respond(self, authz_url):
        authz = self.acme.want("authz", self.acme.post(authz_url), 200).json
        if authz["status"] != "pending":
            return
        chall = [c for c in authz["challenges"] if c["type"] == "dns-persist-01"][0]
        self.challenges.append(chall)
        if self.record:
            self.bind.add("_validation-persist." + authz["identifier"]["value"], "TXT", '"%s"' % self.record(chall))
        self.acme.want("challenge", self.acme.post(chall["url"], {}), 200)


def said(chall, more=""):
    return "%s; accounturi=%s%s" % (chall["issuer-domain-names"][0], chall["accounturi"], more)


def persist(t, gate, bind):
    """dns-persist-01: one record, of one account, for years."""
    device = PersistDevice(gate.acme(gate.url + "/p/persist/directory"), bind, said)
    t.equal(names_of(device.obtain(["kept.corp.test"])[1]), ["kept.corp.test"], "a record that stays proves a name")
    chall = device.challenges[0]
    t.equal((chall["accounturi"], chall["issuer-domain-names"], "token" in chall), (device.acme.kid, ["pki.corp.test", "pki.keys.test"], False),
            "its challenge says what the record must, and has no token")
    device.record = lambda chall: "pki.keys.test; policy=wildcard; accounturi=" + chall["accounturi"]
    t.equal(names_of(device.obtain(["*.all.corp.test", "all.corp.test"])[1]), ["*.all.corp.test", "all.corp.test"], "policy=wildcard: a wildcard, too")
    device.record = None
    t.equal(names_of(device.obtain(["a.all.corp.test", "b.c.all.corp.test"])[1]), ["a.all.corp.test", "b.c.all.corp.test"],
            "and the names below, without another record")
    order = device.acme.post(device.order_url).json
    device.start(["a.all.corp.test"])
    t.equal((device.order["status"], device.order["authorizations"][0] in order["authorizations"]), ("ready", True), "a proof is used again for a while")
    asked = len(bind.queries())
    mine = device.acme.kid
    soon = int(time.time()) + 1000
    bind.add("_validation-persist.short.corp.test", "TXT", '"pki.corp.test; accounturi=%s; persistUntil=%d"' % (mine, soon))
    device.start(["short.corp.test"])
    device.respond(device.order["authorizations"][0])
    device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    authz = device.acme.post(device.order["authorizations"][0]).json
    t.equal((authz["status"], datetime.datetime.strptime(authz["expires"] + "+0000", "%Y-%m-%dT%H:%M:%SZ%z").timestamp()), ("valid", soon), "an authorization lasts no longer than its record says")
    t.ok(len(bind.queries()) > asked, "which was looked up")
    other = PersistDevice(gate.acme(gate.url + "/p/persist/directory"), bind)
    cases = ((["x.all.corp.test"], None, "unauthorized", "another account"),
             (["*.kept.corp.test"], None, "unauthorized", "another account"),
             (["gone.corp.test"], None, "unauthorized", "no TXT record names this gateway"),
             (["a.broken.test"], None, "dns", "(SERVFAIL)"),
             (["one-name.corp.test", "*.one-name.corp.test"], "pki.corp.test; accounturi=%s", "unauthorized", "needs policy=wildcard"),
             (["over.corp.test"], "pki.corp.test; accounturi=%s; persistUntil=1700000000", "unauthorized", "past its persistUntil"),
             (["twice.corp.test"], "pki.corp.test; accounturi=%s; policy=a; policy=b", "malformed", "policy twice"),
             (["date.corp.test"], "pki.corp.test; accounturi=%s; persistUntil=tomorrow", "malformed", "no number of seconds"),
             (["nobody.corp.test"], "pki.corp.test", "malformed", "has no accounturi"),
             (["theirs.corp.test"], "pki.other.test; accounturi=%s", "unauthorized", "no TXT record names this gateway"))
    other.register()
    for names, record, kind, words in cases:
        if record:
            bind.add("_validation-persist." + names[0], "TXT", '"%s"' % (record.replace("%s", other.acme.kid)))
        other.start(names)
        for url in other.order["authorizations"]:
            other.respond(url)
        order = other.acme.poll(other.order_url, lambda o: o["status"] != "pending", 60)
        errors = [c["error"] for url in order["authorizations"] for c in other.acme.post(url).json["challenges"] if "error" in c]
        t.equal((order["status"], [e["type"].rpartition(":")[2] for e in errors]), ("invalid", [kind]), "%s: %s" % (names[0], kind))
        t.ok(words in errors[0]["detail"], "in the words \"%s\"" % errors[0]["detail"])
    a, new = device.acme, acme.new_key()
    url = a.directory["keyChange"]
    inner = acme.jws(new, {"alg": acme.alg_of(new), "jwk": acme.jwk_of(new), "url": url}, {"account": a.kid, "oldKey": acme.jwk_of(a.key)})
    a.want("keyChange", a.post(url, inner), 200)
    a.key = new
    device.start(["after.all.corp.test"])
    device.respond(device.order["authorizations"][0])
    order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    t.equal(order["status"], "ready", "with another key the account is the same, and its record holds")


def truncated(t, gate, bind):
    bind.update(*["update add %sbig.corp.test. 1 TXT %s" % (AT, "x%02d" % n + "y" * 57) for n in range(60)])
    device = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", value))
    t.equal(names_of(device.obtain(["big.corp.test"])[1]), ["big.corp.test"], "sixty records more than fit are read")
    asked = [over_tcp for name, kind, over_tcp, _ in bind.queries() if name == AT + "big.corp.test" and kind == "TXT"]
    t.ok(False in asked and True in asked, "by UDP first, then by TCP")


def authoritative(t, lab, rules):
    """Profile own: the zones' name servers are asked themselves, all of them (dns-01 with authoritative_dns)."""
    port = PORTS.take()
    lines = ["@ NS ns6", "ns6 AAAA ::1", AT + "alias CNAME proofs.keys.test.", AT + "out CNAME x.far.test."]
    one = Bind(lab, {"auth.test": lines, "far.test": ["@ NS outside", "outside A 10.255.255.1"]}, port=port)
    two = Bind(lab, {"auth.test": lines, "keys.test": []}, "::1", port)
    cache = Bind(lab, {}, forward={"auth.test": one, "far.test": one, "keys.test": two})
    profile = {"upstream": "local", "challenges": ["dns-01"], "resolvers": [cache.address], "validation_attempts": ["0s", "3s"], "wildcard": True}
    gate = lab.gate("https://localhost:1/none", name="own", profiles=[
        dict(profile, name="default", authoritative_dns=True, authoritative_port=port), dict(profile, name="cached")],
        upstreams=[{"name": "local", "driver": "local"}])
    gate.conf.update(rules=rules, networks=["127.0.0.0/8", "::1/128"])
    gate.start()

    def lay(*where):
        return lambda name, value: [b.add(AT + name, "TXT", value) for b in where]

    def outcome(name, *where, late=(), **payload):
        values = {}
        device = DnsDevice(gate.acme(), lambda n, v: (values.update({n: v}), lay(*where)(n, v)))
        device.start([name], **payload)
        device.respond(device.order["authorizations"][0])
        if late:
            device.acme.poll(device.challenges[0], lambda c: "error" in c, 30)
            lay(*late)(name, values[name])
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        error = device.acme.post(order["authorizations"][0]).json["challenges"][0].get("error", {})
        return order["status"], error.get("type", "").rpartition(":")[2], error.get("detail", "")

    t.equal(outcome("both.auth.test", one, two)[0], "ready", "a record at all of a zone's name servers proves a name")
    wanted = [recursion for b in (one, two) for name, kind, _, recursion in b.queries() if name == AT + "both.auth.test" and kind == "TXT"]
    t.equal(wanted, [False, False], "each was asked once, and not to ask others")
    t.ok(not [1 for name, kind, _, _ in cache.queries() if kind == "TXT"], "the resolver was asked for none")
    got = outcome("half.auth.test", one)
    t.ok(got[:2] == ("invalid", "dns") and "do not agree" in got[2], "at one of two: %s" % got[2])
    t.equal(outcome("late.auth.test", one, late=(two,))[0], "ready", "the next attempt finds it at the other, too")
    got = outcome("none.auth.test")
    t.ok(got[:2] == ("invalid", "dns") and "NXDOMAIN" in got[2], "at none: %s" % got[2])
    t.equal(outcome("alias.auth.test", two)[1], "dns", "an alias, and no record where it leads")
    alias = DnsDevice(gate.acme(), lambda name, value: two.add("proofs.keys.test", "TXT", value))
    t.equal(names_of(alias.obtain(["alias.auth.test"])[1]), ["alias.auth.test"], "an alias leads to another zone's name servers")
    got = outcome("out.auth.test")
    t.ok(got[:2] == ("invalid", "dns") and "has no address that this gateway asks" in got[2] and "10.255" not in got[2],
         "a name server outside of networks: %s" % got[2])
    for b in (one, two):
        b.update("update add %sold.auth.test. 600 TXT old" % AT)
    t.equal(outcome("old.auth.test", profile="cached")[1], "unauthorized", "(a resolver's memory, as it is now,")
    for b in (one, two):
        b.remove(AT + "old.auth.test", "TXT")
    t.equal(outcome("old.auth.test", one, two, profile="cached")[1], "unauthorized", "and as it stays)")
    t.equal(outcome("old.auth.test", one, two)[0], "ready", "is not asked where the name servers are")
    t.equal(outcome("*.wild.auth.test", one, two)[0], "ready", "wildcards, too")
    two.process.stop()
    got = outcome("down.auth.test", one)
    t.ok(got[:2] == ("invalid", "dns") and "ns6.auth.test" in got[2], "a name server that is down: %s" % got[2])
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def refused(t, gate, bind):
    """(name, what lies there, type, words)"""
    cases = (("nothing.corp.test", None, "dns", "(NXDOMAIN)"),
             ("empty.corp.test", ("HINFO", '"a" "b"'), "unauthorized", "has no TXT record"),
             ("wrong.corp.test", ("TXT", '"something else"'), "unauthorized", "none of 1 TXT records"),
             ("dangling.corp.test", None, "dns", "(NXDOMAIN)"),
             ("loop.corp.test", None, "dns", "(SERVFAIL)"),
             ("a.broken.test", None, "dns", "(SERVFAIL)"),
             ("elsewhere.test", None, "dns", "(REFUSED)"))
    for name, record, kind, words in cases:
        if record:
            bind.add(AT + name, *record)
        device = DnsDevice(gate.acme(), lambda *_: None)
        device.start([name])
        device.respond(device.order["authorizations"][0])
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        authz = device.acme.post(order["authorizations"][0]).json
        error = authz["challenges"][0].get("error", {})
        t.equal((order["status"], authz["status"], error.get("type")), ("invalid", "invalid", "urn:ietf:params:acme:error:" + kind),
                "%s: %s" % (name, kind))
        t.ok(words in error.get("detail", ""), "in the words \"%s\"" % error.get("detail"))
        t.equal(len(error.get("subproblems", ())), 2, "with an entry for each attempt")


class HostileDns:
    """Knows each name's proof, and answers as the name's first label behind "_acme-challenge" says: `manners`, functions of the query,
    the good answer and whether it came over TCP, which give the messages to send."""

    def __init__(self, port, manners):
        self.proofs, self.manners, self.lock = {}, manners, threading.Lock()
        self.udp, self.tcp = socket.socket(type=socket.SOCK_DGRAM), socket.create_server(("127.0.0.1", port))
        self.udp.bind(("127.0.0.1", port))
        self.address = "127.0.0.1:%d" % port
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def answers(self, query, over_tcp):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        question = query[12:at + 5]
        name = ".".join(labels)
        text = self.proofs.get(name, "").encode()
        record = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x01" + struct.pack("!HB", len(text) + 1, len(text)) + text
        head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if text else b"\x00\x00") + bytes(4)
        good = head + question + (record if text else b"")
        manner = self.manners.get(labels[1] if len(labels) > 1 else "", lambda q, a, tcp: [a])
        return manner(query, good, over_tcp)

    def serve_udp(self):
        while True:
            try:
                query, who = self.udp.recvfrom(4096)
                for message in self.answers(query, False):
                    self.udp.sendto(message, who)
            except (OSError, IndexError):
                if self.udp.fileno() < 0:
                    return

    def serve_tcp(self):
        while True:
            try:
                link, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(link,), daemon=True).start()

    def one(self, link):
        try:
            n = struct.unpack("!H", link.recv(2, socket.MSG_WAITALL))[0]
            for message in self.answers(link.recv(n, socket.MSG_WAITALL), True):
                link.sendall(message)  # with its length
        except (OSError, struct.error):
            pass
        link.close()

    def close(self):
        self.udp.close()
        self.tcp.close()


def framed(message):
    return struct.pack("!H", len(message)) + message


def hostile(t, lab, rules):
    """A name server that lies in every way there is; all at the same time."""
    def cut(answer):
        return answer[:2] + bytes([answer[2] | 2]) + answer[3:6] + bytes(6) + answer[12:answer.index(b"\xc0\x0c")]

    def other_name(answer):
        return answer[:13] + bytes([answer[13] ^ 1]) + answer[14:]

    def huge(answer):
        """A record of 60000 octets, then the proof."""
        junk = b"".join(b"\xfa" + b"j" * 250 for _ in range(239))
        record = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x01" + struct.pack("!H", len(junk)) + junk
        at = answer.index(b"\xc0\x0c")
        return answer[:6] + b"\x00\x02" + answer[8:at] + record + answer[at:]

    def many(answer, n):
        at = answer.index(b"\xc0\x0c")
        return answer[:6] + struct.pack("!H", n) + answer[8:at] + answer[at:] * n

    def drip(answer):
        for octet in framed(answer):
            time.sleep(0.5)
            yield bytes([octet])

    proven = {
        "plain": lambda q, a, tcp: [a],
        "other-ids": lambda q, a, tcp: [bytes([a[0] ^ n]) + a[1:-1] + b"!" for n in range(1, 200)] + [a],
        "other-question": lambda q, a, tcp: [other_name(a), a],
        "garbage": lambda q, a, tcp: [b"", b"x", q[:2], a[:11], a[:2] + os.urandom(300), a],
        "twice": lambda q, a, tcp: [a, a, a],
        "cut": lambda q, a, tcp: [framed(a)] if tcp else [cut(a)],
        "huge": lambda q, a, tcp: [framed(huge(a))] if tcp else [cut(a)],
        "strings": lambda q, a, tcp: [a[:-46] + struct.pack("!H", 86) + b"".join(b"\x01%c" % c for c in a[-43:])],
        "hundred": lambda q, a, tcp: [framed(many(a, 100))] if tcp else [cut(a)],
    }
    refused = {
        "silence": lambda q, a, tcp: [],
        "echo": lambda q, a, tcp: [q],
        "no-answer": lambda q, a, tcp: [a[:2] + bytes([a[2] & 0x7f]) + a[3:]],
        "update": lambda q, a, tcp: [a[:2] + bytes([a[2] | 0x28]) + a[3:]],
        "other-id-only": lambda q, a, tcp: [bytes([a[0] ^ 1]) + a[1:]],
        "other-question-only": lambda q, a, tcp: [other_name(a)],
        "cut-off": lambda q, a, tcp: [a[:-3]],
        "too-many": lambda q, a, tcp: [framed(many(a, 101))] if tcp else [cut(a)],
        "count-lies": lambda q, a, tcp: [a[:6] + b"\xff\xff" + a[8:]],
        "pointer-loop": lambda q, a, tcp: [a[:a.index(b"\xc0\x0c")] + struct.pack("!H", 0xc000 | a.index(b"\xc0\x0c")) + a[a.index(b"\xc0\x0c") + 2:]],
        "alias-to-itself": lambda q, a, tcp: [a[:a.index(b"\xc0\x0c")] + b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0c"],
        "cut-for-good": lambda q, a, tcp: [framed(cut(a))] if tcp else [cut(a)],
        "cut-then-nothing": lambda q, a, tcp: [] if tcp else [cut(a)],
        "cut-then-drips": lambda q, a, tcp: drip(a) if tcp else [cut(a)],
        "cut-then-half": lambda q, a, tcp: [framed(a)[:-9]] if tcp else [cut(a)],
        "cut-then-lies": lambda q, a, tcp: [b"\xff\xff" + a] if tcp else [cut(a)],
        "notimp": lambda q, a, tcp: [a[:3] + b"\x84" + a[4:6] + bytes(6) + a[12:]],
        "odd-code": lambda q, a, tcp: [a[:3] + b"\x8b" + a[4:6] + bytes(6) + a[12:]],
    }
    server = HostileDns(PORTS.take(), {**proven, **refused})
    gate = lab.gate("https://localhost:1/none", name="hostile", profiles=[
        {"name": "default", "upstream": "local", "challenges": ["dns-01"], "resolvers": [server.address], "validation_attempts": ["0s"]}],
        upstreams=[{"name": "local", "driver": "local"}])
    gate.conf["rules"] = rules
    gate.start()
    devices = []
    for name in [*proven, *refused]:
        device = DnsDevice(gate.acme(), lambda n, value: server.proofs.update({AT + n: value}))
        device.start([name + ".hostile.test"])
        device.respond(device.order["authorizations"][0])
        devices.append((name, device))
    for name, device in devices:
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        error = device.acme.post(order["authorizations"][0]).json["challenges"][0].get("error", {})
        got = order["status"], error.get("type", "").rpartition(":")[2]
        t.ok(got == (("ready", "") if name in proven else ("invalid", "dns")), "%s: %s" % (name, error.get("detail") or order["status"]))
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    server.close()


def horizon(t, lab, rules):
    """Split horizon: the same zone in two views, and a profile for each."""
    inside, outside = Bind(lab, {"split.test": []}), Bind(lab, {"split.test": []})
    profile = {"upstream": "local", "challenges": ["dns-01"], "validation_attempts": ["0s"]}
    gate = lab.gate("https://localhost:1/none", name="split", profiles=[dict(profile, name="default", resolvers=[outside.address]),
                                                                       dict(profile, name="inside", resolvers=[inside.address])],
                    upstreams=[{"name": "local", "driver": "local"}])
    gate.conf["rules"] = rules
    gate.start()
    for payload, want in (({"profile": "inside"}, "ready"), ({}, "invalid")):
        device = DnsDevice(gate.acme(), lambda name, value: inside.add(AT + name, "TXT", value))
        device.start(["host.split.test"], **payload)
        device.respond(device.order["authorizations"][0])
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        t.equal(order["status"], want, "a record of the inside view, and the profile of %s" % (payload.get("profile") or "the other"))
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def later(t, gate, bind):
    """The record comes after the response: the second attempt finds it."""
    values = {}
    device = DnsDevice(gate.acme(), values.__setitem__)
    device.start(["later.corp.test"])
    device.respond(device.order["authorizations"][0])
    chall = device.acme.poll(device.challenges[0], lambda c: "error" in c, 30)
    reply = device.acme.post(device.challenges[0])
    t.ok(chall["status"] == "processing" and chall["error"]["type"].endswith(":dns") and (reply.retry_after() or 0) >= 1,
         "a first failure is told while the challenge is processing, with Retry-After (8.2)")
    bind.add(AT + "later.corp.test", "TXT", values["later.corp.test"])
    device.order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    t.equal(device.order["status"], "ready", "and the next attempt proves it")


def pre_authorization(t, gate, bind):
    """newAuthz (RFC 8555 7.4.1), where the profile has it."""
    device = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", value))
    device.register()
    a = device.acme
    url = a.directory.get("newAuthz")
    t.equal(url, gate.url + "/new-authz", "the directory has newAuthz, as the default profile wants it")
    t.equal([p for p in ("both", "tame") if "newAuthz" in a.get(gate.url + "/p/%s/directory" % p).json], ["both"],
            "a profile's own directory has it only if that profile does")

    def new(value, kind="dns", to=url):
        return a.post(to, {"identifier": {"type": kind, "value": value}})

    made = new("Early.corp.test")
    authz, where = made.json, made.headers["Location"]
    t.equal((made.status, authz["status"], authz["identifier"], [c["type"] for c in authz["challenges"]]),
            (201, "pending", {"type": "dns", "value": "early.corp.test"}, ["dns-01"]), "a pending authorization is made, with its challenges")
    device.respond(where)
    t.equal(a.poll(where, lambda o: o["status"] != "pending")["status"], "valid", "it is proven without an order")
    order = device.start(["early.corp.test"])
    t.equal((order["status"], order["authorizations"]), ("ready", [where]), "an order for its name is ready at once")
    again = new("early.corp.test")
    t.equal((again.status, again.json["status"], again.headers["Location"]), (201, "valid", where), "newAuthz again finds it")
    cases = ((new("*.corp.test"), 400, "malformed"), (new("forbidden.test"), 403, "rejectedIdentifier"),
             (new("www.example.com"), 403, "rejectedIdentifier"), (new("a@b", "email"), 400, "unsupportedIdentifier"),
             (a.post(url, {}), 400, "malformed"), (a.post(url, {"identifier": "x"}), 400, "malformed"),
             (new("127.0.0.1", "ip"), 403, "rejectedIdentifier"), (new("a.corp.test", to=gate.url + "/p/tame/new-authz"), 404, "malformed"),
             (new("a.corp.test", to=gate.url + "/p/bound/new-authz"), 403, "externalAccountRequired"), (a.post(url), 400, "malformed"))
    for reply, status, kind in cases:
        t.equal((reply.status, reply.type()), (status, kind), "refused: %s" % reply.json.get("detail"))
    left = new("left.corp.test").headers["Location"].rpartition("/")[2]
    a.post(a.kid, {"status": "deactivated"})
    t.equal(gate.sql("select state from authz where ref=?", left), [(3,)], "the account goes, and its pending authorization with it")


def subdomains(t, gate, bind):
    """Profile below: a domain counts for the names below it (RFC 9444)."""
    device = DnsDevice(gate.acme(gate.url + "/p/below/directory"), lambda name, value: bind.add(AT + name, "TXT", value))
    device.register()
    a = device.acme
    t.ok(a.directory["meta"].get("subdomainAuthAllowed") is True and "subdomainAuthAllowed" not in gate.acme().directory["meta"],
         "the profile's directory says that it has subdomain authorization")

    def order(*asks):
        return a.post(a.directory["newOrder"], {"identifiers": [dict({"type": "dns", "value": v}, **more) for v, more in asks]})

    top = {"ancestorDomain": "zone.corp.test"}
    made = order(("a.zone.corp.test", top), ("b.c.zone.corp.test", top))
    authz = a.post(made.json["authorizations"][0]).json
    t.equal((made.status, len(made.json["authorizations"]), authz["identifier"]["value"], authz.get("subdomainAuthAllowed"), authz.get("wildcard")),
            (201, 1, "zone.corp.test", True, True), "two names with one ancestorDomain have one authorization, for that")
    t.equal([c["type"] for c in authz["challenges"]], ["dns-01"], "proven by a record, not by a web server")
    device.order_url, device.order = made.headers["Location"], made.json
    device.prove()
    device.finalize()
    t.equal(names_of(device.collect()), ["a.zone.corp.test", "b.c.zone.corp.test"], "and the certificate has both names")
    for name in ("d.zone.corp.test", "*.zone.corp.test", "*.e.zone.corp.test"):
        t.equal(order((name, {})).json["status"], "ready", "%s needs no proof any more" % name)
    for name in ("zone.corp.test", "notzone.corp.test", "corp.test"):
        reply = order((name, {})).json
        state = a.post(reply["authorizations"][0]).json
        t.equal((reply["status"], state["identifier"]["value"]), ("ready" if name == "zone.corp.test" else "pending", name),
                "%s: a whole label further, or the domain itself" % name)
    other = gate.acme(gate.url + "/p/below/directory")
    other.new_account()
    t.equal(other.new_order(["d.zone.corp.test"]).json["status"], "pending", "another account has to prove it")
    t.equal(a.post(gate.url + "/p/both/new-order", {"identifiers": [{"type": "dns", "value": "d.zone.corp.test"}]}).json["status"], "pending",
            "and so it is for another profile")
    for ancestor in ("zone.corp.tes", "one.corp.test", "a.zone.corp.test", "*.corp.test", "test", "x", ""):
        reply = order(("a.zone.corp.test", {"ancestorDomain": ancestor}))
        t.ok(reply.status == 400 and reply.type() == "malformed", "ancestorDomain \"%s\" is refused: %s" % (ancestor, reply.json["detail"]))
    plain = a.post(gate.url + "/p/both/new-order", {"identifiers": [dict({"type": "dns", "value": "f.zone.corp.test"}, **top)]}).json
    authz = a.post(plain["authorizations"][0]).json
    t.equal((authz["identifier"]["value"], "subdomainAuthAllowed" in authz), ("f.zone.corp.test", False),
            "a profile without it authorizes the name itself")
    asked = a.post(a.directory["newAuthz"], {"identifier": {"type": "dns", "value": "pre.corp.test", "subdomainAuthAllowed": True}})
    t.equal((asked.status, asked.json.get("subdomainAuthAllowed")), (201, True), "newAuthz may ask for it")
    device.respond(asked.headers["Location"])
    a.poll(asked.headers["Location"], lambda o: o["status"] != "pending")
    t.equal(order(("deep.below.pre.corp.test", {})).json["status"], "ready", "before any order")


def caa(t, gate, bind):
    """Profile strict: what the zones' CAA records say counts, too (RFC 8659, RFC 8657)."""
    def outcome(names, record=None):
        device = DnsDevice(gate.acme(), lambda name, value: bind.add(AT + name, "TXT", value))
        device.register()
        if record:
            bind.add(names[0], "CAA", record % {"account": device.acme.kid})
        device.start(names, profile="strict")
        for url in device.order["authorizations"]:
            device.respond(url)
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        errors = [c["error"] for url in order["authorizations"] for c in device.acme.post(url).json["challenges"] if "error" in c]
        return order["status"], [e["type"].rpartition(":")[2] for e in errors], "; ".join(e["detail"] for e in errors)

    t.equal(outcome(["host.strict.test"])[:2], ("ready", []), "CAA at the zone's top names us")
    got = outcome(["denied.strict.test"])
    t.equal(got[:2], ("invalid", ["caa"]), "CAA at the name names another: %s" % got[2])
    t.equal(outcome(["*.tame.strict.test"])[:2], ("invalid", ["caa"]), "issuewild forbids a wildcard")
    t.equal(outcome(["tame.strict.test"])[:2], ("ready", []), "and not the name itself")
    t.equal(outcome(["mine.strict.test"], '0 issue "pki.corp.test; accounturi=%(account)s; validationmethods=dns-01"')[:2], ("ready", []),
            "accounturi has this account, validationmethods dns-01")
    t.equal(outcome(["others.strict.test"], '0 issue "pki.corp.test; accounturi=%(account)s0"')[:2], ("invalid", ["caa"]), "another account")
    t.equal(outcome(["http.strict.test"], '0 issue "pki.corp.test; validationmethods=http-01"')[:2], ("invalid", ["caa"]), "another method")
    got = outcome(["unknown.corp.test"])
    t.equal(got[:2], ("invalid", ["dns"]), "a name above that the resolver does not know: %s" % got[2])


def offers(t, gate, _):
    a = gate.acme()
    a.new_account()

    def kinds(name):
        order = a.new_order([name], profile="both").json
        return [c["type"] for c in a.post(order["authorizations"][0]).json["challenges"]]

    t.equal(kinds("host.corp.test"), ["http-01", "dns-01"], "a name is offered both, in the profile's order")
    t.equal(kinds("*.corp.test"), ["dns-01"], "a wildcard dns-01 alone")
    t.equal(kinds("127.0.0.1"), ["http-01"], "an address http-01 alone (RFC 8738 7)")
    reply = a.new_order(["*.corp.test"], profile="tame")
    t.equal((reply.status, reply.type()), (400, "rejectedIdentifier"), "no wildcard where the profile has none")
    reply = a.new_order(["127.0.0.1"], profile="dns-only")
    t.equal((reply.status, reply.type()), (400, "rejectedIdentifier"), "no address where only dns-01 is offered")


def clients(t, lab, gate, bind):
    env = dict(os.environ, LEGO_CA_CERTIFICATES=gate.root, RFC2136_NAMESERVER=bind.address, RFC2136_SEQUENCE_INTERVAL="1")
    for key in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        env.pop(key, None)
    run = subprocess.run(["/usr/bin/lego", "--server", gate.directory, "--email", "a@corp.test", "--accept-tos", "--path", lab.path("lego"),
                          "--dns", "rfc2136", "--dns.resolvers", bind.address, "--dns.disable-cp", "-d", "*.lego.corp.test",
                          "-d", "lego.corp.test", "run"], capture_output=True, text=True, env=env, timeout=120)
    t.equal(run.returncode, 0, "lego proves a wildcard by updates of the zone")
    if run.returncode:
        t.note(run.stdout + run.stderr)
    hook = lab.path("hook")
    with open(hook, "w") as out:
        out.write("""#!/bin/sh
[ "$1" = deploy_challenge ] || [ "$1" = clean_challenge ] || exit 0
[ "$1" = deploy_challenge ] && what="add _acme-challenge.$2. 1 TXT $4" || what="delete _acme-challenge.$2. TXT"
printf 'server 127.0.0.1 %d\nupdate %%s\nsend\n' "$what" | nsupdate
""" % bind.port)
    os.chmod(hook, 0o755)
    with open(lab.path("dehydrated.conf"), "w") as out:
        out.write("CA=%s\nBASEDIR=%s\nCURL_OPTS=--cacert\\ %s\n" % (gate.directory, lab.path("dehydrated"), gate.root))
    os.makedirs(lab.path("dehydrated"), exist_ok=True)
    base = ["/usr/bin/dehydrated", "--config", lab.path("dehydrated.conf")]
    subprocess.run(base + ["--register", "--accept-terms"], capture_output=True, env=env, timeout=60)
    run = subprocess.run(base + ["--cron", "--challenge", "dns-01", "--hook", hook, "--domain", "*.dehydrated.corp.test", "--alias",
                                 "dehydrated"], capture_output=True, text=True, env=env, timeout=120)
    t.equal(run.returncode, 0, "dehydrated does, with a hook of its own")
    if run.returncode:
        t.note(run.stdout + run.stderr)


def main():
    t = Tap()
    with Lab(t) as lab:
        bind = Bind(lab, {
            "corp.test": [AT + "alias CNAME proofs.keys.test.", AT + "chain CNAME a.chain", "a.chain CNAME b.chain",
                          "b.chain CNAME proofs.keys.test.", "_acme-challenge.x.moved CNAME _acme-challenge.x.dname",
                          "dname DNAME keys.test.", AT + "dangling CNAME nowhere.keys.test.", AT + "loop CNAME loop2",
                          "loop2 CNAME " + AT + "loop"],
            "keys.test": [], "broken.test": None,
            "strict.test": ['@ CAA 0 issue "pki.corp.test"', 'denied CAA 0 issue "other"', 'tame CAA 0 issue "pki.corp.test"',
                            'tame CAA 0 issuewild ";"']})
        profile = {"upstream": "local", "identifier_types": ["dns", "ip"], "resolvers": [bind.address], "validation_attempts": ["0s", "2s"],
                   "validity": "7d"}
        gate = lab.gate("https://localhost:1/none", profiles=[
            dict(profile, name="default", challenges=["dns-01"], wildcard=True, pre_authorization=True),
            dict(profile, name="bound", challenges=["dns-01"], pre_authorization=True, eab="required"),
            dict(profile, name="strict", challenges=["dns-01"], wildcard=True, caa=["pki.corp.test"]),
            dict(profile, name="labels", challenges=["dns-account-01"], wildcard=True),
            dict(profile, name="persist", challenges=["dns-persist-01"], wildcard=True),
            dict(profile, name="below", challenges=["http-01", "dns-01"], wildcard=True, pre_authorization=True, subdomains=True),
            dict(profile, name="both", challenges=["http-01", "dns-01"], wildcard=True, pre_authorization=True),
            dict(profile, name="tame", challenges=["http-01", "dns-01"]),
            dict(profile, name="dns-only", challenges=["dns-01"])], upstreams=[{"name": "local", "driver": "local"}])
        gate.conf["caa_identities"] = ["PKI.corp.test", "pki.keys.test"]
        gate.start()
        for part in (good, aliases, own_label, persist, truncated, refused, later, subdomains, caa, pre_authorization, offers):
            with t.part(part.__name__):
                part(t, gate, bind)
        for part in (authoritative, hostile, horizon):
            with t.part(part.__name__):
                part(t, lab, gate.conf["rules"])
        with t.part("clients"):
            clients(t, lab, gate, bind)
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
