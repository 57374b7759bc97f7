#!/usr/bin/python3
"""Several CAs behind a profile: what one cannot do the next one does, in all exactly one certificate comes of an order, and everybody can
see where it went and why. Two real CAs: a flaky one behind a proxy that fails in every way, and a strict one that wants external account
binding; and one with limits."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from acme import AcmeError
from invariants import broken
from lab import BUILD, PORTS, Lab, wait_until
from limited_ca import ORDERS, LimitedCA
from proxy import DROP
from tap import Tap
from two_cas import World, answer


def silence(exchange, stage):
    return DROP if stage == "before" else None


def order_of(gate, name):
    """The newest order for a name, whole."""
    for order in json.loads(gate.ctl("--json", "order", "list"))["items"]:
        if name in json.dumps(order["identifiers"]):
            return json.loads(gate.ctl("--json", "order", "show", order["id"], "--trace"))
    return None


def moves(gate, name):
    return [e["detail"] for e in order_of(gate, name)["trace"] if e["event"] == "moved"]


def circuit(gate, upstream):
    return [u for u in json.loads(gate.ctl("--json", "status"))["upstreams"] if u["name"] == upstream][0]["circuit"]


def heal(gate, front):
    """Whatever was wrong with the first CA is over, and the gateway has seen that."""
    front.rule = None
    wait_until("the first CA to be well again", lambda: circuit(gate, "a") == "closed", 120)


def moved_metric(gate, upstream, why):
    found = re.search(r'acmegate_orders_moved_total{ca="%s",class="%s"} (\d+)' % (upstream, why), gate.ctl("metrics"))
    return int(found.group(1))


def outages(t, world):
    front_a, front_b = world.lab.proxy(world.a), world.lab.proxy(world.b)
    gate = world.gate(front_a, front_b, {
        "default": {"upstreams": ["a", "b"]},
        "all": {"upstreams": ["a", "b"], "failover": ["outage", "limit", "account", "rejected", "caa"]},
        "unbound": {"upstreams": ["x", "a"]},
        "any": {"upstreams": ["a", "local"], "failover_kind": "any"},
        "none": {"upstreams": ["a", "b"], "failover": ["caa"]},
    }, more=[world.bound("x", front_b.directory, "wrong.key")])
    gate.start()
    lab = world.lab

    def obtain(name, **payload):
        return lab.device(gate).obtain([name], **payload)

    order, chain = obtain("calm.test")
    t.equal(lab.verify(chain, world.a.roots[:1]), "", "while all is well the first CA issues")
    t.equal((front_b.count("newOrder"), moves(gate, "calm.test")), (0, []), "and the second hears nothing of it")

    front_a.rule = silence
    order, chain = obtain("silent.test")
    t.equal(lab.verify(chain, world.b.roots[:1]), "", "the first does not answer newOrder: the second issues")
    shown = order_of(gate, "silent.test")
    t.ok(len(moves(gate, "silent.test")) == 1 and moves(gate, "silent.test")[0].startswith("from a to b (outage): "),
         "the order's story says where it went, and why")
    t.equal(shown["upstream"], "b", "it is shown with the CA that has it")
    t.ok(re.search(r"event=order_moved .*from=a to=b class=outage why=", gate.process.text()), "operators read it in the log")
    t.equal(moved_metric(gate, "a", "outage"), 1, "and it is counted")
    t.equal(gate.sql("select count(*) from quota_hold")[0][0], 0, "no token is held any more")

    order, chain = obtain("private.test", profile="any")
    t.ok("local CA" in json.dumps(json.loads(gate.ctl("--json", "cert", "list"))["items"][0]), "a local CA issues where the profile lets it")
    t.ok(moves(gate, "private.test")[0].startswith("from a to local (outage): "), "as the story tells")
    wait_until("the first CA to be seen down", lambda: circuit(gate, "a") != "closed", 90)

    heal(gate, front_a)
    order, chain = obtain("again.test")
    t.equal((lab.verify(chain, world.a.roots[:1]), moves(gate, "again.test")), ("", []), "it was asked now and then, and has the next order again")

    front_a.rule = answer("newOrder", 500, "serverInternal", "a bad day")
    order, chain = obtain("fivehundred.test")
    t.equal(lab.verify(chain, world.b.roots[:1]), "", "it answers newOrder with 500 and all else well: the second issues")

    heal(gate, front_a)
    nothing = answer("orders", 404, "malformed", "there is no such list")
    front_a.rule = lambda e, stage: DROP if e.kind == "newOrder" and stage == "after" and e.status == 201 else nothing(e, stage)
    orphans, finalized = front_a.count("newOrder", 201), front_a.count("finalize")
    order, chain = obtain("lost.test")
    t.equal(lab.verify(chain, world.b.roots[:1]), "", "it takes the order and its answer is lost each time: the second issues")
    t.ok(front_a.count("newOrder", 201) > orphans, "what is left at the first")
    t.equal(front_a.count("finalize"), finalized, "never gets the CSR")
    heal(gate, front_a)

    middle(t, lab, gate, front_a, front_b, world)

    heal(gate, front_a)
    with t.part("refusals"):
        name = "x.blocked.test"
        try:
            obtain(name)
            t.ok(False, "a name that the first CA does not issue for is refused")
        except AcmeError as fault:
            t.ok("rejectedIdentifier" in fault.reply.body.decode(), "a name that the first CA does not issue for is refused, in its words")
        order, chain = obtain("y.blocked.test", profile="all")
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "unless the profile sends it to the second")
        t.ok(moves(gate, "y.blocked.test")[0].startswith("from a to b (rejected): "), "for that reason")
        front_a.rule = answer("newOrder", 403, "caa", "CAA record forbids")
        order, chain = obtain("caa.test", profile="none")
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "so with CAA")
        try:
            obtain("caa2.test")
            t.ok(False, "which is not the default")
        except AcmeError as fault:
            t.ok(":caa" in fault.reply.body.decode(), "which is not the default")
        front_a.rule = answer("newOrder", 403, "userActionRequired", "see the portal")
        order, chain = obtain("terms.test")
        t.ok(lab.verify(chain, world.b.roots[:1]) == "" and moves(gate, "terms.test")[0].startswith("from a to b (account): "),
             "what only an operator can mend does not hold up the order")
        front_a.rule = None
        order, chain = obtain("unbound.test", profile="unbound")
        t.ok(lab.verify(chain, world.a.roots[:1]) == "" and moves(gate, "unbound.test")[0].startswith("from x to a (account): "),
             "nor does a CA that has not registered our account")

    with t.part("once more"):
        front_a.rule = answer("newOrder", 500, "serverInternal", "a bad day")
        device = lab.device(gate)
        device.obtain(["twice.test"])
        front_a.rule = None
        first = front_b.count("finalize") + front_a.count("finalize")
        order, chain = device.obtain(["twice.test"])
        t.equal((lab.verify(chain, world.b.roots[:1]), front_b.count("finalize") + front_a.count("finalize")), ("", first),
                "who comes back with the same key gets the certificate of the other CA, and no second one")
    t.equal((broken(gate.sql), gate.left_over()), ({}, {"job": 1}), "the store is sound, and only the account that is refused is left over")
    reload(t, lab, gate, obtain, world)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends well")


def middle(t, lab, gate, front_a, front_b, world):
    """The CA dies when it has the order."""
    with t.part("in the middle"):
        down = []

        def rule(exchange, stage):
            if exchange.kind == "newOrder" and stage == "after" and exchange.status == 201:
                down.append(exchange)
                return None
            return DROP if down and stage == "before" else None

        orders_b, finalized_b = front_b.count("newOrder", 201), front_b.count("finalize", 200)
        front_a.rule = rule
        device = lab.device(gate)
        device.start(["middle.test"])
        device.prove()
        device.finalize()
        wait_until("the CA to be seen down", lambda: circuit(gate, "a") == "open", 90)
        order, chain = lab.device(gate).obtain(["other.test"])
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "the first CA goes down with an order in its hands: others go to the second")
        t.equal((order_of(gate, "middle.test")["upstream"], order_of(gate, "middle.test")["status"], moves(gate, "middle.test")),
                ("a", "processing", []), "that one stays")
        front_a.rule = None
        chain = device.collect(300)
        heal(gate, front_a)
        t.equal((lab.verify(chain, world.a.roots[:1]), front_b.count("newOrder", 201) - orders_b, front_b.count("finalize", 200) - finalized_b),
                ("", 1, 1), "and is issued by the first, when it is back, alone")


    with t.part("forgotten in the middle"):
        sent = []
        gone = answer("order", 404, "malformed", "no such order")

        def busy(exchange, stage):
            return (503, [], b"") if exchange.kind == "newOrder" and stage == "before" else None

        def rule(exchange, stage):
            if exchange.kind == "finalize" and stage == "after" and exchange.status == 200:
                sent.append(exchange)
                return DROP
            return (gone(exchange, stage) or busy(exchange, stage)) if sent else None

        front_a.rule = rule
        device = lab.device(gate)
        device.start(["forgotten.test"])
        device.prove()
        device.finalize()
        wait_until("the order to be gone", lambda: gate.sql("select count(*) from upstream_order where pinned=1")[0][0] == 1, 90)
        tries = front_a.count("newOrder")
        wait_until("it to be ordered anew, in vain", lambda: front_a.count("newOrder") >= tries + 2, 90)
        order, chain = lab.device(gate).obtain(["another.test"])
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "the CA does not know an order any more that has the CSR: others go to the second")
        t.equal((order_of(gate, "forgotten.test")["upstream"], moves(gate, "forgotten.test")), ("a", []), "that one never does")
        front_a.rule = None
        t.equal(lab.verify(device.collect(300), world.a.roots[:1]), "", "and comes from the first, when it is well")


def reload(t, lab, gate, obtain, world):
    with t.part("reload"):
        gate.conf["profiles"][0]["upstreams"] = ["b", "a"]
        gate.write_conf()
        gate.ctl("reload")
        order, chain = obtain("reloaded.test")
        t.equal((lab.verify(chain, world.b.roots[:1]), moves(gate, "reloaded.test")), ("", []), "after a reload with another list its first issues")
        gate.conf["upstreams"].append(dict(gate.conf["upstreams"][0], name="new"))
        gate.conf["profiles"][0]["upstreams"] = ["new", "a"]
        gate.write_conf()
        run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "--socket", gate.socket, "reload"], capture_output=True, text=True, timeout=60)
        t.ok(run.returncode != 0 and "upstreams: cannot change while running" in run.stderr + run.stdout,
             "a new entry needs a restart, which is told")
        order, chain = obtain("still.test")
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "and what was in force stays")


def limits(t, world):
    """The ledger of one CA, or the CA, says: not today."""
    lab = world.lab
    for what, known in (("foreseen", True), ("not foreseen", False)):
        ca = LimitedCA(lab.path("web.pem"), lab.path("web.key"), PORTS.take(), {ORDERS: (1, 86400)})
        lab.servers.append(ca)
        front_a, front_b = lab.proxy(world.a), lab.proxy(world.b)
        overrides = {"limits": "none", "overrides": [{"limit": "orders_acct", "count": 1, "period": "1d"}] if known else
                     [{"limit": "certs_set", "count": 100, "period": "1d"}], "limits_margin": 0}
        gate = world.gate(front_a, front_b, {"default": {"upstreams": ["c", "b"], "failover_limit": "1m"},
                                             "patient": {"upstreams": ["c", "b"], "failover_limit": "2d"}},
                          more=[world.entry("c", ca.directory, **overrides)])
        gate.start()
        order, chain = lab.device(gate).obtain(["one.test"])
        t.equal(lab.verify(chain, [ca.root_pem]), "", "%s: the first order of the day is the limited CA's" % what)
        order, chain = lab.device(gate).obtain(["two.test"])
        t.equal(lab.verify(chain, world.b.roots[:1]), "", "%s: the second is not admitted before tomorrow, and goes to the next" % what)
        t.ok(re.match(r"from c to b \(limit\): orders_acct lets nothing through before 20", moves(gate, "two.test")[0]),
             "%s: the story says until when" % what)
        t.equal(len(ca.refusals), 0 if known else 1, "%s: what the CA had to say" % what)
        spent = {u: 0 for u in "bc"}
        for kind, scope, tat in gate.sql("select kind, scope, tat from quota_bucket where kind=0"):
            spent["c" if scope.startswith(ca.url) else "b"] += tat > 0
        t.equal((spent, gate.sql("select count(*) from quota_hold")[0][0]), ({"b": 1, "c": 1}, 0), "%s: each ledger counts its own, and none holds anything" % what)
        device = lab.device(gate)
        device.start(["three.test"], profile="patient")
        device.prove()
        device.finalize()
        wait_until("the order to wait", lambda: (order_of(gate, "three.test").get("upstream_order") or {}).get("waits_until"), 60)
        t.equal((order_of(gate, "three.test")["upstream"], moves(gate, "three.test")), ("c", []), "%s: who has time waits for the first" % what)
        t.equal(broken(gate.sql), {}, "%s: the store is sound" % what)
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "%s: the gateway ends well" % what)


def kinds(t, world):
    """From a public CA to a private one nothing goes silently."""
    lab = world.lab
    proxy = lab.proxy(world.a)
    gate = world.gate(proxy, proxy, {"default": {"upstreams": ["a", "local"]}})

    def check():
        gate.write_conf()
        run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "config", "check", gate.conf_path], capture_output=True, text=True, timeout=60)
        return run.returncode, run.stdout + run.stderr

    code, said = check()
    t.ok(code != 0 and '"local" is private and the first one is not: it is asked only with failover_kind = "any"' in said,
         "a private CA behind a public one is refused")
    gate.conf["profiles"][0]["failover_kind"] = "any"
    code, said = check()
    t.ok(code == 0 and "profile default: orders may go from a public CA to a private one" in said, "unless it is wanted, and then the check says what it means")


def refused_early(t, world):
    """What no CA of the profile can do costs none of them anything."""
    lab = world.lab
    front_a, front_b = lab.proxy(world.a), lab.proxy(world.b)
    gate = world.gate(front_a, front_b, {
        "default": {"upstreams": ["a", "b"], "identifier_types": ["dns", "ip"], "wildcard": True, "challenges": ["http-01", "dns-01"]}})
    gate.conf["upstreams"][0].update(max_names=2, covered_names="no", addresses="no", wildcards="yes")
    gate.conf["upstreams"][1].update(max_names=3, covered_names="no", addresses="no")
    gate.start()
    device = lab.device(gate)
    device.register()
    names = [{"type": "dns", "value": "n%d.test" % n} for n in range(4)]
    reply = device.acme.post(device.acme.directory["newOrder"], {"identifiers": names})
    t.equal((reply.status, reply.type(), reply.json["detail"]), (400, "malformed", "the CA (a) takes at most 2 names in a certificate, not 4"),
            "too many names for any CA are refused")
    reply = device.acme.post(device.acme.directory["newOrder"], {"identifiers": names[:3]})
    t.equal((reply.status, order_of(gate, "n2.test")["upstream"]), (201, "b"), "too many for the first are the second's")
    t.ok([e for e in order_of(gate, "n2.test")["trace"] if e["detail"] == "b is to issue: the CA (a) takes at most 2 names in a certificate, not 3"],
         "as the story tells")
    reply = device.acme.post(device.acme.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "*.w.test"}, {"type": "dns", "value": "a.w.test"}]})
    t.equal((reply.status, reply.type()), (400, "malformed"), "a name beside its wildcard is refused where the CAs refuse it")
    reply = device.acme.post(device.acme.directory["newOrder"], {"identifiers": [{"type": "ip", "value": "127.0.0.9"}]})
    t.equal((reply.status, reply.type()), (400, "unsupportedIdentifier"), "so are addresses")
    t.equal((front_a.count("newOrder"), front_b.count("newOrder")), (0, 0), "and the CAs have heard nothing of it")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends well")


t = Tap()
with Lab(t) as lab:
    world = World(lab)
    for what, work in (("outages and refusals", outages), ("limits", limits), ("kinds", kinds), ("refused early", refused_early)):
        with t.part(what):
            work(t, world)
sys.exit(t.done())
