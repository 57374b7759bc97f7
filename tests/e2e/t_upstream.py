#!/usr/bin/python3
"""Our account at a CA, and the operator's commands about it: shown, tested, told what the configuration says, rolled over to another key
while orders go on, ended and made anew."""

import base64
import contextlib
import json
import os
import re
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, pebbles, wait_until
from ours import payload_of, problem, registered, shown, steps, told
from proxy import DROP
from tap import Tap
from zones import Zones, solver_conf


def show_and_test(t, lab, pebble):
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    account = registered(gate)
    t.ok(account["url"].startswith("https://localhost:%d/" % proxy.port) and account["key_type"] == "p256" and len(account["thumbprint"]) == 43,
         "upstream show has account, type and thumbprint of the key")
    one = shown(gate)
    t.equal((one["driver"], one["circuit"], one["orders"], one["profiles"], account["contact"], one["eab"]["source"]),
            ("acme", "closed", 0, ["default"], "mailto:pki@corp.test", "none"), "and health, orders, profiles, contact, binding")
    t.ok(one["directory"]["key_change"] and one["directory"]["fetched"] and one["terms"]["agreed"] == one["terms"]["url"],
         "what the directory offers, and which terms were agreed to")
    listed = json.loads(gate.ctl("--json", "upstream", "list"))
    t.equal([(u["id"], u["driver"]) for u in listed["items"]], [("ca", "acme"), ("local", "local")], "upstream list has both entries")
    t.ok("valid" in gate.ctl("upstream", "list") and "Thumbprint" in gate.ctl("upstream", "show", "ca"), "for people, too")
    status, text = gate.try_ctl("upstream", "show", "nobody")
    t.equal((status, "there is no upstream" in text), (4, True), "an entry that is not there is not found")
    before = proxy.count("newOrder"), proxy.count("newAccount")
    status, text = gate.try_ctl("upstream", "test", "ca")
    found = steps(text)
    t.equal((status, {v for v, _ in found.values()}), (0, {"OK"}), "upstream test: all is well")
    t.ok({"directory", "account", "terms", "eab", "keyChange", "limits", "solver http-01"} <= set(found), "by its steps")
    t.equal((proxy.count("newOrder"), proxy.count("newAccount")), before, "no order was made for it, and no account asked for")
    t.equal(gate.try_ctl("upstream", "test", "local")[0], 0, "the gateway's own CA is well, too")
    pebble_there = proxy.rule
    proxy.rule = lambda exchange, stage: problem(503, "serverInternal", "closed today") if exchange.kind == "directory" else None
    status, text = gate.try_ctl("upstream", "test", "ca")
    t.equal((status, steps(text)["directory"][0], "closed today" in text), (1, "FAILED", True), "a directory that fails is told, by exit status too")
    proxy.rule = pebble_there
    return gate, proxy


def contact_and_terms(t, lab, gate, proxy):
    entry = gate.conf["upstreams"][0]
    entry["contact"] = "mailto:other@corp.test"
    gate.write_conf()
    gate.ctl("reload")
    wait_until("the CA to be told", lambda: shown(gate)["account"].get("contact") == "mailto:other@corp.test", 60)
    t.equal(told(proxy, "account")[-1], {"contact": ["mailto:other@corp.test"]}, "a contact that is changed by reload is told to the CA")
    count = proxy.count("account")
    gate.ctl("reload")
    gate.stop()
    gate.start()
    registered(gate)
    t.equal(proxy.count("account"), count, "and told once")
    entry["contact"] = "mailto:third@corp.test"
    gate.stop()
    gate.start()
    wait_until("the CA to be told", lambda: shown(gate)["account"].get("contact") == "mailto:third@corp.test", 60)
    t.ok(True, "one that is changed while the gateway is down is told at its start")
    proxy.rule = lambda exchange, stage: problem(400, "unsupportedContact", "no such scheme") if exchange.kind == "account" else None
    entry["contact"] = "mailto:fourth@corp.test"
    gate.write_conf()
    gate.ctl("reload")
    wait_until("its words to be told", lambda: "no such scheme" in shown(gate)["account"].get("trouble", ""), 60)
    count = proxy.count("account")
    gate.ctl("reload")
    t.equal(proxy.count("account"), count, "a contact that the CA refuses is its trouble to see, and not told again")

    # terms that have changed
    agreed = threading.Event()

    def rule(exchange, stage):
        if stage != "before":
            return None
        if exchange.kind == "account" and (payload_of(exchange) or {}).get("termsOfServiceAgreed"):
            agreed.set()
        if exchange.kind == "newOrder" and not agreed.is_set():
            return problem(403, "userActionRequired", "terms have changed", instance="https://ca.test/agree")
        return None

    proxy.rule = rule
    entry["accept_terms"] = False
    gate.write_conf()
    gate.ctl("reload")
    device = lab.device(gate)
    device.start(["terms.test"])
    device.prove()
    device.finalize()
    wait_until("the operator to be told", lambda: shown(gate)["terms"]["wanted"], 60)
    t.equal(device.acme.post(device.order_url).json["status"], "processing", "terms that have changed: the order waits")
    t.ok("event=upstream_terms_wanted" in gate.process.text() and "https://ca.test/agree" in gate.process.text(), "the log says where to go")
    status, text = gate.try_ctl("upstream", "test", "ca")
    t.equal((status, "accept_terms" in steps(text)["terms"][1]), (1, True), "upstream test says what to do")
    t.ok(not agreed.is_set(), "nothing is agreed to by itself")
    entry["accept_terms"] = True
    gate.write_conf()
    gate.ctl("reload")
    t.ok(device.collect(), "with accept_terms the CA is told, and the order goes on")
    t.ok(agreed.is_set() and not shown(gate)["terms"]["wanted"], "by an update of the account")
    proxy.rule = None


def rotate(t, lab, gate, proxy, pebble):
    before = registered(gate)
    gate.ctl("upstream", "rotate-key", "ca")
    after = registered(gate)
    t.ok(after["url"] == before["url"] and after["thumbprint"] != before["thumbprint"], "rotate-key: the same account, another key")
    t.equal(proxy.count("keyChange", 200), 1, "by one keyChange")
    device = lab.device(gate)
    t.equal(lab.verify(device.obtain(["rolled.test"])[1], pebble.roots[:1]), "", "it works")
    t.ok("event=upstream_key_change_asked" in gate.process.text() and "event=upstream_key_changed" in gate.process.text(), "and is in the log")

    # orders under way
    devices = [lab.device(gate) for _ in range(6)]
    for n, one in enumerate(devices):
        one.start(["under-way%d.test" % n])
        one.prove()
        one.finalize()
    orders = proxy.count("newOrder", 201)
    gate.ctl("upstream", "rotate-key", "ca")
    chains = [one.collect() for one in devices]
    t.equal([lab.verify(c, pebble.roots[:1]) for c in chains], [""] * 6, "orders that are under way meanwhile go on")
    t.ok(proxy.count("keyChange", 200) == 2 and orders <= 6 + proxy.count("newOrder", 201), "(%d orders then)" % orders)
    t.equal(gate.left_over(), {}, "nothing is left over")

    # the answer is lost, both ways
    for stage in ("before", "after"):
        before = registered(gate)
        done = threading.Event()

        def rule(exchange, at, stage=stage, done=done):
            if exchange.kind != "keyChange" or at != stage or done.is_set():
                return None
            done.set()
            return DROP

        proxy.rule = rule
        gate.ctl("upstream", "rotate-key", "ca")
        t.ok(registered(gate)["thumbprint"] != before["thumbprint"] and done.is_set(),
             "the keyChange is lost %s the CA acted: it is found out which key it takes" % stage)
    unknown_by_its_old_key(t, lab, gate, proxy)
    proxy.rule = lambda exchange, stage: problem(403, "unauthorized", "not today") if exchange.kind == "keyChange" else None
    before = registered(gate)
    status, text = gate.try_ctl("upstream", "rotate-key", "ca")
    t.equal((status, "not today" in text), (5, True), "a CA that refuses: its words, and the exit status of a refusal")
    proxy.rule = None
    t.equal(registered(gate)["thumbprint"], before["thumbprint"], "the old key stays")
    t.ok(lab.device(gate).obtain(["still.test"]), "and works")


def unknown_by_its_old_key(t, lab, gate, proxy):
    """A CA that has taken the new key says of the old one that it knows no such account: to an order, and to the keyChange."""
    before, accounts = registered(gate), proxy.count("newAccount", 201)
    unknown = problem(400, "accountDoesNotExist", "no account has this key")
    changed, ordered = threading.Event(), threading.Event()

    def rule(exchange, stage):
        if exchange.kind == "keyChange" and stage == "after" and exchange.status == 200:  # pebble refuses some nonces
            changed.set()
            return unknown if ordered.wait(60) else DROP
        if exchange.kind == "newAccount" and stage == "before":  # which key has the account is not told before the order has asked
            return None if ordered.wait(60) else DROP
        if exchange.kind == "newOrder" and stage == "before" and changed.is_set() and not ordered.is_set():
            ordered.set()
            return unknown
        return None

    device = lab.device(gate, patient=120)
    device.start(["unknown.test"])
    device.prove()
    proxy.rule = rule
    rotation = threading.Thread(target=gate.try_ctl, args=("--timeout", "100", "upstream", "rotate-key", "ca"))
    rotation.start()
    wait_until("the CA to change the key", changed.is_set, 60)
    device.finalize()
    chain = device.collect()
    rotation.join()
    after = registered(gate)
    t.ok(ordered.is_set() and chain, "an order whose account the CA does not know while its key is changed waits, and goes on")
    t.equal((after["url"], after["thumbprint"] != before["thumbprint"], proxy.count("newAccount", 201)), (before["url"], True, accounts),
            "the account is not forgotten for it, nor for a keyChange that is answered so, and has the new key")
    t.ok("event=upstream_account_forgotten" not in gate.process.text(), "the log has no account forgotten")
    proxy.rule = None


def without_key_change(t, lab, pebble):
    proxy = lab.proxy(pebble)

    def rule(exchange, stage):
        if exchange.kind != "directory" or stage == "before":
            return None
        shorter = {k: v for k, v in json.loads(exchange.body).items() if k != "keyChange"}
        return 200, exchange.headers, json.dumps(shorter).encode()

    proxy.rule = rule
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    registered(gate)
    status, text = gate.try_ctl("upstream", "rotate-key", "ca")
    t.equal((status, "offers no keyChange" in text), (6, True), "a CA without keyChange: rotate-key is refused, with words")
    status, text = gate.try_ctl("upstream", "test", "ca")
    t.ok(status == 0 and "not offered" in steps(text)["keyChange"][1], "upstream test tells")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def deactivate(t, lab, gate, proxy):
    before = registered(gate)
    lost = {l["what"]: l["count"] for l in json.loads(gate.ctl("--json", "upstream", "move", "ca"))["lost"]}
    certs = gate.sql("select count(*) from cert where revoked_at is null")[0][0]
    t.equal((lost["certificates"], lost["authorizations"], lost["profiles"]), (certs, certs, 1), "upstream move counts what would be lost")
    proxy.rule = lambda exchange, stage: problem(400, "malformed", "we never let go") \
        if exchange.kind == "account" and stage == "before" and (payload_of(exchange) or {}).get("status") else None
    status, text = gate.try_ctl("upstream", "deactivate", "ca", "--yes")
    t.equal((status, "we never let go" in text, shown(gate)["account"]["state"]), (5, True, "valid"), "a CA that does not want to: its words, and the account stays")
    proxy.rule = None
    status, text = gate.try_ctl("upstream", "deactivate", "ca")
    t.ok(status != 0 and shown(gate)["account"]["state"] == "valid" and "certificates are valid" in text,
         "deactivate says what would be lost, and asks: nobody answers, nothing is done")
    done = threading.Event()

    def lose(exchange, stage):
        if exchange.kind != "account" or stage != "after" or done.is_set() or not (payload_of(exchange) or {}).get("status"):
            return None
        done.set()
        return DROP

    proxy.rule = lose
    gate.ctl("upstream", "deactivate", "ca", "--yes")
    proxy.rule = None
    t.ok(done.is_set(), "(the CA's answer is lost, and the account has ended all the same)")
    t.equal((shown(gate)["account"]["state"], told(proxy, "account")[-1]), ("deactivated", {"status": "deactivated"}), "with --yes the account ends")
    device = lab.device(gate)
    device.start(["later.test"])
    device.prove()
    device.finalize()
    wait_until("the order to be tried", lambda: "serves no orders" in gate.process.text(), 60)
    t.equal(device.acme.post(device.order_url).json["status"], "processing", "an order waits")
    t.equal(steps(gate.try_ctl("upstream", "test", "ca")[1])["account"][0], "FAILED", "upstream test tells")
    for command in ("rotate-key", "deactivate"):
        status, text = gate.try_ctl("upstream", command, "ca", *(["--yes"] if command == "deactivate" else []))
        t.equal((status, "is deactivated" in text), (6, True), "%s is refused then" % command)
    gate.stop()
    gate.start()
    t.equal(shown(gate)["account"]["state"], "deactivated", "a start makes no other one by itself")
    gate.ctl("upstream", "register", "ca")
    after = registered(gate)
    t.ok(after["url"] != before["url"] and after["thumbprint"] != before["thumbprint"], "register makes another account, with another key")
    t.equal(gate.try_ctl("upstream", "register", "ca")[0], 6, "once")
    t.ok(lab.device(gate).obtain(["again.test"]), "which works")


def next_one(t, lab, pebble):
    """An entry whose account has ended, and a profile that has another."""
    gate = lab.gate(pebble.directory, http_port=pebble.http_port)
    gate.conf["upstreams"].append(dict(gate.conf["upstreams"][0], name="other"))
    profile = gate.conf["profiles"][0]
    del profile["upstream"]
    profile.update(upstreams=["ca", "other"], failover_outage="0s")
    gate.start()
    registered(gate)
    wait_until("the other account", lambda: shown(gate, "other")["account"]["state"] == "valid", 60)
    gate.ctl("upstream", "deactivate", "ca", "--yes")
    t.ok(lab.device(gate).obtain(["elsewhere.test"]), "a profile with another entry: orders go there")
    t.equal([(u["id"], u["issued"]) for u in json.loads(gate.ctl("--json", "upstream", "list"))["items"][:1]], [("ca", 0)], "and not to the one that has ended")
    t.ok("our account is deactivated" in gate.ctl("status"), "status tells of it")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def ended_there(t, lab, pebble):
    """Accounts that end at the CA without us."""
    proxy = lab.proxy(pebble)

    def as_deactivated(exchange, stage):
        if exchange.kind not in ("account", "newAccount") or stage == "before" or exchange.status not in (200, 201):
            return None
        return exchange.status, exchange.headers, json.dumps(dict(json.loads(exchange.body), status="deactivated")).encode()

    proxy.rule = as_deactivated
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    wait_until("the CA's word", lambda: shown(gate)["account"]["state"] == "deactivated", 60)
    t.ok("event=upstream_account_ended" in gate.process.text(), "newAccount finds an account that has ended: so it is shown")
    proxy.rule = None
    gate.ctl("upstream", "register", "ca")
    registered(gate)
    proxy.rule = as_deactivated
    gate.stop()
    # as if it was long ago that the CA was asked
    with contextlib.closing(sqlite3.connect(os.path.join(gate.state, "acmegate.db"), timeout=20)) as db, db:
        db.execute("update upstream set checked_at=1")
    gate.start()
    wait_until("the CA's word", lambda: shown(gate)["account"]["state"] == "deactivated", 60)
    t.ok(True, "one that has ended since is found by a start")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def nobody_waits(t, lab, pebble):
    """An order under way whose device goes, after our account has ended."""
    proxy = lab.proxy(pebble)
    proxy.rule = lambda exchange, stage: problem(503, "serverInternal", "later") if exchange.kind == "challenge" and stage == "before" else None
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    registered(gate)
    device = lab.device(gate)
    device.start(["nobody.test"])
    device.prove()
    device.finalize()
    wait_until("an order at the CA", lambda: gate.sql("select 1 from upstream_order where state=1"), 60)
    gate.ctl("upstream", "deactivate", "ca", "--yes")
    device.acme.want("deactivate", device.acme.post(device.acme.kid, {"status": "deactivated"}), 200)
    t.equal(gate.sql("select o.state, u.state from orders o join upstream_order u on u.order_id=o.id"), [(4, 1)], "a device goes while its order is at the CA")
    gate.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(gate.state, "acmegate.db"), timeout=20)) as db, db:
        db.execute("update job set due=1 where kind=1")
    gate.start()
    wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    t.ok(True, "an order that nobody waits for is not kept for an account that has ended")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def binding(t, lab, folder):
    mac = {"kid-%d" % n: base64.urlsafe_b64encode(bytes([n]) * 32).decode().rstrip("=") for n in (1, 2)}
    pebble = lab.pebble(folder=folder, externalAccountBindingRequired=True, externalAccountMACKeys=mac)
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.conf["solvers"] = [{"name": "stays", "kind": "dns-persist-01", "domains": ["never.test"]}, {"name": "web", "kind": "http-01"}]
    gate.conf["upstreams"][0]["preset"] = "globalsign"
    gate.start()
    wait_until("trouble", lambda: shown(gate)["account"].get("trouble"), 60)
    t.ok("without external account binding" in shown(gate)["account"]["trouble"] and "set-eab" in shown(gate)["account"]["trouble"],
         "a CA that is known to demand a binding, and none configured: show says what is missing")
    t.equal((proxy.count("newAccount"), gate.stop()), (0, 0), "and it is not asked in vain")
    del gate.conf["upstreams"][0]["preset"]
    gate.start()
    wait_until("the CA's refusal", lambda: "externalAccountRequired" in shown(gate)["account"].get("trouble", ""), 60)
    one = shown(gate)
    t.ok(one["account"]["state"] == "none" and one["eab"]["required"] and "externalAccountRequired" in one["account"]["trouble"],
         "a CA that demands a binding: show says so")
    status, text = gate.try_ctl("upstream", "test", "ca")
    t.equal((status, "set-eab" in steps(text)["eab"][1]), (1, True), "and test, what to do")
    status, text = gate.try_ctl("upstream", "persist-records")
    t.equal((status, "no account" in text), (6, True), "there are no records without an account")
    with open(lab.path("eab.key"), "w") as out:
        out.write(mac["kid-1"] + "\n")
    t.equal(gate.try_ctl("upstream", "set-eab", "ca", "--kid", "kid-1")[0], 2, "a kid without a key is no use")
    t.equal(gate.try_ctl("upstream", "set-eab", "ca", "--kid", "k", "--key-file", lab.path("web.pem"))[0], 1, "nor is a file without one")
    gate.ctl("upstream", "set-eab", "ca", "--kid", "kid-1", "--key-file", lab.path("eab.key"), "--expires", "10d")
    first = registered(gate)
    one = shown(gate)
    t.equal((one["eab"]["kid"], one["eab"]["source"], one["eab"]["expires_soon"]), ("kid-1", "operator", True),
            "set-eab: the account is made with it, without a restart")
    t.ok("acmegate_upstream_eab_expiry_timestamp_seconds" in gate.ctl("metrics"), "its end is a metric")
    key = base64.urlsafe_b64decode(mac["kid-1"] + "=")
    t.ok(mac["kid-1"] not in gate.process.text() and not any(mac["kid-1"].encode() in octets or key in octets for octets in files_of(gate)),
         "the key is in no log and in no file")
    text = gate.ctl("upstream", "set-eab", "ca", "--kid", "kid-2", "--key-file", "-", stdin=mac["kid-2"])
    t.equal((shown(gate)["account"]["url"], shown(gate)["eab"]["kid"]), (first["url"], "kid-2"), "another one, from standard input: the account stays")
    gate.ctl("upstream", "deactivate", "ca", "--yes")
    gate.ctl("upstream", "register", "ca")
    kids = [json.loads(base64.urlsafe_b64decode(payload["externalAccountBinding"]["protected"] + "=="))["kid"]
            for payload in told(proxy, "newAccount", 201)]
    t.equal(kids, ["kid-1", "kid-2"], "and the next account is made with that")
    t.ok(lab.device(gate).obtain(["bound.test"]), "it works")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    gate.conf["log_level"] = "info"
    gate.start()
    wait_until("a warning", lambda: "event=upstream_eab_expires" in gate.process.text() or not shown(gate)["eab"].get("expires_soon"), 60)
    gate.ctl("upstream", "set-eab", "ca", "--expires", "3d")
    gate.stop()
    gate.start()
    wait_until("a warning", lambda: "event=upstream_eab_expires" in gate.process.text(), 60)
    t.ok(True, "a binding that expires soon is warned of at the start")
    gate.stop()


def solvers(t, lab, folder):
    """What upstream test says of solvers, with a server that takes updates; and the records of dns-persist-01."""
    zones = Zones(lab, "bind")
    resolver = zones.resolver()
    pebble = lab.pebble(folder=folder, dns=resolver)
    proxy = lab.proxy(pebble)

    identities = []

    def rule(exchange, stage):
        if exchange.kind != "directory" or stage == "before":
            return None
        body = json.loads(exchange.body)
        body["meta"] = dict(body.get("meta", {}), caaIdentities=identities)
        return 200, exchange.headers, json.dumps(body).encode()

    proxy.rule = rule
    profile = {"name": "default", "upstream": "ca", "challenges": ["dns-01"], "wildcard": True}
    program = lab.path("program%d" % pebble.port)
    with open(program, "w") as out:
        out.write("#!/bin/sh\nexit 1\n")
    listed = [solver_conf(lab, zones, domains=["one.corp.test"]), solver_conf(lab, zones, name="wrong", secret="A" * 44, domains=["two.corp.test"]),
              solver_conf(lab, zones, name="closed", domains=["closed.corp.test"]),
              {"name": "program", "kind": "exec", "program": program, "domains": ["three.corp.test"], "zone": "corp.test"},
              {"name": "stays", "kind": "dns-persist-01", "domains": ["stay.corp.test"]}]
    gate = lab.gate(proxy.directory, profiles=[profile], resolvers=[zones.address], public_resolvers=[resolver], solvers=listed)
    gate.start()
    account = registered(gate)
    status, text = gate.try_ctl("upstream", "persist-records", "ca")
    t.equal((status, "names no caaIdentities" in text), (6, True), "a directory without caaIdentities: persist-records says what is missing")
    identities.append("ca.test")
    gate.ctl("upstream", "test", "ca", check=False)  # fetches the directory anew
    serial = zones.serial("corp.test", zones.host)
    status, text = gate.try_ctl("upstream", "test", "ca")
    found = steps(text)
    t.equal((status, {name[len("solver "):]: verdict for name, (verdict, _) in found.items() if name.startswith("solver ")}),
            (1, {"corp": "OK", "wrong": "FAILED", "closed": "FAILED", "program": "FAILED", "stays": "FAILED"}),
            "upstream test tells which solvers would work")
    t.ok("may not be run" in found["solver program"][1] and "_acme-challenge.closed.corp.test" in found["solver closed"][1],
         "and what is the matter with the others")
    t.equal((zones.values("_acme-challenge.one.corp.test"), zones.serial("corp.test", zones.host)), ([], serial), "the zone is as it was")
    t.ok('acmegate_dns_records_total{solver="corp",change="removed"} 0' in gate.ctl("metrics"), "and no record is counted")
    text = gate.ctl("upstream", "persist-records", "ca")
    want = '_validation-persist.stay.corp.test. IN TXT "ca.test; accounturi=%s; policy=wildcard"' % account["url"]
    t.equal((text.strip(), gate.ctl("upstream", "persist-records").strip()), (want, want), "persist-records prints what is to be laid out, of one CA or all")
    t.ok("_validation-persist.a.stay.corp.test." in gate.ctl("upstream", "persist-records", "ca", "--name", "a.stay.corp.test"), "or for a name")
    name, value = re.match(r'(\S+)\. IN TXT "(.*)"', text).groups()
    zones.add(name, "TXT", '"%s"' % value)
    os.chmod(program, 0o755)
    time.sleep(1.5)  # for a second the resolver knows that there is none
    found = steps(gate.try_ctl("upstream", "test", "ca")[1])
    t.equal((found["solver stays"][0], found["solver program"][0]), ("OK", "OK"), "laid out, the record is found; so is a program that may be run")
    found = steps(gate.try_ctl("upstream", "test", "ca", "--name", "x.one.corp.test")[1])
    t.equal(found["solver corp"][0], "OK", "a name of one's own is tried")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def files_of(gate):
    for folder, _, names in os.walk(gate.state):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                yield file.read()


t = Tap()
with Lab(t) as lab:
    for what, folder in pebbles():
        pebble = lab.pebble(folder=folder)
        t.note(what)
        gate = None
        with t.part("show and test"):
            gate, proxy = show_and_test(t, lab, pebble)
        if gate:
            with t.part("contact and terms"):
                contact_and_terms(t, lab, gate, proxy)
            with t.part("rotate-key"):
                rotate(t, lab, gate, proxy, pebble)
            with t.part("deactivate"):
                deactivate(t, lab, gate, proxy)
            t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
        with t.part("without keyChange"):
            without_key_change(t, lab, pebble)
        with t.part("ended there"):
            ended_there(t, lab, pebble)
        with t.part("nobody waits"):
            nobody_waits(t, lab, pebble)
        with t.part("the next entry"):
            next_one(t, lab, pebble)
        with t.part("binding"):
            binding(t, lab, folder)
    what, folder = list(pebbles())[-1]
    with t.part("solvers"):
        solvers(t, lab, folder)
sys.exit(t.done())
