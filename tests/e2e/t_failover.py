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
from lab import BUILD, PORTS, Lab, pebbles, wait_until
from limited_ca import ORDERS, LimitedCA
from proxy import DROP
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

EAB = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
EVERY = 4  # place to be killed at, on PostgreSQL
PROBLEM = "urn:ietf:params:acme:error:"


class World:
    """CAs and how they are named in a configuration: `a` is flaky, `b` strict, `c` limited, `x` has an account that is refused."""

    def __init__(self, lab, folder="/usr/bin"):
        self.lab = lab
        self.a = lab.pebble(folder=folder, env={"PEBBLE_WFE_NONCEREJECT": "30", "PEBBLE_VA_SLEEPTIME": "3"},
                            domainBlocklist=["blocked.test"])
        self.b = lab.pebble(http_port=self.a.http_port, externalAccountBindingRequired=True, externalAccountMACKeys=EAB)
        with open(lab.path("eab.key"), "w") as out:
            out.write(EAB["kid-1"])
        with open(lab.path("wrong.key"), "w") as out:
            out.write("d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n")
        for name in ("eab.key", "wrong.key"):
            os.chmod(lab.path(name), 0o600)

    def entry(self, name, directory, **more):
        return dict({"name": name, "driver": "acme", "directory": directory, "ca_file": self.lab.path("web_root.pem"),
                     "contact": "mailto:pki@corp.test", "accept_terms": True, "request": "5s", "limits": "none",
                     "overrides": [{"limit": "orders_acct", "count": 1000, "period": "1000d"}]}, **more)

    def bound(self, name, directory, key):
        return self.entry(name, directory, eab_kid="kid-1", eab_key="file:" + self.lab.path(key))

    def gate(self, front_a, front_b, profiles, more=(), **options):
        """A gateway whose profiles are {name: keys}."""
        gate = self.lab.gate(front_a.directory, http_port=self.a.http_port, **options)
        gate.conf["upstreams"] = [self.entry("a", front_a.directory), self.bound("b", front_b.directory, "eab.key"),
                                  *more, {"name": "local", "driver": "local"}]
        gate.conf["profiles"] = [dict({"name": name, "http01_port": gate.device_port, "failover_outage": "1s",
                                       "validation_attempts": ["0s", "1s", "3s", "10s", "20s"]}, **keys) for name, keys in profiles.items()]
        return gate


def answer(kind, status, type_, detail):
    """The CA's first face says this to every request of a kind."""
    body = json.dumps({"type": PROBLEM + type_, "detail": detail, "status": status}).encode()

    def rule(exchange, stage):
        if exchange.kind == kind and stage == "before":
            return status, [("Content-Type", "application/problem+json")], body
        return None
    return rule


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

    front_a.rule = None
    wait_until("the first CA to be well again", lambda: circuit(gate, "a") == "closed", 90)
    order, chain = obtain("again.test")
    t.equal((lab.verify(chain, world.a.roots[:1]), moves(gate, "again.test")), ("", []), "it was asked now and then, and has the next order again")

    front_a.rule = answer("newOrder", 500, "serverInternal", "a bad day")
    order, chain = obtain("fivehundred.test")
    t.equal(lab.verify(chain, world.b.roots[:1]), "", "it answers newOrder with 500 and all else well: the second issues")

    nothing = answer("orders", 404, "malformed", "there is no such list")
    front_a.rule = lambda e, stage: DROP if e.kind == "newOrder" and stage == "after" else nothing(e, stage)
    orphans, finalized = front_a.count("newOrder", 201), front_a.count("finalize")
    order, chain = obtain("lost.test")
    t.equal(lab.verify(chain, world.b.roots[:1]), "", "it takes the order and its answer is lost each time: the second issues")
    t.ok(front_a.count("newOrder", 201) > orphans, "what is left at the first")
    front_a.rule = None
    t.equal(front_a.count("finalize"), finalized, "never gets the CSR")

    middle(t, lab, gate, front_a, front_b, world)

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

        orders_b, finalized_b = front_b.count("newOrder"), front_b.count("finalize")
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
        t.equal((lab.verify(chain, world.a.roots[:1]), front_b.count("newOrder") - orders_b, front_b.count("finalize") - finalized_b),
                ("", 1, 1), "and is issued by the first, when it is back, alone")


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


def killed(world, number, plan, server=None, rule=None):
    """One order on its way from a CA that fails to the next one, with the gateway killed as planned; what is to be judged."""
    lab = world.lab
    name, address = "move%d.test" % number, "127.13.%d.%d" % (os.getpid() % 250 + 1, number + 1)
    lab.resolve(name, address)
    front_a, front_b = lab.proxy(world.a), lab.proxy(world.b)
    front_a.rule = rule or answer("newOrder", 500, "serverInternal", "a bad day")
    store = {"store": lab.database(server, "move%d" % number)} if server else {}
    gate = world.gate(front_a, front_b, {"default": {"upstreams": ["a", "b"]}}, name="move%d" % number, address=address, **store)
    supervisor = Supervisor(gate, plan)
    device = lab.device(gate, patient=90)
    order, chain = device.obtain([name])
    ids = {e.path.rpartition("/")[2] for front in (front_a, front_b) for e in front.seen if e.kind == "finalize"}
    try:
        wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    except Exception:
        pass  # told below
    result = {"order": order["status"], "chain": lab.verify(chain, world.b.roots[:1]),
              "issued": len([i for i in world.a.issued() + world.b.issued() if i in ids]),
              "at the first": front_a.count("finalize"), "certificates": gate.sql("select count(*) from cert")[0][0],
              "moved": gate.sql("select count(*) from event where what='moved'")[0][0] > 0,
              "upstream": gate.sql("select upstream from orders")[0][0], "held": gate.sql("select count(*) from quota_hold")[0][0],
              "left": gate.left_over(), "status": supervisor.end(), "sanitizer": gate.sanitizer_report(), "broken": broken(gate.sql)}
    good = {"order": "valid", "chain": "", "issued": 1, "at the first": 0, "certificates": 1, "moved": True, "upstream": "b", "held": 0,
            "left": {}, "status": 0, "sanitizer": "", "broken": {}}
    return outcome(supervisor, result, good)


def crashes(t, world, server=None, first=0):
    what = "PostgreSQL: " if server else ""
    calm = killed(world, first, [], server)
    judge(t, calm, 0, what + "an order that moves, without a crash")
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    chosen = list(range(1, len(places) + 3, EVERY if server else 1))
    results = side_by_side([lambda n=n, i=i: killed(world, first + 1 + i, [n], server) for i, n in enumerate(chosen)])
    for n, result in zip(chosen, results):
        where = (result.get("where") or ["not reached"])[0]
        judge(t, result, 0, "%skilled at place %d of %d (%s): it has moved, one certificate" % (what, n, len(places), where))
    died = [r["where"][0] for r in results if r.get("where")]
    t.ok(len(died) > len(chosen) / 2 and "committed" in died, "%sit was killed in %d runs of %d" % (what, len(died), len(results)))


t = Tap()
with Lab(t) as lab:
    world = World(lab)
    for what, work in (("outages and refusals", outages), ("limits", limits), ("kinds", kinds), ("refused early", refused_early),
                       ("killed", crashes)):
        with t.part(what):
            work(t, world)
    with t.part("killed, on PostgreSQL"):
        what, folder = list(pebbles())[-1]
        crashes(t, World(lab, folder=folder), lab.postgres(), 120)
sys.exit(t.done())
