#!/usr/bin/python3
"""The limits of a CA: devices wait for them, and nobody hears a refusal that could be foreseen. Periods are seconds here where CAs have
hours and days."""

import json
import os
import re
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from invariants import broken
from lab import PORTS, Lab, wait_until
from limited_ca import DOMAIN, FAIL, ORDERS, SET, LimitedCA
from tap import Tap

LIMIT = {ORDERS: "orders_acct", DOMAIN: "certs_domain", SET: "certs_set", FAIL: "fail_ident"}


def limited(lab, limits, **options):
    ca = LimitedCA(lab.path("web.pem"), lab.path("web.key"), PORTS.take(), limits, **options)
    lab.servers.append(ca)
    return ca


def known(limits):
    """What the operator has been told of them."""
    return [{"limit": LIMIT[name], "count": count, "period": "%ds" % period} for name, (count, period) in limits.items()]


def gate_for(lab, ca, limits=None, **options):
    upstream = {"limits": "none"}
    if limits:
        upstream["overrides"] = known(limits)
    gate = lab.gate(ca.directory, upstream=upstream, **options)
    gate.start()
    lab.device(gate)  # the one responder they share
    return gate


def fleet(lab, gates, names, patient=0, meanwhile=None):
    """A device for each name, all at once, at these gateways in turn: chains and faults."""
    chains, faults = {}, []

    def one(number, name):
        try:
            chains[name] = lab.device(gates[number % len(gates)], patient=patient).obtain([name])[1]
        except Exception as fault:
            faults.append("%s: %s: %s" % (name, type(fault).__name__, fault))

    threads = [threading.Thread(target=one, args=item) for item in enumerate(names)]
    for thread in threads:
        thread.start()
    if meanwhile:
        meanwhile()
    for thread in threads:
        thread.join()
    return chains, faults


def limits_of(gate, *words):
    return json.loads(gate.ctl("--json", "limits", *words))["items"]


def waiting_order(gate):
    """The trace of an order that waits."""
    orders = json.loads(gate.ctl("--json", "order", "list", "--state", "processing"))["items"]
    for order in orders:
        trace = json.loads(gate.ctl("--json", "order", "show", order["id"], "--trace"))["trace"]
        found = [e["detail"] for e in trace if e["event"] == "limit"]
        if found:
            return order["id"], found
    return None


def foreseen(t, lab):
    limits = {DOMAIN: (5, 20), SET: (5, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    seen = {}

    def look():
        seen["order"] = wait_until("an order to wait", lambda: waiting_order(gate), 60)
        seen["limits"] = limits_of(gate, "--kind", "certs_domain")
        seen["table"] = gate.ctl("limits", "--kind", "certs_domain")
        seen["metrics"] = gate.ctl("metrics")
        seen["broken"] = broken(gate.sql)

    began = time.monotonic()
    chains, faults = fleet(lab, [gate], ["h%d.corp.test" % n for n in range(12)], meanwhile=look)
    took = time.monotonic() - began
    t.equal((len(chains), faults), (12, []), "twelve devices of a domain, of which five may be certified at once: all get certificates")
    t.equal([lab.verify(c, [ca.root_pem]) for c in chains.values()], [""] * 12, "which the CA signed")
    t.equal(ca.refusals, [], "the CA never had to say no")
    t.equal((len(ca.issued), ca.new_orders), (12, 12), "nor to hear anything twice")
    t.ok(took > 20, "it took as long as it must: %d s" % took)
    t.ok(ca.low[DOMAIN] < 2, "and the limit was used: %.1f tokens were left at the least" % ca.low[DOMAIN])
    t.ok(re.match(r"waits for certs_domain of corp.test at ca until 20..-..-..T..:..:..Z, \d+ before it$", seen["order"][1][0]),
         "the story of an order that waits tells for what, and until when")
    bucket = seen["limits"][0]
    t.equal((bucket["limit"], bucket["name"], bucket["upstreams"], bucket["count"], bucket["source"]),
            ("certs_domain", "corp.test", ["ca"], 5, "override"), "acmegatectl limits shows the bucket")
    t.ok(bucket["waiting"] > 0 and bucket["left"] == 0 and bucket["next"], "that orders wait for it, and how long the next one would")
    t.ok("corp.test" in seen["table"] and "certs_domain" in seen["table"], "as a table, too")
    t.ok(re.search(r'acmegate_ledger_waiting{limit="certs_domain"} [1-9]', seen["metrics"]), "the metrics count who waits")
    t.ok("corp.test" not in seen["metrics"], "without names")
    t.equal((seen["broken"], broken(gate.sql)), ({}, {}), "the store is sound, in the middle and at the end")
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal(gate.sql("select count(*) from quota_hold")[0][0], 0, "nor held")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def retry_after(t, lab):
    limits = {DOMAIN: (1, 100)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    lab.device(gate).obtain(["first.corp.test"])
    device = lab.device(gate)
    device.start(["second.corp.test"])
    device.prove()
    device.finalize()
    wait_until("the order to wait", lambda: waiting_order(gate), 60)
    reply = device.acme.post(device.order_url)
    t.equal((reply.status, reply.json["status"]), (200, "processing"), "an order that waits for a limit is processing")
    # a hundred seconds, up to the next whole one, and one more (T1)
    t.ok(60 < int(reply.headers["Retry-After"]) <= 102, "and Retry-After says how long: %s s" % reply.headers["Retry-After"])
    gate.kill()
    gate.start()
    reply = device.acme.post(device.order_url)
    t.ok(50 < int(reply.headers["Retry-After"]) <= 102, "after SIGKILL, too: %s s" % reply.headers["Retry-After"])
    time.sleep(3)
    t.equal((ca.refusals, ca.new_orders), ([], 1), "a start begins with the buckets as they were: nothing was asked")
    gate.stop()


def foreign(t, lab, dates):
    form = "a date" if dates else "seconds"
    limits = {DOMAIN: (5, 25), SET: (50, 600), ORDERS: (100, 100)}
    ca = limited(lab, limits, dates=dates)
    gate = gate_for(lab, ca, limits)
    ca.spend(DOMAIN, "corp.test", 5)
    chains, faults = fleet(lab, [gate], ["f%d.corp.test" % n for n in range(4)])
    t.equal((len(chains), faults), (4, []), "Retry-After as %s: strangers have used the domain up, all get certificates" % form)
    t.ok(1 <= len(ca.refusals) <= 4, "the first to ask heard it from the CA (%d)" % len(ca.refusals))
    text = gate.process.text()
    t.ok(re.search(r"foreign_consumption.*limit=\"certs_domain of corp.test\"", text), "the log says that somebody else uses it")
    t.ok(re.search(r'acmegate_ledger_foreign_total{ca="ca",limit="certs_domain"} [1-9]', gate.ctl("metrics")), "so do the metrics")
    traces = [json.loads(gate.ctl("--json", "order", "show", o["id"], "--trace"))["trace"]
              for o in json.loads(gate.ctl("--json", "order", "list"))["items"]]
    t.ok(any("somebody else uses it" in e["detail"] for trace in traces for e in trace), "and the story of the order")
    t.equal(broken(gate.sql), {}, "the store is sound after refusals")
    before = len(ca.refusals)
    chains, faults = fleet(lab, [gate], ["g%d.corp.test" % n for n in range(4)])
    t.equal((len(chains), faults, len(ca.refusals) - before), (4, [], 0), "from then on nobody hears it again")
    gate.stop()


def unknown(t, lab):
    ca = limited(lab, {DOMAIN: (3, 9), SET: (50, 600), ORDERS: (100, 100)})
    gate = gate_for(lab, ca)
    ca.spend(DOMAIN, "corp.test", 3)
    chains, faults = fleet(lab, [gate], ["u%d.corp.test" % n for n in range(8)])
    t.equal((len(chains), faults), (8, []), "limits that nobody told of: all get certificates")
    t.ok(ca.refusals, "some heard no (%d)" % len(ca.refusals))
    bucket = limits_of(gate, "--name", "corp.test")[0]
    t.equal((bucket["count"], bucket["source"]), (3, "learned"), "what the CA told was learned")
    before = len(ca.refusals)
    chains, faults = fleet(lab, [gate], ["u%d.other.test" % n for n in range(8)])
    t.equal((len(chains), faults, len(ca.refusals) - before), (8, [], 0), "for all domains: of another one nobody hears no")
    gate.stop()

    silent = limited(lab, {ORDERS: (3, 9)}, words=False)
    gate = gate_for(lab, silent)
    chains, faults = fleet(lab, [gate], ["s%d.corp.test" % n for n in range(6)])
    t.equal((len(chains), faults), (6, []), "a CA that tells nothing but when to come again: all get certificates")
    gate.stop()


def renewals(t, lab):
    limits = {DOMAIN: (1, 100000), SET: (4, 100000), ORDERS: (1, 100000)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, {DOMAIN: (1, 100000), SET: (4, 100000), ORDERS: (1, 100000)})
    for n in range(4):
        lab.device(gate).obtain(["same.corp.test"])
    t.equal((len(ca.issued), ca.refusals), (4, []), "the exact set is renewed as often as its own limit allows, whatever its domain's says")
    device = lab.device(gate)
    device.start(["same.corp.test"])
    device.prove()
    device.finalize()
    found = wait_until("the order to wait", lambda: waiting_order(gate), 60)
    t.ok(found[1][0].startswith("waits for certs_set at ca"), "and then waits for that")
    t.equal(ca.refusals, [], "unasked")
    t.equal([[i["value"] for i in b["identifiers"]] for b in limits_of(gate, "--kind", "certs_set")], [["same.corp.test"]],
            "a set is shown by its names")
    gate.stop()


def failures(t, lab):
    limits = {FAIL: (5, 36000), DOMAIN: (50, 600)}
    ca = limited(lab, limits, fails=["bad.corp.test"])
    gate = gate_for(lab, ca, limits)
    device = lab.device(gate)
    device.start(["bad.corp.test", "good.corp.test"])
    device.prove()
    device.finalize()
    buckets = wait_until("the failure to be counted", lambda: limits_of(gate, "--kind", "fail_ident"), 60)
    t.equal([(b["name"], b["used"]) for b in buckets if b["used"]], [("bad.corp.test", 1)], "a failed proof is counted, for its name alone")
    t.equal([b["used"] for b in limits_of(gate, "--kind", "certs_domain")], [0], "and its certificate is not")
    gate.stop()


def paced(t, lab):
    ca = limited(lab, {})
    gate = lab.gate(ca.directory, upstream={"limits": "none", "overrides": [
        {"limit": "http_acme", "count": 5, "burst": 1, "period": "1s"}, {"limit": "http_new_nonce", "count": 2, "burst": 1, "period": "1s"}]})
    gate.start()
    lab.device(gate)
    began = time.monotonic()
    chains, faults = fleet(lab, [gate], ["q%d.corp.test" % n for n in range(4)])
    took = time.monotonic() - began
    t.equal((len(chains), faults), (4, []), "requests that may not come faster than five a second: all get certificates")
    t.ok(took > 3, "it took %.1f s" % took)
    t.ok(re.search(r'acmegate_upstream_paced_total{ca="ca"} [1-9]', gate.ctl("metrics")), "the metrics count those that waited")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def two_gates(t, lab):
    limits = {DOMAIN: (5, 15), SET: (50, 600), ORDERS: (100, 100)}
    ca, server = limited(lab, limits), lab.postgres()
    first = lab.gate(ca.directory, store=server, node="first", upstream={"limits": "none", "overrides": known(limits)})
    second = lab.gate(ca.directory, store=server, node="second", upstream={"limits": "none", "overrides": known(limits)})
    second.conf["master_key"] = "file:" + os.path.join(first.state, "master.key")
    second.conf["profiles"] = first.conf["profiles"]
    second.device_port = first.device_port
    first.start()
    second.start()
    second.conf["external_url"] = second.url
    lab.device(first)
    second.responder = first.responder
    chains, faults = fleet(lab, [first, second], ["p%d.corp.test" % n for n in range(12)])
    t.equal((len(chains), faults), (12, []), "two gateways on one PostgreSQL: twelve devices get their certificates")
    t.equal((ca.refusals, len(ca.issued)), ([], 12), "by one ledger: the CA never had to say no")
    t.ok(ca.low[DOMAIN] < 2, "and the limit was used")
    t.equal((first.stop(), second.stop(), first.sanitizer_report() + second.sanitizer_report()), (0, 0, ""),
            "both end with 0, and no sanitizer has a word to say")


def unreadable(t, lab):
    limits = {DOMAIN: (5, 100000)}
    ca = limited(lab, limits)
    gate = gate_for(lab, ca, limits)
    lab.device(gate).obtain(["one.corp.test"])
    db = sqlite3.connect(os.path.join(gate.state, "acmegate.db"), timeout=20)
    db.execute("update quota_bucket set tat=-tat")
    db.commit()
    device = lab.device(gate)
    device.start(["two.corp.test"])
    device.prove()
    device.finalize()
    wait_until("the ledger to be unreadable", lambda: not json.loads(gate.ctl("--json", "status"))["ledger"]["readable"], 60)
    time.sleep(2)
    t.equal((ca.new_orders, device.acme.post(device.order_url).json["status"]), (1, "processing"),
            "a ledger that cannot be read: nothing is ordered, and the order waits")
    t.ok("acmegate_ledger_up 0" in gate.ctl("metrics"), "the metrics say so")
    db.execute("update quota_bucket set tat=-tat")
    db.commit()
    db.close()
    t.ok("BEGIN CERTIFICATE" in device.collect(), "mended, it goes on")
    t.ok("acmegate_ledger_up 1" in gate.ctl("metrics"), "and the metrics say that, too")
    gate.stop()


t = Tap()
with Lab(t) as lab:
    for name, part in (("foreseen", foreseen), ("Retry-After", retry_after), ("unknown limits", unknown), ("renewals", renewals),
                       ("failures", failures), ("requests", paced), ("an unreadable ledger", unreadable), ("two gateways", two_gates)):
        with t.part(name):
            part(t, lab)
    for dates in (False, True):
        with t.part("foreign consumption"):
            foreign(t, lab, dates)
sys.exit(t.done())
