#!/usr/bin/python3
"""upstream_start = "ready": the CA's order is begun as soon as a device has proven its names, never before, and waits there for the CSR.
Whatever the device does then, or does not do, exactly one certificate comes of an order that is finalized, and none of one that is not;
nothing is left over, and the ledger has counted what the CA has. So on both stores, and wherever the gateway is killed."""

import json
import os
import re
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from acme import AcmeError
from lab import Lab, pebbles, wait_until
from proxy import DROP
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap
from two_cas import World

# limits that count, and never make anything wait
UPSTREAM = {"request": "5s", "limits": "letsencrypt", "overrides": [{"limit": "orders_acct", "count": 1000, "period": "1000d"}]}
PARKED = 3
EVERY = 3  # places to be killed at
READY, VALID, INVALID = 1, 3, 4


def early(gate, **more):
    for profile in gate.conf["profiles"]:
        profile.update({"upstream_start": "ready"}, **more)
    return gate


def make(lab, pebble, server=None, name=None, proxy=None, **options):
    store = {"store": lab.database(server, name)} if server else {}
    proxy = proxy or lab.proxy(pebble)
    gate = early(lab.gate(proxy.directory, name=name, http_port=pebble.http_port, upstream=UPSTREAM, **options, **store))
    gate.proxy = proxy
    return gate


def parked(gate):
    return gate.sql("select count(*) from upstream_order where queue = %d" % PARKED)[0][0]


def proven(lab, gate, name, **account):
    """A device whose order is ready."""
    device = lab.device(gate, patient=90)
    if account:
        device.acme.new_account(**account)
    device.start([name])
    if device.order["status"] == "pending":
        device.prove()
    return device


def waiting(lab, gate, name):
    """And so is the CA's."""
    before = parked(gate)
    device = proven(lab, gate, name)
    wait_until("the CA's order to wait for the CSR", lambda: parked(gate) == before + 1)
    return device


def held(gate):
    return gate.sql("select count(*) from quota_hold")[0][0]


def clean(t, gate, what):
    wait_until("nothing to be left over", lambda: not gate.left_over(), 90)
    t.equal(held(gate), 0, what)


def end(t, gate):
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def shown(gate, device):
    return json.loads(gate.ctl("--json", "order", "show", device.order_url.rpartition("/")[2], "--trace"))


def told(gate, device, event="upstream"):
    return " | ".join(e["detail"] for e in shown(gate, device)["trace"] if e["event"] == event)


def at_leisure(t, lab, pebble, server, what):
    """The device takes its time."""
    gate = make(lab, pebble, server, "leisure%d" % bool(server))
    seen = []
    gate.proxy.rule = lambda e, stage: seen.append(gate.sql("select state from orders")) if e.kind == "newOrder" and stage == "before" else None
    gate.start()
    device = waiting(lab, gate, "leisure.test")
    t.equal({rows[0] for rows in seen}, {(READY,)}, "%s: the CA is asked when the order is ready here, not before" % what)
    t.equal((gate.proxy.count("newOrder", 201), gate.proxy.count("finalize"), held(gate)), (1, 0, 2), "%s: its order is ready, too, and has no CSR" % what)
    t.equal((shown(gate, device)["status"], shown(gate, device)["upstream_order"]["state"]), ("ready", "awaiting_csr"), "%s: that is shown" % what)
    t.ok("waits for the device's CSR" in told(gate, device), "%s: and in the order's story" % what)
    by_ca = json.loads(gate.ctl("--json", "queue", "ca"))["items"][0]
    t.equal((by_ca["awaiting_csr"], by_ca["in_flight"], json.loads(gate.ctl("--json", "queue"))["total"]), (1, 0, 0), "%s: it takes no place of the queue" % what)
    reply = device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["other.test"]))
    t.equal((reply.type(), device.acme.post(device.order_url).json["status"], parked(gate)), ("badCSR", "ready", 1), "%s: a CSR that does not fit is refused, and nothing lost" % what)
    t.equal(gate.stop(), 0, "%s: the gateway stops" % what)
    gate.start()
    device.finalize()
    t.equal((lab.verify(device.collect(), pebble.roots[:1]), gate.proxy.count("newOrder", 201), gate.proxy.count("finalize", 200)), ("", 1, 1),
            "%s: after its next start the device finalizes, and has its certificate, of that order" % what)
    clean(t, gate, "%s: nothing is held, nothing left over" % what)
    again = proven(lab, gate, "leisure.test")
    again.finalize(acme.make_csr(device.cert_key, ["leisure.test"]))
    t.ok(again.collect() and gate.proxy.count("finalize", 200) <= 2, "%s: another account orders the same, at once" % what)
    clean(t, gate, "%s: nothing is held then" % what)
    same_names(t, lab, gate, pebble, what)
    end(t, gate)


def same_names(t, lab, gate, pebble, what):
    """Two devices, one set, two keys (U9)."""
    count = gate.proxy.count("finalize", 200)
    first = waiting(lab, gate, "both.test")
    second = proven(lab, gate, "both.test")
    second.finalize()
    chain = second.collect()
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "%s: one that only waits for its CSR does not hold up another of the same names" % what)
    t.ok("is for the same names, and has its CSR" in told(gate, first), "%s: as its story tells" % what)
    t.equal(first.acme.post(first.order_url).json["status"], "ready", "%s: the device does not notice" % what)
    first.finalize()
    other = first.collect()
    t.ok(lab.verify(other, pebble.roots[:1]) == "" and acme.leaf_of(other).public_key() != acme.leaf_of(chain).public_key(),
         "%s: it finalizes, and has one of its own key" % what)
    t.equal(gate.proxy.count("finalize", 200) - count, 2, "%s: two keys, two certificates" % what)
    clean(t, gate, "%s: nothing is held after that" % what)


def in_a_hurry(t, lab, pebble):
    """The device finalizes while the CA still looks at our proof; and born ready, it need prove nothing."""
    go = threading.Event()
    gate = make(lab, pebble)
    gate.proxy.rule = lambda e, stage: go.wait(60) and None if e.kind == "challenge" and stage == "before" else None
    gate.start()
    device = proven(lab, gate, "hurry.test")
    wait_until("our proof to be asked for", lambda: gate.proxy.count("challenge"))
    device.finalize()
    t.equal((device.order["status"], gate.proxy.count("finalize")), ("processing", 0), "the device finalizes while the CA looks at our proof")
    go.set()
    t.equal((lab.verify(device.collect(), pebble.roots[:1]), gate.proxy.count("newOrder", 201)), ("", 1), "it has its certificate, of the order that was begun")
    device.cert_key, device.order = acme.new_key(), None
    device.start(["hurry.test"])
    t.equal(device.order["status"], "ready", "an order that is born ready")
    wait_until("its order at the CA to wait", lambda: parked(gate) == 1)
    device.finalize()
    t.equal((lab.verify(device.collect(), pebble.roots[:1]), gate.proxy.count("newOrder", 201)), ("", 2), "is begun at once")
    clean(t, gate, "nothing is held")
    joined(t, lab, gate, pebble)
    end(t, gate)


def joined(t, lab, gate, pebble):
    """Two accounts of one EAB key, one key in the CSR: one certificate (O4)."""
    made = json.loads(gate.ctl("--json", "eab", "create"))
    devices, issued = [], len(pebble.issued())
    for _ in range(2):
        device = lab.device(gate)
        device.acme.new_account(externalAccountBinding=acme.eab(made["id"], acme.unb64(made["key"]), device.acme.directory["newAccount"], device.acme.key))
        device.start(["joined.test"])
        device.prove()
        devices.append(device)
    wait_until("the first to wait for its CSR", lambda: parked(gate) == 1)
    csr = acme.make_csr(devices[0].cert_key, ["joined.test"])
    for device in reversed(devices):
        device.finalize(csr)
    chains = {device.collect() for device in devices}
    t.equal((len(chains), len(pebble.issued()) - issued), (1, 1), "two accounts of one EAB key, one key in the CSR: one certificate, whoever was begun")
    clean(t, gate, "nothing is held by the one that was not needed")


def never(t, lab, pebble):
    """No CSR ever comes."""
    gate = make(lab, pebble)
    gate.start()
    gone, over = waiting(lab, gate, "gone.test"), waiting(lab, gate, "over.test")
    t.equal(gone.acme.post(gone.acme.kid, {"status": "deactivated"}).status, 200, "an account is deactivated while the CA's order waits")
    wait_until("its work to end", lambda: parked(gate) == 1)
    t.ok("given up before the CA had the CSR" in told(gate, gone), "its story says that it was given up")
    t.equal(gate.stop(), 0, "the gateway stops")
    db = sqlite3.connect(os.path.join(gate.state, "acmegate.db"))
    db.execute("update orders set expires = ? where state = ?", (int(time.time()) - 1, READY))
    db.execute("update job set due = 0 where kind = 4")
    db.commit()
    db.close()
    gate.start()
    clean(t, gate, "an order that expired before its CSR holds nothing, and has left nothing over")
    order = over.acme.post(over.order_url).json
    t.equal((order["status"], order["error"]["detail"]), ("invalid", "the order was not finalized before it expired"), "its device hears that it has expired")
    spent = gate.sql("select count(*) from quota_bucket where kind = 0 and tat > 0")[0][0], gate.sql("select count(*) from quota_bucket where kind in (1, 3) and tat > 0")[0][0]
    t.equal((spent, gate.proxy.count("newOrder", 201), gate.proxy.count("finalize")), ((1, 0), 2, 0), "both orders are counted as the CA counts them, and no certificate is")
    end(t, gate)


def refused(t, lab):
    pebble = lab.pebble(domainBlocklist=["blocked.test"])
    gate = make(lab, pebble)
    gate.start()
    device = lab.device(gate)
    device.start(["x.blocked.test"])
    try:
        device.prove()
        order = device.acme.poll(device.order_url, lambda o: o["status"] == "invalid")
    except AcmeError as fault:
        order = json.loads(fault.reply.body)
    t.equal(order["error"]["type"].rpartition(":")[2], "rejectedIdentifier", "what the CA refuses before the CSR the device hears as its order's error")
    reply = device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["x.blocked.test"]))
    t.equal((reply.status, reply.type()), (403, "orderNotReady"), "and it cannot be finalized")
    clean(t, gate, "nothing is held")
    end(t, gate)


def moved(t, world):
    """Without a CSR no certificate can come of what a CA has: the order may leave it."""
    front_a, front_b = world.lab.proxy(world.a), world.lab.proxy(world.b)
    gate = world.gate(front_a, front_b, {"default": {"upstreams": ["a", "b"]}, "mixed": {"upstreams": ["a", "local"], "failover_kind": "any"}})
    early(gate)
    gate.start()
    down = []

    def dies(exchange, stage):
        if exchange.kind == "newOrder" and stage == "after" and exchange.status == 201:
            down.append(exchange)
            return None
        return DROP if down and stage == "before" else None

    front_a.rule = dies
    device = waiting(world.lab, gate, "middle.test")
    t.ok(re.match("from a to b ", told(gate, device, "moved")), "a CA goes down with the order in its hands: it goes to the next before it has a CSR")
    device.finalize()
    t.equal((world.lab.verify(device.collect(), world.b.roots[:1]), front_b.count("newOrder", 201)), ("", 1), "which issues")
    front_a.rule = None
    wait_until("the first CA to be well again", lambda: json.loads(gate.ctl("--json", "status"))["upstreams"][0]["circuit"] == "closed", 120)
    device = waiting(world.lab, gate, "late.test")
    t.equal(shown(gate, device)["upstream"], "a", "the first is well again, and has the next order")
    front_a.rule = lambda e, stage: DROP if stage == "before" else None
    device.finalize()
    t.equal(world.lab.verify(device.collect(), world.b.roots[:1]), "", "it goes down before it gets the CSR: the next one issues")
    device = lab_device_of(world.lab, gate, "mixed")
    wait_until("a CA of ours to have the order", lambda: shown(gate, device)["upstream"] == "local")
    wait_until("what was begun to be over", lambda: not gate.left_over())
    device.finalize()
    t.ok("local CA" in json.dumps(json.loads(gate.ctl("--json", "cert", "list"))["items"][0]), "a CA of ours, where the profile allows it, signs at finalize")
    t.equal((front_a.count("finalize"), held(gate)), (0, 0), "the first never had a CSR, and nothing is held")
    end(t, gate)


def lab_device_of(lab, gate, profile):
    device = lab.device(gate)
    device.start([profile + ".test"], profile=profile)
    device.prove()
    return device


def issue(lab, pebble, number, plan, server=None, rule=None, hasty=False):
    """One whole issuance, with the gateway killed as planned; what is to be judged."""
    name = "early%d" % number
    address = "127.14.%d.%d" % (os.getpid() % 250 + 1, number + 1)
    lab.resolve(name + ".test", address)
    proxy = lab.proxy(pebble)
    gate = make(lab, pebble, server, name, proxy, address=address)
    if rule:
        proxy.rule = rule(gate)
    supervisor = Supervisor(gate, plan)
    device = lab.device(gate, patient=90)
    device.start([name + ".test"])
    device.prove()
    if not hasty:
        wait_until("the CA's order to wait for the CSR", lambda: parked(gate) == 1, 120)
    device.finalize()
    chain = device.collect()
    ids = {e.path.rpartition("/")[2] for e in proxy.seen if e.kind == "finalize"}
    try:
        wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    except Exception:
        pass  # told below
    result = {"chain": lab.verify(chain, pebble.roots[:1]), "issued": len([i for i in pebble.issued() if i in ids]),
              "certificates": gate.sql("select count(*) from cert")[0][0], "orders": gate.sql("select count(*), min(state) from orders")[0],
              "left": gate.left_over(), "held": held(gate), "status": supervisor.end(), "sanitizer": gate.sanitizer_report()}
    good = {"chain": "", "issued": 1, "certificates": 1, "orders": (1, VALID), "left": {}, "held": 0, "status": 0, "sanitizer": ""}
    return outcome(supervisor, result, good)


def kill_at(kind, stage):
    def rule_for(gate):
        done = threading.Event()

        def rule(exchange, at):
            if exchange.kind != kind or at != stage or done.is_set() or (stage == "after" and exchange.status not in (200, 201)):
                return None
            done.set()
            gate.kill()
            return DROP

        return rule
    return rule_for


def crashes(t, lab, pebble, server):
    calm = issue(lab, pebble, 0, [])
    judge(t, calm, 0, "an issuance without a crash")
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    t.ok(len(places) > 20, "the gateway passes %d places where it can be killed (built with --enable-crash-points)" % len(places))
    works, names = [], []
    for n in range(1, len(places) + 3, EVERY):
        works.append(lambda n=n: issue(lab, pebble, n, [n], hasty=n % 2 == 0))
        names.append("killed at place %d" % n)
    for n in range(len(places) - 14, len(places), 5):
        works.append(lambda n=n: issue(lab, pebble, 100 + n, [n], server=server))
        names.append("PostgreSQL: killed at place %d" % n)
    ways = [("newOrder", "after"), ("challenge", "after"), ("finalize", "before"), ("finalize", "after")]
    for i, way in enumerate(ways):
        works.append(lambda i=i, way=way: issue(lab, pebble, 200 + i, [], rule=kill_at(*way), hasty=i == 1))
        names.append("killed %s the CA acted on %s" % (way[1], way[0]))
    works.append(lambda: issue(lab, pebble, 220, [20, 3, 18, 3, 16, 3, 14, 3]))
    names.append("killed again and again")
    results = side_by_side(works)
    for name, result in zip(names, results):
        where = (result.get("where") or [""])[0]
        judge(t, result, 0, "%s %s: valid, one certificate, nothing left over" % (name, where and "(%s)" % where))
    died = [r for r in results if r.get("deaths")]
    t.ok(len(died) > len(results) / 2, "it was killed in %d runs of %d" % (len(died), len(results)))


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    pebble, server = lab.pebble(folder=folder), lab.postgres()
    with t.part("at leisure"):
        at_leisure(t, lab, pebble, None, "SQLite")
        at_leisure(t, lab, pebble, server, "PostgreSQL")
    with t.part("in a hurry"):
        in_a_hurry(t, lab, pebble)
    with t.part("never"):
        never(t, lab, pebble)
    with t.part("refused"):
        refused(t, lab)
    with t.part("to another CA"):
        moved(t, World(lab))
    with t.part("killed"):
        crashes(t, lab, pebble, server)
sys.exit(t.done())
