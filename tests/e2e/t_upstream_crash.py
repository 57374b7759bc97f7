#!/usr/bin/python3
"""No account is lost: two gateways that start together have one; a change of its key is killed at every place on the way, and ends with
an account that works."""

import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, LabError, pebbles, wait_until
from ours import registered, shown, steps
from proxy import DROP
from supervisor import Supervisor, judge, outcome, side_by_side
from tap import Tap

MOST = 40  # places of a rollover; those of the order after it are another test's


def look(gate, before):
    """'' (it was not asked for), 'begun' or 'rolled'; None: it does not answer."""
    try:
        account = shown(gate)["account"]
    except LabError:
        return None
    return "rolled" if account["thumbprint"] != before["thumbprint"] else "begun" if account["state"] == "changing-key" else ""


def rollover_killed(lab, pebble, number, plan, server=None, rule=None):
    """A rotate-key with the gateway killed as planned, and then an order; what is to be judged."""
    name, address = "roll%d" % number, "127.14.%d.%d" % (os.getpid() % 250 + 1, number + 1)
    lab.resolve(name + ".test", address)
    proxy = lab.proxy(pebble)
    store = {"store": lab.database(server, name)} if server else {}
    gate = lab.gate(proxy.directory, name=name, http_port=pebble.http_port, address=address, upstream={"request": "5s"}, **store)
    gate.start()
    before = registered(gate)
    gate.stop()
    proxy.rule = rule(gate) if rule else None
    supervisor = Supervisor(gate, plan)
    state = ""
    while state != "rolled":
        # an operator who heard nothing asks again; a gateway that was asked says so
        state = wait_until("an answer", lambda: look(gate, before), 60) if state else look(gate, before)
        if state == "":
            gate.try_ctl("--timeout", "20", "upstream", "rotate-key", "ca")
        time.sleep(0.2)
    proxy.rule = None
    lab.device(gate, patient=120).obtain([name + ".test"])
    account = registered(gate)
    result = {"url": account["url"], "next": gate.sql("select count(*) from upstream where next_at <> 0")[0][0], "left": gate.left_over(),
              "accounts": proxy.count("newAccount", 201), "changes": proxy.count("keyChange", 200) >= 1, "status": supervisor.end(),
              "sanitizer": gate.sanitizer_report()}
    good = {"url": before["url"], "next": 0, "left": {}, "accounts": 1, "changes": True, "status": 0, "sanitizer": ""}
    return outcome(supervisor, result, good)


def kill_at(stage):
    """The gateway dies when the CA has the keyChange, or its reply, in hand; the reply never arrives."""
    def rule_for(gate):
        done = threading.Event()

        def rule(exchange, at):
            if exchange.kind != "keyChange" or at != stage or done.is_set():
                return None
            done.set()
            gate.kill()
            return DROP

        return rule
    return rule_for


def killed(t, lab, folder):
    """At every place on the way of a rollover that a calm run passes, and around the CA's answer."""
    pebble = lab.pebble(folder=folder)
    for server, what in ((None, "SQLite"), (lab.postgres(), "PostgreSQL")):
        base, every = (100, 4) if server else (0, 1)
        calm = rollover_killed(lab, pebble, base, [], server)
        judge(t, calm, 0, "%s: a rollover without a crash" % what)
        places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
        t.ok(len(places) > 10, "the gateway passes %d places where it can be killed" % len(places))
        chosen = list(range(1, min(len(places), MOST) + 1, every))
        results = side_by_side([lambda n=n: rollover_killed(lab, pebble, base + n, [n], server) for n in chosen])
        for n, result in zip(chosen, results):
            judge(t, result, 0, "%s: killed at place %d (%s): the account has one key, which works" % (what, n, (result.get("where") or ["not reached"])[0]))
        died = [r["where"][0] for r in results if r.get("where")]
        t.ok(len(died) > len(chosen) / 2 and {"committed"} <= set(died), "it was killed in %d runs of %d" % (len(died), len(results)))
        results = side_by_side([lambda n=n, stage=stage: rollover_killed(lab, pebble, base + 80 + n, [], server, kill_at(stage))
                                for n, stage in enumerate(("before", "after"))])
        for stage, result in zip(("before", "after"), results):
            judge(t, result, 1, "%s: killed %s the CA acted on keyChange: it is found out which key it takes" % (what, stage))
    results = side_by_side([lambda n=n, plan=plan: rollover_killed(lab, pebble, 95 + n, plan) for n, plan in enumerate(([6] * 6, [9, 4, 9, 4]))])
    for result in results:
        judge(t, result, 2, "killed %d times in a row: the same" % len(result.get("deaths", [])))


def two_gateways(t, lab, folder):
    pebble, server = lab.pebble(folder=folder), lab.postgres()
    for round in range(3):
        proxy = lab.proxy(pebble)
        url = lab.database(server, "pair%d" % round)
        gates = [lab.gate(proxy.directory, store=url, node="node%d" % n) for n in range(2)]
        # one master key, made by a start of its own
        gates[0].conf["upstreams"], gates[0].conf["profiles"] = [{"name": "local", "driver": "local"}], [{"name": "default", "upstream": "local"}]
        gates[0].start()
        gates[0].stop()
        for gate in gates:
            gate.conf["master_key"] = "file:" + os.path.join(gates[0].state, "master.key")
            gate.conf["upstreams"] = [{"name": "ca", "driver": "acme", "directory": proxy.directory, "ca_file": lab.path("web_root.pem"),
                                       "accept_terms": True}]
            gate.conf["profiles"] = [{"name": "default", "upstream": "ca"}]
            gate.start(wait=False)
        for gate in gates:
            wait_until("the gateway", lambda: os.path.exists(gate.socket), 60)
        urls = [registered(gate)["url"] for gate in gates]
        t.equal((urls[0] == urls[1], proxy.count("newAccount", 201)), (True, 1), "two gateways start together: one account")
        first = registered(gates[0])
        gates[1].ctl("upstream", "rotate-key", "ca")
        t.equal(registered(gates[0])["thumbprint"] == registered(gates[1])["thumbprint"] != first["thumbprint"], True, "a key changed at one is the other's, too")
        status, text = gates[0].try_ctl("upstream", "test", "ca")
        t.equal(steps(text)["account"][0], "OK", "which works there with the new key")
        t.equal([gate.stop() for gate in gates] + [gate.sanitizer_report() for gate in gates], [0, 0, "", ""],
                "both end with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    with t.part("two gateways"):
        two_gateways(t, lab, folder)
    with t.part("killed"):
        killed(t, lab, folder)
sys.exit(t.done())
