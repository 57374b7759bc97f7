#!/usr/bin/python3
"""No record is left in the DNS: the gateway is killed (SIGKILL) at each step of an issuance by dns-01 in turn, before, while and after
its update is at the server, and started again. Each time the order becomes valid, and in the end the zone is as it was before and the
journal is empty. Each run has a gateway of its own with an empty store; some run at a time."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, listens, pebbles, wait_until
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap
from zones import DnsDevice, Zones, solver_conf


def issue(lab, pebble, zones, resolver, number, plan):
    """One whole issuance of a wildcard by a patient device; what is to be judged."""
    name = "c%d.corp.test" % number
    proxy = lab.proxy(pebble)
    profile = {"name": "default", "upstream": "ca", "challenges": ["http-01", "dns-01"], "wildcard": True, "validation_attempts": ["0s", "1s", "3s", "10s"]}
    gate = lab.gate(proxy.directory, name="crash%d" % number, profiles=[profile], resolvers=[zones.address], public_resolvers=[resolver],
                    upstream={"request": "5s"}, solvers=[solver_conf(lab, zones)])
    supervisor = Supervisor(gate, plan)
    device = DnsDevice(gate.acme(patient=90), lambda at, value: zones.add("_acme-challenge." + at, "TXT", value))
    order, chain = device.obtain(["*." + name])
    ids = {e.path.rpartition("/")[2] for e in proxy.seen if e.kind == "finalize"}

    def is_clean():
        return gate.sql("select count(*) from proof_record") == [(0,)] and not gate.left_over()

    try:
        wait_until("nothing to be left over", is_clean, 60)
    except Exception:
        pass  # told below
    wait_until("the gateway to listen", lambda: listens(gate.port))
    result = {"order": order["status"], "chain": lab.verify(chain, pebble.roots[:1]), "issued": len([i for i in pebble.issued() if i in ids]),
              "journal": gate.sql("select count(*) from proof_record")[0][0], "values": len(zones.values("_acme-challenge." + name)),
              "left": gate.left_over(), "status": supervisor.end(), "sanitizer": gate.sanitizer_report()}
    # the one value is the device's own proof
    good = {"order": "valid", "chain": "", "issued": 1, "journal": 0, "values": 1, "left": {}, "status": 0, "sanitizer": ""}
    return outcome(supervisor, result, good)


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    zones = Zones(lab, "bind")
    resolver = zones.resolver()
    pebble = lab.pebble(folder=folder, dns=resolver)
    with t.part("the places"):
        calm = issue(lab, pebble, zones, resolver, 0, [])
        judge(t, calm, 0, "an issuance by dns-01 without a crash")
        places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
        t.ok({"dns update signed", "dns update answered"} <= {where for _, where in places}, "it passes %d places where it can be killed, those "
             "around the update among them" % len(places))
        last = len(places) + 3
        results = side_by_side([lambda n=n: issue(lab, pebble, zones, resolver, n, [n]) for n in range(1, last + 1)])
        for n, result in enumerate(results, 1):
            where = (result.get("where") or ["not reached"])[0]
            judge(t, result, 0, "killed at place %d (%s): valid, one certificate, no record left" % (n, where))
        died = [r["where"][0] for r in results if r.get("where")]
        t.ok(len(died) > len(places) / 2, "it was killed in %d runs of %d" % (len(died), len(results)))
        for n, where in enumerate(("dns update signed", "dns update answered")):  # ways differ: that they were met is luck
            result = issue(lab, pebble, zones, resolver, 150 + n, [where])
            judge(t, result, 1, "killed at the first place \"%s\": valid, one certificate, no record left" % where)
    with t.part("again and again"):
        plans = [list(range(8, 24)), [17] * 8, [20, 3, 19, 3, 18, 3]]
        results = side_by_side([lambda p=p, n=n: issue(lab, pebble, zones, resolver, 200 + n, p) for n, p in enumerate(plans)])
        for plan, result in zip(plans, results):
            judge(t, result, 2, "killed %d times in a row: valid, one certificate, no record left" % len(result.get("deaths", [])))
sys.exit(t.done())
