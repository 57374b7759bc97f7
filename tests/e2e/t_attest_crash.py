#!/usr/bin/python3
"""device-attest-01 while the gateway is killed (SIGKILL) at each place in turn, and started again: a patient device ends with what it
came for, and no start ever finds a challenge, an authorization, an order and the evidence that do not agree.

The gateway is built with --enable-crash-points. On SQLite that is done at each place, on PostgreSQL at those of the requests."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from attest.prover import make_csr
from attest.world import World
from invariants import broken
from lab import Lab
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

# Of challenge, authorization and order the states, and how much evidence: all pending and none; proven and ready; issued.
WHOLE = {(0, 0, 0, 0), (2, 1, 1, 1), (2, 1, 3, 1)}


def attest(lab, number, plan, server=None, before=False):
    """A whole order by a patient device, the gateway killed as planned, or just before the statement."""
    name = "crash%d" % number
    world = World(lab, name=name, **({"store": lab.database(server, name)} if server else {}))
    gate, seen = world.gate, set()

    def look():
        # what a start finds: the dead one's store, before the next has touched it
        try:
            seen.update(gate.sql("select c.state, a.state, o.state, count(e.authz_id) from challenge c join authz a on a.id=c.authz_id"
                                 " join order_authz oa on oa.authz_id=a.id join orders o on o.id=oa.order_id"
                                 " left join evidence e on e.authz_id=a.id group by c.id, a.id, o.id"))
        except Exception:
            pass  # there is no schema yet

    supervisor = Supervisor(gate, plan, look)
    device = world.device("step", patient=60)
    device.begin()
    if before:
        gate.kill()
    reply = device.answer()
    device.order = device.acme.post(device.order_url).json
    device.finalize(make_csr(device.hardware.key, device.idents))
    key = acme.leaf_of(device.collect()).public_key().public_numbers()
    result = {"reply": (reply.status, reply.json.get("status")), "states": device.states(),
              "key": key == device.hardware.key.public_key().public_numbers(),
              "certificates": gate.sql("select count(*) from cert")[0][0],
              "status": supervisor.end(), "sanitizer": gate.sanitizer_report(), "broken": broken(gate.sql)}
    look()
    good = {"reply": (200, "valid"), "states": ("valid", "valid", "valid"), "key": True, "certificates": 1, "status": 0,
            "sanitizer": "", "broken": {}}
    return outcome(supervisor, result, good, seen=seen)


def everywhere(t, lab, first, server=None):
    calm = attest(lab, first, [], server)
    judge(t, calm, 0, "an order without a crash", states=WHOLE)
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    # how often housekeeping comes in between differs; on PostgreSQL the start is left out
    chosen = list(range(1 if not server else len(places) - 6, len(places) + 2))
    results = side_by_side([lambda n=n: attest(lab, first + n, [n], server) for n in chosen])
    for n, result in zip(chosen, results):
        where = (result.get("where") or ["not reached"])[0]
        judge(t, result, 0, "killed at place %d (%s): a certificate in the end, and nothing ever by halves" % (n, where), states=WHOLE)
    t.ok(sum(bool(r.get("where")) for r in results) > len(chosen) / 2, "it was killed in most of %d runs" % len(results))
    result = attest(lab, first + 100, [], server, before=True)
    judge(t, result, 0, "killed before the statement: a certificate in the end, and nothing ever by halves", states=WHOLE)
    t.ok((0, 0, 0, 0) in result["seen"], "that start found it pending")


def main():
    t = Tap()
    with Lab(t) as lab:
        with t.part("SQLite"):
            everywhere(t, lab, 0)
        with t.part("PostgreSQL"):
            everywhere(t, lab, 300, lab.postgres())
    return t.done()


sys.exit(main())
