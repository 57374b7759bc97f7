#!/usr/bin/python3
"""One certificate, whenever the gateway dies while an order goes from a CA that fails to the next one: it is killed (SIGKILL) at each place
in turn, as in t_crash.py, and started again. Each time the order is issued by the second CA, the first never gets the CSR, and the ledger
holds nothing. On PostgreSQL that is done at every fourth place."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from invariants import broken
from lab import Lab, pebbles, wait_until
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap
from two_cas import World, answer

EVERY = 4  # on PostgreSQL


def killed(world, front_a, number, plan, server=None):
    """One order on its way from a CA that fails to the next one, with the gateway killed as planned; what is to be judged."""
    lab = world.lab
    name, address = "move%d.test" % number, "127.13.%d.%d" % (os.getpid() % 250 + 1, number + 1)
    lab.resolve(name, address)
    front_b = lab.proxy(world.b)
    store = {"store": lab.database(server, "move%d" % number)} if server else {}
    gate = world.gate(front_a, front_b, {"default": {"upstreams": ["a", "b"]}}, name="move%d" % number, address=address, **store)
    supervisor = Supervisor(gate, plan)
    device = lab.device(gate, patient=90)
    order, chain = device.obtain([name])
    ids = {e.path.rpartition("/")[2] for e in front_b.seen if e.kind == "finalize"}
    try:
        wait_until("nothing to be left over", lambda: not gate.left_over(), 60)
    except Exception:
        pass  # told below
    result = {"order": order["status"], "chain": lab.verify(chain, world.b.roots[:1]),
              "issued": len(world.a.issued()) + len([i for i in world.b.issued() if i in ids]),
              "at the first": front_a.count("finalize"), "certificates": gate.sql("select count(*) from cert")[0][0],
              "moved": gate.sql("select count(*) from event where what='moved'")[0][0] > 0,
              "upstream": gate.sql("select upstream from orders")[0][0], "held": gate.sql("select count(*) from quota_hold")[0][0],
              "left": gate.left_over(), "status": supervisor.end(), "sanitizer": gate.sanitizer_report(), "broken": broken(gate.sql)}
    good = {"order": "valid", "chain": "", "issued": 1, "at the first": 0, "certificates": 1, "moved": True, "upstream": "b", "held": 0,
            "left": {}, "status": 0, "sanitizer": "", "broken": {}}
    return outcome(supervisor, result, good)


def crashes(t, world, server=None, first=0):
    what = "PostgreSQL: " if server else ""
    front_a = world.lab.proxy(world.a)
    front_a.rule = answer("newOrder", 500, "serverInternal", "a bad day")
    calm = killed(world, front_a, first, [], server)
    judge(t, calm, 0, what + "an order that moves, without a crash")
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    chosen = list(range(1, len(places) + 3, EVERY if server else 1))
    results = side_by_side([lambda n=n, i=i: killed(world, front_a, first + 1 + i, [n], server) for i, n in enumerate(chosen)])
    for n, result in zip(chosen, results):
        where = (result.get("where") or ["not reached"])[0]
        judge(t, result, 0, "%skilled at place %d of %d (%s): it has moved, one certificate" % (what, n, len(places), where))
    died = [r["where"][0] for r in results if r.get("where")]
    t.ok(len(died) > len(chosen) / 2 and "committed" in died, "%sit was killed in %d runs of %d" % (what, len(died), len(results)))


t = Tap()
with Lab(t) as lab:
    with t.part("at each place"):
        crashes(t, World(lab))
    with t.part("on PostgreSQL"):
        what, folder = list(pebbles())[-1]
        crashes(t, World(lab, folder=folder), lab.postgres(), 120)
sys.exit(t.done())
