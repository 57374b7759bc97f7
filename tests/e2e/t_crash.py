#!/usr/bin/python3
"""No loss, no double: the gateway is killed (SIGKILL) at each step of an issuance in turn, after every transaction of its store and
around every request to the CA, and started again. Each time the device's order becomes valid, the CA has issued exactly one
certificate for it, nothing is left over, and the ledger of the CA's limits has lost no count and made up none.

The gateway is built with --enable-crash-points: ACMEGATE_CRASH_AT=N ends it at the N-th such place. Each run has a gateway of its
own with an empty store; some run at a time.

On SQLite that is done at every place, with Debian's pebble. On PostgreSQL, with a current pebble where there is one (PEBBLE_NEW),
it is done at every third place and at the moments when an answer is worth most: what differs there is the store below, and the
pass is bounded so that the test stays within minutes."""

import math
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, pebbles, wait_until
from proxy import DROP
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

EVERY = 3  # on PostgreSQL
KINDS = ("newAccount", "newOrder", "authz", "challenge", "order", "finalize", "certificate")


# limits that count, and never make anything wait: a token of the orders' comes back each day
UPSTREAM = {"request": "5s", "limits": "letsencrypt", "overrides": [{"limit": "orders_acct", "count": 1000, "period": "1000d"}]}
EACH_S = {0: ("orders", 86400), 1: ("domain", 12096), 3: ("set", 120960)}


def ledger(gate):
    """Tokens spent of each limit, and held."""
    spent = {"held": gate.sql("select count(*) from quota_hold")[0][0], "orders": 0, "domain": 0, "set": 0}
    for kind, tat in gate.sql("select kind, tat from quota_bucket where kind in (0, 1, 3)"):
        name, each = EACH_S[kind]
        spent[name] += max(0, math.ceil((tat / 1e9 - time.time()) / each))
    return spent


def issue(lab, pebble, number, plan, rule=None, server=None):
    """One whole issuance by a patient device, with the gateway killed as planned; what is to be judged."""
    name = "crash%d.test" % number
    address = "127.%d.%d.%d" % (16 + number // 200, os.getpid() % 250 + 1, number % 200 + 1)
    lab.resolve(name, address)
    proxy = lab.proxy(pebble)
    store = {"store": lab.database(server, "crash%d" % number)} if server else {}
    gate = lab.gate(proxy.directory, name="crash%d" % number, http_port=pebble.http_port, address=address, upstream=UPSTREAM,
                    **store)
    if rule:
        proxy.rule = rule(gate)
    supervisor = Supervisor(gate, plan)
    device = lab.device(gate, patient=90)
    order, chain = device.obtain([name])
    ids = {e.path.rpartition("/")[2] for e in proxy.seen if e.kind == "finalize"}
    try:
        wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    except Exception:
        pass  # told below
    result = {
        "order": order["status"], "chain": lab.verify(chain, pebble.roots[:1]),
        "issued": len([i for i in pebble.issued() if i in ids]),
        "certificates": gate.sql("select count(*) from cert")[0][0], "billed": gate.sql("select count(*) from bill where kind<5")[0][0], "orders": gate.sql("select count(*), min(state) from orders")[0],
        "left": gate.left_over(), "ledger": ledger(gate), "status": supervisor.end(), "sanitizer": gate.sanitizer_report(),
        "keepers": wait_until("keepers to end", lambda: all(p.group_is_empty() for p in supervisor.past), 60)}
    # of an order whose answer nobody heard the ledger must think that the CA has counted it
    counted = len([e for e in proxy.seen if e.kind == "newOrder" and e.status == 201])
    spent = result["ledger"]["orders"]
    result["ledger"]["orders"] = "right" if counted <= spent <= counted + len(supervisor.deaths) else (counted, spent)
    good = {"order": "valid", "chain": "", "issued": 1, "ledger": {"orders": "right", "domain": 1, "set": 1, "held": 0}, "certificates": 1, "billed": 1, "orders": (1, 3), "left": {}, "status": 0, "sanitizer": "",
            "keepers": True}
    return outcome(supervisor, result, good)


def kill_at(kind, stage):
    """The gateway dies when the CA has this request, or its reply, in hand; the reply never arrives."""
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


t = Tap()
with Lab(t) as lab:
    pebble = lab.pebble()
    with t.part("the places"):
        calm = issue(lab, pebble, 0, [])
        judge(t, calm, 0, "an issuance without a crash")
        places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
        t.ok(len(places) > 20, "the gateway passes %d places where it can be killed (built with --enable-crash-points)" % len(places))
        # some more: a refused nonce or a poll more makes a way longer
        last = len(places) + 3
        results = side_by_side([lambda n=n: issue(lab, pebble, n, [n]) for n in range(1, last + 1)])
        for n, result in enumerate(results, 1):
            where = (result.get("where") or ["not reached"])[0]
            judge(t, result, 0, "killed at place %d (%s): valid, one certificate, nothing left over" % (n, where))
        # how often it asks whether an order is ready depends on the CA's sleep: ways differ in length
        died = [r["where"][0] for r in results if r.get("where")]
        t.ok(len(died) > len(places) / 2 and {"committed", "upstream request", "upstream replied"} <= set(died),
             "it was killed in %d runs of %d" % (len(died), len(results)))
    with t.part("replies in flight"):
        ways = [(kind, stage) for kind in KINDS for stage in ("before", "after")]
        results = side_by_side([lambda w=w, n=n: issue(lab, pebble, 200 + n, [], kill_at(*w)) for n, w in enumerate(ways)])
        for (kind, stage), result in zip(ways, results):
            judge(t, result, 1, "killed %s the CA acted on %s: valid, one certificate, nothing left over" % (stage, kind))
    with t.part("again and again"):
        plans = [list(range(8, 20)), [14] * 12, [6, 9, 6, 9, 6, 9, 6, 9], [20, 3, 18, 3, 16, 3, 14, 3]]
        results = side_by_side([lambda p=p, n=n: issue(lab, pebble, 300 + n, p) for n, p in enumerate(plans)])
        for plan, result in zip(plans, results):
            judge(t, result, 2, "killed %d times in a row: valid, one certificate, nothing left over" % len(result.get("deaths", [])))
    what, folder = list(pebbles())[-1]
    with t.part("on PostgreSQL"):
        pebble, server = lab.pebble(folder=folder), lab.postgres()
        calm = issue(lab, pebble, 400, [], server=server)
        judge(t, calm, 0, "PostgreSQL and %s: an issuance without a crash" % what)
        places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
        chosen = list(range(1, len(places) + 3, EVERY))
        results = side_by_side([lambda n=n: issue(lab, pebble, 400 + n, [n], server=server) for n in chosen])
        for n, result in zip(chosen, results):
            where = (result.get("where") or ["not reached"])[0]
            judge(t, result, 0, "PostgreSQL: killed at place %d of %d (%s; every third is tried): valid, one certificate, nothing left "
                  "over" % (n, len(places), where))
        died = [r["where"][0] for r in results if r.get("where")]
        t.ok(len(died) > len(chosen) / 2 and "committed" in died, "it was killed in %d runs of %d" % (len(died), len(results)))
        ways = [("newOrder", "after"), ("finalize", "after"), ("certificate", "before")]
        results = side_by_side([lambda w=w, n=n: issue(lab, pebble, 600 + n, [], kill_at(*w), server) for n, w in enumerate(ways)])
        for (kind, stage), result in zip(ways, results):
            judge(t, result, 1, "PostgreSQL: killed %s the CA acted on %s: valid, one certificate, nothing left over" % (stage, kind))
sys.exit(t.done())
