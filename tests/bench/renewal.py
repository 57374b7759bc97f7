#!/usr/bin/python3
"""What renewal information costs with many live certificates: memory of each, how long until all are in memory, and the gateway's own CPU for
single GETs, lists by GET and by POST, pages of the feed. Nothing passes or fails by time.

    ACMEGATE_BUILD=build tests/bench/renewal.py [CERTIFICATES]       a million by default; a build without sanitizers

Requests go one after the other over kept TLS connections on loopback: the CPU is that of the gateway alone, its TLS too, so "a core" is
what one core of this machine could do if it did nothing else."""

import http.client
import json
import os
import random
import sqlite3
import ssl
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
from lab import Lab, wait_until
from tap import Tap

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
KEY_ID = "dHdlbnR5IG9jdGV0cyBvZiBrZXk"
LIFE = 90 * 86400


def cert_id(n):
    return "%s.Q%015x" % (KEY_ID, n)


def fill(path, principal):
    """Certificates as they lie in the store, with what renewal information is made from."""
    now, db = int(time.time()), sqlite3.connect(path)
    db.execute("pragma synchronous=off")
    db.execute("with recursive n(i) as (values (1) union all select i+1 from n where i<%d) insert into cert (id, ref, order_id, account_id, principal,"
               " profile, upstream, serial, certid, sha256, key_hash, idents, idents_key, not_before, not_after, issuer, chain, created_at)"
               " select i+1000, printf('b%%021x', i), 0, %d, %d, 'default', 'ca', printf('40%%020x', i), '%s.Q'||printf('%%015x', i),"
               " printf('%%064x', i), 'k', 'dns:d'||i||'.test', printf('%%064x', i), %d, %d+i, 'CN=bench', hex(zeroblob(1500)), %d from n"
               % (COUNT, principal, principal, KEY_ID, now - LIFE // 3, now + 2 * LIFE // 3, now - LIFE // 3))
    db.execute("insert into renewal (cert_id, certid, principal, not_before, not_after, changed_at) select id, certid, principal, not_before,"
               " not_after, created_at from cert where id>1000")
    db.commit()
    db.close()


def cpu_s(pid):
    fields = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return int(open("/proc/%d/statm" % pid).read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def metric(gate, name):
    return [float(line.split()[-1]) for line in gate.ctl("metrics").splitlines() if line.startswith(name)][0]


def told(what, count, ids, cpu, wall):
    print("%-28s %8d requests %9d ids  %6.1f us CPU each  %8.0f requests/s and %9.0f ids/s a core  (%.1f s)" % (
        what, count, ids, 1e6 * cpu / count, count / cpu, ids / cpu, wall), flush=True)


def measure(pid, what, count, ids_each, ask):
    before, began, late = cpu_s(pid), time.monotonic(), []
    for n in range(count):
        at = time.monotonic()
        ask(n)
        late.append(time.monotonic() - at)
    cpu = max(cpu_s(pid) - before, 0.01)
    told(what, count, count * ids_each, cpu, time.monotonic() - began)
    late.sort()
    print("%-28s p50 %.2f ms, p99 %.2f ms, with the client's own work" % ("", 1e3 * late[len(late) // 2], 1e3 * late[len(late) * 99 // 100]))


def main():
    with Lab(Tap()) as lab:
        gate = lab.gate("https://localhost:1/dir", log_level="warning", limits={"body_max": "64K"}, rates={
            name: 0 for name in ("requests_burst", "renewal_address_burst", "renewal_account_burst")})
        gate.conf["profiles"] = [{"name": "default", "upstream": "local", "http01_port": gate.device_port}]
        gate.start(seconds=120)
        acme = gate.acme()
        acme.new_account()
        principal = gate.sql("select id from account")[0][0]
        gate.stop()
        began = time.monotonic()
        fill(os.path.join(gate.state, "acmegate.db"), principal)
        print("%d certificates in the store after %.0f s" % (COUNT, time.monotonic() - began), flush=True)
        gate.start(seconds=120)
        pid, began = gate.process.child.pid, time.monotonic()
        small, cpu = resident(pid), cpu_s(pid)
        wait_until("all to be in memory", lambda: metric(gate, "acmegate_renewal_warm ") == 1, 1200, 0.5)
        print("all in memory after %.0f s and %.1f s of CPU: %.0f octets a certificate by the cache's count, %.0f by the process's size" % (
            time.monotonic() - began, cpu_s(pid) - cpu, metric(gate, "acmegate_renewal_memory_bytes ") / COUNT, (resident(pid) - small) / COUNT), flush=True)
        began, cpu = time.monotonic(), cpu_s(pid)
        wait_until("all to be planned", lambda: gate.sql("select count(*) from renewal where planned_start is null")[0][0] == 0, 3600, 2)
        print("all planned after %.0f s more and %.1f s of CPU" % (time.monotonic() - began, cpu_s(pid) - cpu), flush=True)
        context = ssl.create_default_context(cafile=gate.root)
        link = http.client.HTTPSConnection("localhost", gate.port, context=context)
        rnd = random.Random(1)

        def get(path):
            link.request("GET", path)
            reply = link.getresponse()
            body = reply.read()
            if reply.status != 200:
                raise RuntimeError("%s: %d %s" % (path, reply.status, body))
            return body

        def some(count):
            return [cert_id(rnd.randint(1, COUNT)) for _ in range(count)]

        def post(payload):
            reply = acme.post(gate.url + "/renewal-info-batch", payload)
            if reply.status != 200:
                raise RuntimeError(reply)
            return reply.json

        misses = metric(gate, 'acmegate_renewal_lookups_total{from="store"}')
        measure(pid, "single GET", 20000, 1, lambda n: get("/renewal-info/" + some(1)[0]))
        measure(pid, "list of 64 by GET", 2000, 64, lambda n: get("/renewal-info-batch/" + ",".join(some(64))))
        measure(pid, "list of 1000 by POST", 200, 1000, lambda n: post({"certIDs": some(1000)}))
        tags = ["AAAAAAAA"] * 1000
        measure(pid, "the same with tags", 200, 1000, lambda n: post({"certIDs": some(1000), "tags": tags}))
        print("%-28s %d of them had to look in the store" % ("", metric(gate, 'acmegate_renewal_lookups_total{from="store"}') - misses))
        state = {"cursor": None}

        def page(_):
            answer = post(dict({"scope": "account"}, **({"cursor": state["cursor"]} if state["cursor"] else {})))
            state["cursor"] = answer.get("cursor")

        measure(pid, "page of 500 of the feed", 200, 500, page)
        now = str(int(time.time()) - 3600)
        measure(pid, "feed without news", 2000, 0, lambda n: post({"scope": "account", "state": now}))
        gate.stop()


main()
