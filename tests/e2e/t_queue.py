#!/usr/bin/python3
"""Orders wait for their CA in a queue: who is let through first, what is foretold, who is sent away, and who leads it. Periods are seconds
here where CAs have hours and days."""

import base64
import contextlib
import datetime
import json
import os
import re
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from invariants import broken
from lab import PORTS, Lab, wait_until
from limited_ca import DOMAIN, ORDERS, SET, LimitedCA
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

LIMIT = {ORDERS: "orders_acct", DOMAIN: "certs_domain", SET: "certs_set"}
NEVER = 36000  # a period in which nothing comes back that a test would wait for


def limited(lab, limits):
    ca = LimitedCA(lab.path("web.pem"), lab.path("web.key"), PORTS.take(), limits)
    lab.servers.append(ca)
    return ca


def known(limits):
    return [{"limit": LIMIT[name], "count": count, "period": "%ds" % period} for name, (count, period) in limits.items()]


def profile(gate, name, **more):
    return {"name": name, "upstream": "ca", "http01_port": gate.device_port, "validation_attempts": ["0s", "1s", "3s", "10s", "20s"], **more}


def gate_for(lab, ca, limits, profiles=None, **options):
    """Profiles: {name: keys}."""
    gate = lab.gate(ca.directory, upstream={"limits": "none", **({"overrides": known(limits)} if limits else {})}, **options)
    gate.conf["profiles"] = [profile(gate, name, **more) for name, more in (profiles or {"default": {}}).items()]
    gate.start()
    lab.device(gate)  # the one responder they share
    return gate


def queued(lab, gate, name, eab=None, **payload):
    """A device, bound by (kid, key), whose order is in the queue, or through it."""
    device = lab.device(gate)
    if eab:
        octets = base64.urlsafe_b64decode(eab[1] + "=")
        device.acme.want("newAccount", device.acme.new_account(externalAccountBinding=acme.eab(
            eab[0], octets, device.acme.directory["newAccount"], device.acme.key)), 201)
    device.start([name], **payload)
    if device.order["status"] == "pending":
        device.prove()
    device.finalize()
    return device


def queue_of(gate, *words):
    return json.loads(gate.ctl("--json", "queue", *words))["items"]


def foretold(gate, count):
    """The queue, once so many are in it and know what they wait for."""
    def look():
        items = queue_of(gate)
        return items if len(items) == count and all("forecast" in i for i in items) else None
    return wait_until("%d orders to be told" % count, look, 60, 0.2)


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def set_limits(gate, limits):
    gate.conf["upstreams"][0]["overrides"] = known(limits)
    gate.write_conf()
    gate.ctl("reload")


def let_through(gate, order):
    """When the queue let it through, by its story."""
    trace = json.loads(gate.ctl("--json", "order", "show", order, "--trace"))["trace"]
    return [e for e in trace if e["event"] == "queue"]


def shares(t, lab):
    real = {DOMAIN: (4, 24), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, real)
    gate = gate_for(lab, ca, {**real, DOMAIN: (4, NEVER)}, {"default": {}, "small": {}, "large": {}}, tenants=[{"name": "small"}, {"name": "large", "share": 3}])
    for n in range(3):  # of four one is kept for what cannot wait
        lab.device(gate).obtain(["first%d.corp.test" % n])
    keys = {p: json.loads(gate.ctl("--json", "eab", "create", "--kid", p, "--tenant", p))["key"] for p in ("small", "large")}
    devices = [queued(lab, gate, "%s%d.corp.test" % (p, n), (p, keys[p]), profile=p) for p in ("small", "large") for n in range(4)]
    items = foretold(gate, 8)
    t.equal({(i["waits_for"], i["limit"], i["class"], i["upstream"]) for i in items}, {("certs_domain of corp.test", "certs_domain", "new", "ca")},
            "eight orders wait for the domain")
    t.equal([i["place"] for i in items], list(range(8)), "each has its place")
    t.equal([i["profile"] for i in items][:4].count("large"), 3, "of the first four three are of the tenant with three times the share")
    times = [seconds(i["forecast"]) for i in items]
    t.ok(all(abs(b - a - NEVER / 4) <= 1 for a, b in zip(times, times[1:])), "what is foretold is the limit's own pace")
    page = json.loads(gate.ctl("--json", "queue", "--limit", "3"))
    rest = json.loads(gate.ctl("--json", "queue", "--limit", "500", "--before", page["next"]))
    t.equal(([i["id"] for i in page["items"] + rest["items"]], page["total"]), ([i["id"] for i in items], 8), "the list comes in pages, too")
    t.equal(len(queue_of(gate, "--profile", "small")), 4, "and by profile")
    t.ok("certs_domain of corp.test" in gate.ctl("queue"), "as a table")
    by_ca = json.loads(gate.ctl("--json", "queue", "ca"))["items"]
    t.equal([(c["waiting"]["new"], c["in_flight"], c["width"], c["limits_in_the_way"]) for c in by_ca], [(8, 0, 32, 1)],
            "and by CA: how many wait, are under way, and may be")
    t.ok("IN FLIGHT" in gate.ctl("queue", "ca"), "as a table, too")
    metrics = gate.ctl("metrics")
    t.ok('acmegate_queue_orders{class="new"} 8' in metrics and re.search(r'acmegate_queue_width{ca="localhost:\d+"} 32', metrics) and
         "acmegate_queue_wait_seconds_count 3" in metrics, "the metrics count it")
    t.ok("corp.test" not in metrics, "without names")
    lab.device(gate).obtain(["elsewhere.other.test"])
    t.equal(len(queue_of(gate)), 8, "a device of another domain waits for none of them")
    t.equal(gate.sql("select count(*) from upstream_order where queue=0")[0][0], 0, "nothing else is under way")

    began = len(ca.orders)
    set_limits(gate, real)
    wait_until("the new limit to be foretold", lambda: (lambda q: q and all("forecast" in i and seconds(i["forecast"]) < time.time() + 600 for i in q))(
        queue_of(gate)), 60, 0.2)
    after = {i["id"]: seconds(i["forecast"]) for i in queue_of(gate)}
    for device in devices:
        device.collect()
    asked = [re.match("[a-z]+", order["names"][0]).group(0) for order in list(ca.orders.values())[began:]]
    t.ok(asked[:4].count("large") >= 2, "they go as was foretold: %s" % " ".join(asked))
    t.equal(ca.refusals, [], "the CA never had to say no")
    early = []
    for order, forecast in after.items():
        story = let_through(gate, order)
        if len(story) != 1 or seconds(story[0]["at"][:19] + "Z") < forecast - 12:
            early.append((order, forecast, story))
    t.equal(early, [], "nobody goes before his time (one that moves by five seconds is not told anew), and the story tells how long each has waited")
    t.equal((broken(gate.sql), gate.left_over(), gate.sql("select count(*) from quota_hold")[0][0]), ({}, {}, 0), "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def killed(t, lab):
    limits = {DOMAIN: (4, 16), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    devices = [queued(lab, gate, "k%d.corp.test" % n) for n in range(8)]
    for more in (3, 5):
        wait_until("%d certificates" % more, lambda: len(ca.issued) >= more, 120)
        gate.kill()
        gate.start()
    for device in devices:
        device.acme.patient = 60
        device.collect()
    t.equal((ca.refusals, len(ca.issued), len({tuple(n) for n in ca.issued})), ([], 8, 8),
            "killed twice while orders wait: each is certified once, and the CA never had to say no")
    t.equal((broken(gate.sql), gate.left_over()), ({}, {}), "nothing is left over")
    gate.stop()


def same_names(t, lab):
    ca = limited(lab, {})
    gate = gate_for(lab, ca, {})
    threads = [threading.Thread(target=lambda: lab.device(gate).obtain(["same.corp.test"])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal((len(ca.issued), ca.new_orders), (3, 3), "orders for the same names and other keys go one after the other: each is one of its own")
    gate.stop()


def sent_away(t, lab):
    limits = {DOMAIN: (4, NEVER), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    profiles = {"default": {}, "short": {"order_lifetime": "10m"}, "away": {"long_wait": "refuse", "longest_wait": "1m"}}
    gate = gate_for(lab, ca, limits, profiles)
    for n in range(3):
        lab.device(gate).obtain(["first%d.corp.test" % n])

    def ask(device, name, **payload):
        if not device.acme.kid:
            device.register()
        return device.acme.new_order([name], **payload)

    device = lab.device(gate)
    reply = ask(device, "away.corp.test", profile="away")
    wait = int(reply.headers.get("Retry-After") or 0)
    t.equal((reply.status, reply.type()), (429, "rateLimited"), "an order that would wait for longer than its profile allows is refused")
    t.ok(NEVER / 4 - 400 < wait + 60 < NEVER / 4 + 5, "with the time to come again: %d s" % wait)
    place = gate.sql("select since, until - since from queue_place")
    t.equal((len(place), place[0][1]), (1, 86400), "its place is kept for a day")
    t.equal(gate.sql("select count(*) from orders where idents like '%away.corp.test%'")[0][0], 0, "and nothing else is made of it")
    time.sleep(1.1)  # places are kept by the second
    other = ask(lab.device(gate), "behind.corp.test", profile="away")
    t.ok(int(other.headers["Retry-After"]) > wait + NEVER / 8, "whoever comes after it is told to come later")
    gate.kill()
    gate.start()
    time.sleep(1.1)
    again = ask(device, "away.corp.test", profile="away")
    t.ok(again.status == 429 and int(again.headers["Retry-After"]) <= wait, "after SIGKILL it has the same place: %s s" % again.headers["Retry-After"])
    t.equal(gate.sql("select since from queue_place order by since limit 1"), [(place[0][0],)], "by when it came first")
    t.equal(ask(lab.device(gate), "short.corp.test", profile="short").type(), "rateLimited", "what would wait for longer than its order lives is always refused")
    waiting = queued(lab, gate, "queue.corp.test")
    t.equal(waiting.acme.post(waiting.order_url).json["status"], "processing", "another profile's order is taken in and waits")
    t.ok(ask(lab.device(gate), "free.other.test", profile="away").status == 201, "what need not wait is not sent away")
    many = lab.device(gate)
    for n in range(100):
        reply = ask(many, "many%d.corp.test" % n, profile="away")
    t.ok(reply.status == 429 and "place is kept" in reply.json["detail"], "who asks for much is told the same a hundred times")
    reply = ask(many, "more.corp.test", profile="away")
    t.ok(reply.type() == "rateLimited" and "place is kept" not in reply.json["detail"], "and then is refused without a place")
    t.equal(gate.sql("select max(n) from (select count(*) as n from queue_place group by principal) each")[0][0], 100,
            "so nobody pushes the others back with orders that he never makes")
    ca.limits[DOMAIN] = (4, 12)
    ca.buckets.clear()
    set_limits(gate, {**limits, DOMAIN: (4, 12)})
    wait_until("its time to have come", lambda: ask(device, "away.corp.test", profile="away").status == 201, 120, 0.5)
    device.obtain(["away.corp.test"], profile="away")
    t.equal(gate.sql("select count(*) from queue_place where since=%d" % place[0][0])[0][0], 0, "then it is taken in, and has its place no more")
    waiting.collect()
    t.equal(ca.refusals, [], "the CA never had to say no")
    gate.stop()


def change(gate, *texts):
    """By hand, while the gateway does not run."""
    with contextlib.closing(sqlite3.connect(os.path.join(gate.state, "acmegate.db"), timeout=60)) as db, db:
        for text in texts:
            db.execute(text)


def full(lab, gate):
    for n in range(3):  # of four one is kept for what cannot wait
        lab.device(gate).obtain(["first%d.corp.test" % n])


def swept(t, lab):
    limits = {DOMAIN: (4, NEVER), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    full(lab, gate)
    queued(lab, gate, "gone.corp.test")
    foretold(gate, 1)
    gate.stop()
    gone = gate.sql("select id from orders where idents like '%gone.corp.test%'")[0][0]
    # numbers are given anew from the highest on
    change(gate, *("update %s set %s=%d where %s=%d" % (table, column, gone + 1000, column, gone)
                   for table, column in (("upstream_order", "order_id"), ("job", "subject"))),
           "delete from orders where id=%d" % gone, "delete from order_authz where order_id=%d" % gone, "delete from order_policy where order_id=%d" % gone)
    gate.start()
    lab.device(gate).obtain(["after.other.test"])
    t.ok(True, "a row of the queue whose order is no more holds up nobody")
    wait_until("nothing to be left over", lambda: not gate.left_over(), 120)
    gate.stop()


def urgent(t, lab):
    limits = {DOMAIN: (4, NEVER), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    full(lab, gate)
    for n in range(5):
        queued(lab, gate, "u%d.corp.test" % n)
    foretold(gate, 5)
    gate.stop()
    change(gate, "update upstream_order set urgent_at=1 where queue>0")
    gate.start()

    def look():
        items = queue_of(gate)
        return items if len(items) == 4 and all(i["class"] == "expiring" and "forecast" in i for i in items) else None
    items = wait_until("one to have had what is kept for the urgent", look, 180, 0.5)
    t.equal(({i.get("limit") for i in items}, len({i["place"] for i in items})), ({"certs_domain"}, 4),
            "those that became urgent while they waited stand in one queue, as the others do")
    times = [seconds(i["forecast"]) for i in items]
    t.ok(all(abs(b - a - NEVER / 4) <= 1 for a, b in zip(times, times[1:])), "and each is told its own time")
    gate.stop()


def narrow(t, lab):
    ca = limited(lab, {})
    gate = lab.gate(ca.directory, upstream={"limits": "none", "orders_in_flight": 2})
    gate.start()
    lab.device(gate)
    devices, most = [], 0
    for n in range(8):
        devices.append(queued(lab, gate, "w%d.corp.test" % n))
        most = max(most, gate.sql("select count(*) from upstream_order where queue=0")[0][0])
    for device in devices:
        device.collect()
    t.ok(most <= 2, "no more are under way at a time than may be (%d)" % most)
    t.equal(len(ca.issued), 8, "and all get certificates")
    gate.stop()


def leader_dies(t, lab):
    limits = {DOMAIN: (4, 16), SET: (50, 600), ORDERS: (100, 100)}
    ca, server = limited(lab, limits), lab.postgres()
    first, second = lab.pair(ca.directory, server, upstream={"limits": "none", "overrides": known(limits)})
    responder = lab.responder(first.device_port, "127.0.0.1")
    first.responder = second.responder = responder
    devices = [queued(lab, first, "l%d.corp.test" % n) for n in range(8)]
    wait_until("some to be let through", lambda: len(ca.issued) >= 3, 120)
    seen = {i["id"] for i in queue_of(second)}
    t.ok(seen, "the other gateway shows the queue, too")
    first.kill()
    wait_until("the other one to lead", lambda: json.loads(second.ctl("--json", "queue", "ca"))["leader"] == "second", 120, 0.5)
    wait_until("all to be let through", lambda: len(ca.issued) == 8, 180, 0.5)
    t.equal((ca.refusals, len({tuple(n) for n in ca.issued})), ([], 8), "the leader is killed: the other goes on, each is certified once, without a refusal")
    first.start()
    t.equal(["BEGIN CERTIFICATE" in d.collect() for d in devices], [True] * 8, "the devices collect where they ordered")
    t.equal((first.stop(), second.stop(), first.sanitizer_report() + second.sanitizer_report()), (0, 0, ""),
            "both end with 0, and no sanitizer has a word to say")


def killed_at(lab, number, plan, server=None):
    """Five devices of a domain that lets three through at once, and the gateway dies as planned; what is to be judged."""
    limits = {DOMAIN: (4, 16), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    store = {"store": lab.database(server, "place%d" % number)} if server else {}
    gate = lab.gate(ca.directory, name="place%d" % number, upstream={"limits": "none", "overrides": known(limits)}, **store)
    supervisor = Supervisor(gate, plan)
    names, chains = ["p%d.corp.test" % n for n in range(5)], []
    gate.responder = lab.responder(gate.device_port)
    threads = [threading.Thread(target=lambda name=name: chains.append(lab.device(gate, patient=120).obtain([name])[1])) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    except Exception:
        pass  # told below
    result = {"chains": len(chains), "issued": sorted(n for names in ca.issued for n in names), "refusals": ca.refusals, "left": gate.left_over(),
              "held": gate.sql("select count(*) from quota_hold")[0][0], "places": gate.sql("select count(*) from queue_place")[0][0],
              "status": supervisor.end(), "sanitizer": gate.sanitizer_report()}
    good = {"chains": 5, "issued": names, "refusals": [], "left": {}, "held": 0, "places": 0, "status": 0, "sanitizer": ""}
    return outcome(supervisor, result, good)


def places(t, lab):
    for what, server, every in (("SQLite", None, 9), ("PostgreSQL", lab.postgres(), 16)):
        base = 300 if server else 0
        calm = killed_at(lab, base, [], server)
        judge(t, calm, 0, "%s: five orders, of which two wait, without a crash" % what)
        count = len(re.findall(r"crash_point (\d+) ", calm["log"]))
        chosen = list(range(4, count, every))
        results = side_by_side([lambda n=n: killed_at(lab, base + n, [n, n + 11], server) for n in chosen])
        for n, result in zip(chosen, results):
            judge(t, result, 0, "%s: killed at place %d of about %d, and again: each is certified once, and the CA never had to say no" % (what, n, count))
        t.ok(sum(len(r.get("deaths", [])) for r in results) >= len(chosen) / 2, "%s: it was killed most times" % what)


t = Tap()
with Lab(t) as lab:
    for name, part in (("shares and forecasts", shares), ("killed", killed), ("the same names", same_names), ("sent away", sent_away), ("swept away", swept), ("urgent by now", urgent),
                       ("width", narrow), ("the leader dies", leader_dies), ("places to be killed at", places)):
        with t.part(name):
            part(t, lab)
sys.exit(t.done())
