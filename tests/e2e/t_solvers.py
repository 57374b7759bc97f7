#!/usr/bin/python3
"""The gateway proves names to its CA by dns-01: updates of real zones (RFC 2136, TSIG) at BIND and Knot, each as primary and as
secondary, with wildcards, aliases, many orders in few messages, each refusal in words, and nothing left in the zones afterwards."""

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, pebbles, wait_until
from tap import Tap
from zones import DnsDevice, Zones, names_of, solver_conf

AT = "_acme-challenge."


def gate_of(lab, pebble, resolver, zones, solvers, name=None, **conf):
    profile = {"name": "default", "upstream": "ca", "challenges": ["dns-01"], "wildcard": True, "validation_attempts": ["0s", "1s", "3s"]}
    gate = lab.gate(pebble.directory, name=name, profiles=[profile], resolvers=[zones.address], public_resolvers=[resolver], solvers=solvers, **conf)
    gate.start()
    return gate


def device_of(gate, zones):
    return DnsDevice(gate.acme(), lambda name, value: zones.add(AT + name, "TXT", value))


def until_clean(gate, zones, seconds=30):
    """No record of ours, and none in the journal; what devices laid out stays."""
    wait_until("the journal to be empty", lambda: gate.sql("select count(*) from proof_record") == [(0,)], seconds)
    wait_until("jobs to end", lambda: not gate.left_over(), seconds)


def trace(gate, device):
    return gate.ctl("order", "show", device.order_url.rpartition("/")[2], "--trace")


def good(t, lab, pebble, zones, gate):
    device = device_of(gate, zones)
    chain = device.obtain(["*.one.corp.test", "one.corp.test"])[1]
    t.equal(names_of(chain), ["*.one.corp.test", "one.corp.test"], "a wildcard and its name, proven to the CA by two records at one name")
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "the chain is the CA's")
    story = trace(gate, device)
    for words in ("dns-01 proof of *.one.corp.test: record _acme-challenge.one.corp.test, zone corp.test, by corp",
                  "record _acme-challenge.one.corp.test is at all 2 name servers of corp.test"):
        t.ok(words in story, "the order's story: " + words)
    until_clean(gate, zones)
    t.equal(len(zones.values(AT + "one.corp.test")), 2, "our records go, the device's own two at the same name stay")


def alias(t, gate, zones):
    zones.add(AT + "two.corp.test", "CNAME", "mid.corp.test.")
    zones.add("mid.corp.test", "CNAME", "two.keys.test.")
    device = DnsDevice(gate.acme(), lambda name, value: zones.add("two.keys.test", "TXT", value))
    t.equal(names_of(device.obtain(["*.two.corp.test"])[1]), ["*.two.corp.test"], "an alias of an alias leads to another zone, which is updated")
    t.ok("record two.keys.test, zone keys.test" in trace(gate, device), "as the story says")
    until_clean(gate, zones)


def many(t, gate, zones, count=25):
    before = gate.ctl("metrics")
    devices = [device_of(gate, zones) for _ in range(count)]
    results = [None] * count

    def run(i):
        try:
            results[i] = names_of(devices[i].obtain(["*.m%d.corp.test" % i])[1])
        except Exception as fault:
            results[i] = str(fault)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal([r for i, r in enumerate(results) if r != ["*.m%d.corp.test" % i]], [], "%d orders at once" % count)
    until_clean(gate, zones, 90)

    def value(text, what):
        return sum(int(float(l.split()[1])) for l in text.splitlines() if l.startswith("acmegate_" + what))

    after = gate.ctl("metrics")
    added, sent = (value(after, w) - value(before, w) for w in ('dns_records_total{solver="corp",change="added"', 'dns_updates_total{solver="corp"'))
    t.ok(added == count and sent < 2 * count, "%d records added and removed by %d messages" % (added, sent))


def story_has(gate, device, words, seconds=40):
    """Wait until the order's story has these words; the order goes on waiting."""
    return wait_until("the story to say " + words, lambda: words in trace(gate, device), seconds, 0.5)


def ask(gate, zones, name):
    """An order for the name is finalized, and waits."""
    device = device_of(gate, zones)
    device.start([name])
    device.prove()
    device.finalize()
    return device


def refused(t, lab, pebble, resolver, zones):
    """What an operator reads of each fault; the device's order is `processing` all the while (T6), and the CA has seen no challenge."""
    wrong = "/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    cases = (("k.corp.test", solver_conf(lab, zones, key="no-key"), "BADKEY: the server does not know the TSIG key"),
             ("s.corp.test", solver_conf(lab, zones, "wrong", wrong), "BADSIG: the server has another secret"),
             ("y.corp.test", solver_conf(lab, zones, zone="other.test", server=zones.address), "NOTAUTH"),
             ("n.corp.test", solver_conf(lab, zones, zone="keys.test", server=zones.address), "NOTZONE"),
             ("a.closed.corp.test", solver_conf(lab, zones), "REFUSED" if zones.kind == "bind" else "BADKEY"),
             ("d.corp.test", solver_conf(lab, zones, server="127.0.0.3:%d" % zones.port), "no TCP connection to the server"),
             ("e.corp.test", solver_conf(lab, zones, server="nowhere.keys.test"), "nowhere.keys.test"))
    for name, conf, words in cases:
        with t.part(words):
            gate = gate_of(lab, pebble, resolver, zones, [conf])
            challenges = pebble.process.text().count("POST /chalZ/")
            device = ask(gate, zones, name)
            t.ok(story_has(gate, device, words), "the story says \"%s\"" % words)
            t.equal(device.acme.post(device.order_url).json["status"], "processing", "and the order waits")
            t.ok("event=proof_needs_operator" in gate.process.text() or "event=proof_waits" in gate.process.text(), "the log says so, too")
            t.equal(pebble.process.text().count("POST /chalZ/"), challenges, "the CA has been told nothing")
            t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


def beside(t, gate, zones):
    """A name whose update is refused takes none of those along that were in the same message."""
    names = ["b%d.corp.test" % i for i in range(6)] + ["b.closed.corp.test"]
    devices = [device_of(gate, zones) for _ in names]
    for device, name in zip(devices, names):
        device.start([name])
        device.prove()
    for device in devices:
        device.acme.finalize(device.order, acme.make_csr(device.cert_key, device.names()))
    for device, name in zip(devices[:-1], names):
        t.equal(names_of(device.collect(60)), [name], "%s has its certificate" % name)
    t.equal(devices[-1].acme.post(devices[-1].order_url).json["status"], "processing", "%s waits for an operator" % names[-1])


def late(t, lab, pebble, resolver):
    """A secondary that hears of nothing; then the operator has it told."""
    zones = Zones(lab, "bind", notify=False)
    resolver = zones.resolver()
    gate = gate_of(lab, pebble, resolver, zones, [solver_conf(lab, zones, propagation_timeout="4s")])
    device = ask(gate, zones, "late.corp.test")
    t.ok(story_has(gate, device, "behind that of ns1.corp.test"), "a secondary that is behind: its serial and the newest are told")
    t.ok("(NOTIFY)" in trace(gate, device), "and what the matter may be")
    gate.kill()


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    for primary in ("bind", "knot"):
        with t.part(primary):
            zones = Zones(lab, primary)
            resolver = zones.resolver()
            pebble = lab.pebble(folder=folder, dns=resolver)
            gate = gate_of(lab, pebble, resolver, zones, [solver_conf(lab, zones)], name="good-" + primary)
            t.note("%s as primary; %s" % (primary, what))
            good(t, lab, pebble, zones, gate)
            alias(t, gate, zones)
            many(t, gate, zones)
            # Knot matches a rule with all names of a message: what it denies to one it may allow to several
            if primary == "bind":
                beside(t, gate, zones)
            t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
            refused(t, lab, pebble, resolver, zones)
    with t.part("a secondary that is behind"):
        late(t, lab, pebble, resolver)
sys.exit(t.done())
