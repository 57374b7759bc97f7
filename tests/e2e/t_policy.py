#!/usr/bin/python3
"""Rules over who asks, from where, when, and with what: what each of them lets through and what it says else, on both databases."""

import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, wait_until
from tap import Tap

PLANT = "127.40.0.1"
ELSEWHERE = "127.41.0.1"


def hours(begin, end):
    """From so many hours from now to so many."""
    at = [time.strftime("%H:%M", time.gmtime(time.time() + h * 3600)) for h in (begin, end)]
    return "%s-%s" % tuple(at)


def rules(lab):
    return [
        {"name": "trial", "mode": "warn", "action": "refuse", "names": ["*.plain.test"]},
        {"name": "blocked-net", "action": "refuse", "names": ["*"], "networks": ["127.66.0.0/16"], "say": "not from there"},
        {"name": "closed", "action": "refuse", "names": ["*.night.test"], "hours": hours(-1, 1), "say": "come back later"},
        {"name": "night", "names": ["*.night.test"]},
        {"name": "day", "names": ["*.day.test"], "hours": hours(2, 3)},
        {"name": "plant", "names": ["*.plant.test"], "networks_files": [lab.path("plants.list")], "already_proven": True},
        {"name": "vip", "names": ["*.vip.test"], "eab_keys": ["vip-*"]},
        {"name": "strong", "names": ["*.strong.test"], "key_types": ["p384"]},
        {"name": "weak", "action": "refuse", "names": ["*.noec.test"], "key_types": ["p256"], "say": "this key is too short"},
        {"name": "no-ec", "names": ["*.noec.test"]},
        {"name": "records", "names": ["*.records.test"], "challenges": ["dns-01"]},
        {"name": "inside", "names": ["*.inside.test"], "upstreams": ["local"]},
        {"name": "few", "names": ["*.few.test"], "name_count_max": 2, "outstanding_max": 1},
        {"name": "shop", "names_files": [lab.path("names.list")], "idn": "refuse"},
        {"name": "plain", "names": ["*.plain.test"]},
    ]


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def refused(reply):
    return reply.status, reply.type(), reply.json.get("detail", "") if reply.status >= 400 else ""


def registered(lab, gate, source=PLANT):
    device = lab.device(gate, source=source)
    device.register()
    return device


def who_asks(t, lab, gate):
    device = registered(lab, gate)
    t.equal(refused(device.acme.new_order(["a.unknown.test"]))[:2], (400, "rejectedIdentifier"), "what no rule allows is refused")
    order, chain = device.obtain(["a.plant.test"])
    authz = device.acme.post(order["authorizations"][0]).json
    t.ok("BEGIN CERTIFICATE" in chain and authz["status"] == "valid" and authz["challenges"] == [], "a name may be proven by a rule alone")
    other = registered(lab, gate, ELSEWHERE)
    t.equal(refused(other.acme.new_order(["a.plant.test"]))[:2], (400, "rejectedIdentifier"), "not for who comes from another network")
    blocked = registered(lab, gate, "127.66.1.1")
    status, kind, detail = refused(blocked.acme.new_order(["a.plain.test"]))
    t.equal((status, kind), (403, "unauthorized"), "a refusal of who asks is no refusal of the name")
    t.ok("not from there" in detail and "blocked-net" not in detail, "it says what the rule says, and not what the rule is called")
    made = json.loads(gate.ctl("--json", "eab", "create", "--kid", "vip-1"))
    t.equal(device.acme.new_order(["a.vip.test"]).status, 400, "an account without a key is none of those with one")
    bound = lab.device(gate, source=PLANT)
    bound.acme.new_account(externalAccountBinding=acme.eab("vip-1", acme.unb64(made["key"]), bound.acme.directory["newAccount"], bound.acme.key))
    t.ok("BEGIN CERTIFICATE" in bound.obtain(["a.vip.test"])[1], "one with it is")


def when(t, lab, gate):
    device = registered(lab, gate)
    status, kind, detail = refused(device.acme.new_order(["a.night.test"]))
    t.equal((status, kind, detail), (403, "unauthorized", '"a.night.test": come back later'), "there are hours when a rule refuses")
    t.equal(device.acme.new_order(["a.day.test"]).status, 400, "and hours when it does not allow")


def which_key(t, lab, gate):
    device = registered(lab, gate)
    for name, want in (("a.strong.test", "p256"), ("a.noec.test", "too short")):
        device.start([name])
        device.prove()
        reply = device.acme.finalize(device.order, acme.make_csr(acme.new_key("p256"), [name]))
        t.equal((reply.status, reply.type()), (400, "badCSR"), "%s: a key that may not be is refused when it is known" % name)
        t.ok(want in reply.json["detail"], "with why") or t.note(reply.json["detail"])
        t.equal(device.acme.post(device.order_url).json["status"], "ready", "the order goes on")
        reply = device.acme.finalize(device.order, acme.make_csr(acme.new_key("p384"), [name]))
        t.equal((reply.status, reply.json["status"]), (200, "valid"), "with another key")


def what_it_takes(t, lab, gate):
    device = registered(lab, gate)
    device.start(["a.records.test"])
    authz = device.acme.post(device.order["authorizations"][0]).json
    t.equal([c["type"] for c in authz["challenges"]], ["dns-01"], "a rule says which challenges are offered")
    order, _ = device.obtain(["a.inside.test"])
    t.equal(gate.sql("select distinct upstream from orders where idents='dns:a.inside.test'"), [("local",)], "and by which CA it is issued")
    t.equal(device.acme.new_order(["a.few.test", "b.few.test", "c.few.test"]).status, 400, "how many names at once")
    counted = registered(lab, gate)
    for n, status in ((1, 201), (2, 201), (3, 400)):
        reply = counted.acme.new_order(["n%d.few.test" % n])
        t.equal(reply.status, status, "and how many certificates: number %d" % n)
        if status == 201:
            counted.order_url, counted.order = reply.headers["Location"], reply.json
            counted.prove()
            counted.finalize(acme.make_csr(acme.new_key("p384"), counted.names()))
            counted.collect()


def lists(t, lab, gate):
    device = registered(lab, gate)
    t.equal(device.acme.new_order(["a.listed.test"]).status, 201, "names may lie in a file")
    t.equal(device.acme.new_order(["xn--bcher-kva.listed.test"]).status, 400, "international names are refused where a rule says so")
    write(lab.path("names.list"), "*.listed.test\n*.later.test # a new one\n\nnot_a_name.test\n")
    status, said = gate.try_ctl("reload")
    t.ok(status != 0 and "names.list:4:" in said and "not_a_name.test" in said, "a broken file is refused, with its line") or t.note(said)
    t.equal(device.acme.new_order(["a.later.test"]).status, 400, "and nothing of it is in force")
    t.equal(device.acme.new_order(["b.listed.test"]).status, 201, "what was in force is")
    write(lab.path("names.list"), "*.listed.test\n*.later.test # a new one\n")
    gate.ctl("reload")
    t.equal(device.acme.new_order(["a.later.test"]).status, 201, "mended, it is")
    write(lab.path("plants.list"), "# nobody\n")
    status, said = gate.try_ctl("reload")
    t.ok(status != 0 and "there is no network" in said, "a list that is empty is not a rule for all") or t.note(said)
    write(lab.path("plants.list"), "127.41.0.0/16\n")


def narrowed(t, lab, gate):
    """Between newOrder and finalize the rules change: nothing is issued that they would not allow now."""
    device = registered(lab, gate)
    device.start(["b.plant.test"])
    t.equal(device.order["status"], "ready", "an order whose names a rule has proven is ready at once")
    gate.ctl("reload")
    reply = device.acme.finalize(device.order, acme.make_csr(acme.new_key("p384"), ["b.plant.test"]))
    t.equal((reply.status, reply.type()), (403, "unauthorized"), "the network is no longer the plant's: it is not issued")
    t.equal(device.acme.post(device.order_url).json["status"], "ready", "the order stays as it is")


def trial(t, lab, gate):
    device = registered(lab, gate)
    t.equal(device.acme.new_order(["t.plain.test"]).status, 201, "a rule on trial decides nothing")
    wait_until("the log", lambda: "event=policy_warned rule=trial would=refuse is=allowed" in gate.process.text())
    t.ok(re.search(r'acmegate_policy_decisions_total{rule="trial",decision="warned"} [1-9]', gate.ctl("metrics")), "it is logged, and counted")
    # entries wait, then they have a number
    kept = "".join(row[0] for table in ("audit_pending", "audit") for row in gate.sql("select entry from %s where event in ('order.refuse', 'cert.fail')" % table))
    t.ok("blocked-net" in kept and "closed" in kept and "a.noec.test" not in kept, "what was refused is in the audit trail, with the rule") or t.note(kept)


def asked(t, lab, gate):
    """What acmegatectl says of the rules, of facts and of orders."""
    conf = ["--config", gate.conf_path]
    said = gate.try_ctl("policy", "check", *conf, "--name", "a.vip.test", "--eab-key", "vip-9")
    t.ok(said[0] == 0 and "allowed" in said[1] and "vip" in said[1], "policy check: what would be allowed") or t.note(said)
    status, said = gate.try_ctl("policy", "check", *conf, "address=127.66.0.9", "bücher.listed.test")
    t.ok(status == 5 and "blocked-net" in said and "xn--bcher-kva" in said, "and refused, with the rule, by its exit status, too") or t.note(said)
    said = json.loads(gate.ctl("--json", "policy", "check", *conf, "a.strong.test"))
    t.equal((said["allowed"], said["identifiers"][0]["rule"]), (True, "strong"), "a key that is not known yet may be the right one")
    t.equal(gate.try_ctl("policy", "check", *conf, "colour=red", "a.test")[0], 2, "what is no fact is said")
    t.equal(gate.try_ctl("policy", "check", *conf)[0], 2, "so is that no name was given")
    said = gate.ctl("policy", "explain", *conf, "--key-type", "p256", "--address", "127.41.0.1", "a.strong.test")
    t.ok("is refused by no rule" in said and "key-type is p256, it would have to be p384" in said, "policy explain: what would have to change") or t.note(said)
    device = registered(lab, gate)
    device.obtain(["c.inside.test"])
    order = gate.sql("select ref from orders where idents='dns:c.inside.test'")[0][0]
    said = gate.ctl("policy", "explain", *conf, order)
    t.ok("c.inside.test is allowed by rule inside" in said and "rule blocked-net, to refuse: does not match" in said
         and "address is 127.40.0.1, it would have to be 127.66.0.0/16" in said, "of a past order, too") or t.note(said)
    shown = {item["id"]: item for item in json.loads(gate.ctl("--json", "policy", "list"))["items"]}
    t.equal(list(shown), [rule["name"] for rule in gate.conf["rules"]], "policy list: all rules in their order")
    t.ok(shown["trial"]["warned"] > 0 and shown["trial"]["mode"] == "warn" and shown["inside"]["allowed"] > 0, "with what they have decided")
    page = json.loads(gate.ctl("--json", "policy", "list", "--limit", "2", "--before", "closed"))
    t.equal([item["id"] for item in page["items"]], ["night", "day"], "page by page")
    # the same configuration but for one rule
    new = lab.path("new.conf")
    with open(gate.conf_path) as old:
        write(new, old.read().replace("*.inside.test", "*.outside.test"))
    os.chmod(new, 0o600)
    said = json.loads(gate.ctl("--json", "policy", "replay", "--since", "1d", new))
    changed = {(item["name"], item["was"], item["allowed"]) for item in said["items"] if "inside" in item["name"]}
    t.equal(changed, {("a.inside.test", "inside", False), ("c.inside.test", "inside", False)}, "policy replay: what would be refused now")
    t.ok(said["orders"] > 5, "of all orders")
    write(lab.path("policy.tests"), "# what must be\naddress=127.42.0.1 a.plant.test -> allow plant\na.nowhere.test -> refuse\n")
    gate.conf["policy_tests"] = [lab.path("policy.tests")]
    gate.write_conf()
    t.ok("is good" in gate.ctl("config", "check", gate.conf_path), "expectations that are met")
    write(lab.path("policy.tests"), "a.nowhere.test -> refuse\na.plant.test -> allow plant\nx -> perhaps\n")
    status, said = gate.try_ctl("config", "check", gate.conf_path)
    t.ok(status == 1 and 'policy.tests:2: "a.plant.test" is refused by no rule, expected allow by plant' in said and "policy.tests:3:" in said,
         "those that are not fail the check, with their line") or t.note(said)


def run(t, lab, store):
    write(lab.path("plants.list"), "127.40.0.0/16\n127.42.0.0/16 # not in use\n")
    write(lab.path("names.list"), "# of the shop\n*.listed.test\n")
    gate = lab.gate("https://127.0.0.1:1/dir", rules=rules(lab), rates={"requests_burst": 0}, **store)
    gate.conf["profiles"] = [{"name": "default", "upstreams": ["ca", "local"], "failover_kind": "any", "http01_port": gate.device_port, "challenges": ["http-01", "dns-01"],
                              "max_identifiers": 10, "validation_attempts": ["0s", "1s", "3s", "10s", "20s"], "key_types": ["p256", "p384"]}]
    # all that is issued here is the local CA's, but that a rule must say so
    for rule in gate.conf["rules"]:
        if rule.get("action") != "refuse":
            rule["upstreams"] = ["local"]
    gate.start()
    for part in (who_asks, when, which_key, what_it_takes, trial, asked, lists, narrowed):
        with t.part(part.__name__):
            part(t, lab, gate)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def main():
    t = Tap()
    with Lab(t) as lab:
        run(t, lab, {})
    with Lab(t) as lab:
        run(t, lab, {"store": lab.postgres()})
    return t.done()


sys.exit(main())
