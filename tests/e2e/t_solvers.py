#!/usr/bin/python3
"""The gateway proves names to its CA by dns-01: updates of real zones (RFC 2136, TSIG) at BIND and Knot, each as primary and as
secondary, with wildcards, aliases, many orders in few messages, each refusal in words, and nothing left in the zones afterwards."""

import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, pebbles, wait_until
from tap import Tap
from zones import AcmeDns, DnsDevice, Zones, names_of, solver_conf

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


def explicit(t, lab, pebble, resolver, zones):
    """Zone and server of the configuration, resolvers that are asked instead of the zone's servers, a delay besides."""
    conf = solver_conf(lab, zones, zone="corp.test", server=zones.address, check_via=[resolver], extra_delay="200ms", domains=["corp.test"])
    gate = gate_of(lab, pebble, resolver, zones, [conf])
    device = device_of(gate, zones)
    t.equal(names_of(device.obtain(["*.via.corp.test"])[1]), ["*.via.corp.test"], "a zone and a server that are told, and check_via")
    t.ok("record _acme-challenge.via.corp.test is seen by 1 servers of check_via" in trace(gate, device), "as the story says")
    status = gate.ctl("status")
    t.ok("Solvers" in status and "rfc2136" in status, "acmegatectl status has the solver")
    until_clean(gate, zones)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


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
    zones = Zones(lab, "bind", "hmac-sha512", notify=False)
    resolver = zones.resolver()
    gate = gate_of(lab, pebble, resolver, zones, [solver_conf(lab, zones, propagation_timeout="4s")])
    device = ask(gate, zones, "late.corp.test")
    t.ok(story_has(gate, device, "behind that of ns1.corp.test"), "a secondary that is behind: its serial and the newest are told")
    t.ok("(NOTIFY)" in trace(gate, device), "and what the matter may be")
    gate.kill()


def outage(t, gate, zones):
    """The server is down when a record is to be removed: it goes when that is back."""
    device = device_of(gate, zones)
    device.start(["out.corp.test"])
    device.prove()
    device.finalize()
    device.collect()
    zones.primary.kill()
    wait_until("the log to tell", lambda: "event=dns_record_not_removed" in gate.process.text(), 60)
    t.equal(gate.sql("select wanted from proof_record"), [(0,)], "a record that cannot be removed stays in the journal, and the log tells")
    zones.primary = zones.start(zones.kind, True)
    until_clean(gate, zones, 60)
    t.equal(len(zones.values(AT + "out.corp.test")), 1, "and is removed when the server is back")


PROGRAM = """#!/bin/sh
echo "$@" >>%(log)s
%(more)s
case $1 in
add | present) change="add ${2%%.}. 60 TXT \\"$3\\"" ;;
del | cleanup) change="delete ${2%%.}. TXT \\"$3\\"" ;;
*) exit 64 ;;
esac
printf 'server %%s %%s\\nupdate %%s\\nsend\\n' %(host)s %(port)d "$change" | nsupdate -y %(algorithm)s:lab-key:%(secret)s
"""


def programs(t, lab, pebble, resolver, zones):
    """Kind exec: a program lays records out and removes them, by two conventions, and each way in which it does not."""
    def program(name, more=""):
        path = lab.path(name)
        with open(path, "w") as out:
            out.write(PROGRAM % {"log": path + ".log", "more": more, "host": zones.host, "port": zones.port, "algorithm": zones.algorithm,
                                 "secret": zones.secret})
        os.chmod(path, 0o755)
        return {"name": name, "kind": "exec", "program": path, "ns_port": zones.port, "propagation_timeout": "20s"}

    def calls(name):
        with open(lab.path(name + ".log")) as log:
            return [line.split() for line in log.read().splitlines()]

    for convention, verbs, at in (("native", ("add", "del"), "_acme-challenge.native.corp.test"),
                                  ("lego", ("present", "cleanup"), "_acme-challenge.lego.corp.test.")):
        gate = gate_of(lab, pebble, resolver, zones, [dict(program(convention), convention=convention)])
        names = ["*.%s.corp.test" % convention]
        t.equal(names_of(device_of(gate, zones).obtain(names)[1]), names, "%s: a program proves a wildcard" % convention)
        until_clean(gate, zones)
        seen = calls(convention)
        t.equal([(c[0], c[1], len(c)) for c in seen], [(v, at, 4 if convention == "native" else 3) for v in verbs], "it is run to lay out and to "
                "remove, with its arguments")
        t.equal((seen[0][2:], gate.stop(), gate.sanitizer_report()), (seen[1][2:], 0, ""), "which are the same; the gateway ends with 0")
    flag = lab.path("flag")
    gate = gate_of(lab, pebble, resolver, zones, [program("later", "[ -e %s ] || { touch %s; exit 75; }" % (flag, flag))])
    t.equal(names_of(device_of(gate, zones).obtain(["later.corp.test"])[1]), ["later.corp.test"], "exit status 75: it is run again")
    gate.stop()
    missing = dict(program("missing"), program="/nonexistent/program")
    for conf, words in ((program("no", "echo no such zone here >&2; exit 3"), "exit status 3: no such zone here"), (missing, "not-started 2"),
                        (dict(program("slow", "sleep 60"), program_timeout="1s"), "timeout")):
        gate = gate_of(lab, pebble, resolver, zones, [conf])
        device = ask(gate, zones, conf["name"] + ".corp.test")
        t.ok(story_has(gate, device, words), "the story says \"%s\"" % words)
        t.equal(device.acme.post(device.order_url).json["status"], "processing", "and the order waits")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


def acme_dns(t, lab, pebble, resolver, zones):
    """Kind acme-dns: names with an alias to an address there; two values of each at a time."""
    server = AcmeDns(zones)
    lab.servers.append(server)
    for name in ("d1", "d2", "d3"):
        server.register(name, name + ".keys.test")
        zones.add(AT + name + ".corp.test", "CNAME", name + ".keys.test.")
    zones.add(AT + "d4.corp.test", "CNAME", "d4.keys.test.")
    accounts = {name + ".corp.test": dict(account) for name, account in server.accounts.items()}
    accounts["d3.corp.test"]["password"] = "wrong"
    path = lab.path("acme-dns.json")
    with open(path, "w") as out:
        json.dump(accounts, out)
    os.chmod(path, 0o600)
    conf = {"name": "adns", "kind": "acme-dns", "url": server.url, "accounts": "file:" + path, "ns_port": zones.port, "domains": ["keys.test"],
            "propagation_timeout": "20s"}
    gate = gate_of(lab, pebble, resolver, zones, [conf])

    def device(name):
        return DnsDevice(gate.acme(), lambda _, value: zones.add(name + ".keys.test", "TXT", value))

    told = {name: gate.try_ctl("upstream", "test", "ca", "--name", name + ".corp.test")[1] for name in ("d1", "d4")}
    t.ok("is well, and d1.keys.test has an account there" in told["d1"], "upstream test asks acme-dns how it is, and looks for the account")
    t.ok("no account at acme-dns has the fulldomain" in told["d4"], "and says so if there is none")
    server.is_ill = True
    t.ok("status 503" in gate.try_ctl("upstream", "test", "ca", "--name", "d1.corp.test")[1], "or if it is not well")
    server.is_ill = False
    t.equal(server.values, {}, "nothing is laid out for that")
    names = ["*.d1.corp.test", "d1.corp.test"]
    t.equal(names_of(device("d1").obtain(names)[1]), names, "acme-dns: two values at one name prove it and its wildcard")
    several, results = [device("d2") for _ in range(4)], []
    threads = [threading.Thread(target=lambda d=d: results.append(names_of(d.obtain(["*.d2.corp.test"])[1]))) for d in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal(results, [["*.d2.corp.test"]] * 4, "four orders for one name, which has room for two values: one after the other")
    until_clean(gate, zones)
    for name, words in (("d3", "status 401"), ("d4", "no account at acme-dns has the fulldomain")):
        waiting = device(name)
        waiting.start([name + ".corp.test"])
        waiting.prove()
        waiting.finalize()
        t.ok(story_has(gate, waiting, words), "the story says \"%s\"" % words)
        t.equal(waiting.acme.post(waiting.order_url).json["status"], "processing", "and the order waits")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")
    t.ok(not any("p-d%d" % n in gate.process.text() for n in (1, 2)), "its log has no password")


def persist(t, lab, pebble, resolver, zones):
    """Kind dns-persist-01: an operator lays a record out once, in the words that the order's story has for it."""
    gate = gate_of(lab, pebble, resolver, zones, [{"name": "stays", "kind": "dns-persist-01"}])
    device = ask(gate, zones, "*.stay.corp.test")
    t.ok(story_has(gate, device, "wanted: _validation-persist.stay.corp.test TXT "), "without a record the story says which is wanted")
    text = re.search(r'wanted: _validation-persist.stay.corp.test TXT \\*"(.*?)\\*"', trace(gate, device)).group(1)
    t.ok("; accounturi=https://localhost:%d/my-account/" % pebble.port in text and text.endswith("; policy=wildcard"), "as in: " + text)
    zones.add("_validation-persist.stay.corp.test", "TXT", '"%s"' % text)
    time.sleep(1.5)  # for a second the resolver knows that there is none
    names = ["*.stay.corp.test", "stay.corp.test"]
    t.equal(names_of(device_of(gate, zones).obtain(names)[1]), names, "with it the wildcard and the name are proven, and nothing is laid out")
    t.equal(gate.sql("select count(*) from proof_record"), [(0,)], "the journal is empty")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    for primary in ("bind", "knot"):
        with t.part(primary):
            zones = Zones(lab, primary)
            resolver = zones.resolver()
            pebble = lab.pebble(folder=folder, dns=resolver)
            store = {"store": lab.database(lab.postgres(), "solvers")} if primary == "knot" else {}
            gate = gate_of(lab, pebble, resolver, zones, [solver_conf(lab, zones)], name="good-" + primary, **store)
            t.note("%s as primary; %s; %s" % (primary, what, "PostgreSQL" if store else "SQLite"))
            good(t, lab, pebble, zones, gate)
            alias(t, gate, zones)
            explicit(t, lab, pebble, resolver, zones)
            many(t, gate, zones)
            outage(t, gate, zones)
            # Knot matches a rule with all names of a message: what it denies to one it may allow to several
            if primary == "bind":
                beside(t, gate, zones)
            t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
            refused(t, lab, pebble, resolver, zones)
            if primary == "bind":
                programs(t, lab, pebble, resolver, zones)
                acme_dns(t, lab, pebble, resolver, zones)
                if os.environ.get("PEBBLE_NEW"):
                    persist(t, lab, pebble, resolver, zones)
    with t.part("a secondary that is behind"):
        late(t, lab, pebble, resolver)
sys.exit(t.done())
