#!/usr/bin/python3
"""Quotas: of the day, live certificates, orders under way; by tenant, key and name; soft and hard; of many who race for the last one, one gets
it; what comes to nothing is given back. On both stores."""

import base64
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab
from tap import Tap

QUOTAS = [
    {"name": "day", "tenants": ["web"], "counts": "certificates_per_day", "soft": 1, "hard": 3},
    {"name": "live", "per": "key", "names": ["*.live.test"], "counts": "live_certificates", "hard": 1},
    {"name": "race", "per": "all", "names": ["*.race.test"], "counts": "certificates_per_month", "hard": 5},
    {"name": "open", "per": "all", "names": ["*.open.test"], "counts": "pending_orders", "hard": 2},
    {"name": "strict", "per": "all", "names": ["*.strict.test"], "counts": "certificates_per_day", "hard": 1, "refuse_renewals": True},
]
TENANTS = [{"name": "web", "contact": "web@corp.test"}, {"name": "other"}]


def bound(lab, gate, tenant):
    made = json.loads(gate.ctl("--json", "eab", "create", "--tenant", tenant))
    device = lab.device(gate)
    octets = base64.urlsafe_b64decode(made["key"] + "=")
    device.acme.want("newAccount", device.acme.new_account(externalAccountBinding=acme.eab(
        made["id"], octets, device.acme.directory["newAccount"], device.acme.key)), 201)
    return device


def used(gate, quota):
    return {i["subject"]: i["used"] for i in json.loads(gate.ctl("--json", "tenant", "quotas", "--quota", quota))["items"]}


def give_up(device, reply):
    """Its authorization is deactivated, and with it the order ends."""
    device.acme.want("deactivate", device.acme.post(reply.json["authorizations"][0], {"status": "deactivated"}), 200)


def by_day(t, lab, gate):
    first, second, stranger = bound(lab, gate, "web"), bound(lab, gate, "web"), bound(lab, gate, "other")
    first.obtain(["one.test"])
    t.ok("quota_soft" not in gate.process.text(), "below the soft limit nothing is said")
    lost = second.acme.new_order(["two.test"])
    t.ok("quota_soft" in gate.process.text() and "acmegate_quota_warnings_total 1" in gate.ctl("metrics"), "beyond it the log and the metrics tell")
    second.obtain(["three.test"])
    reply = first.acme.new_order(["four.test"])
    t.equal((reply.status, reply.type(), 0 < reply.retry_after() <= 86400), (429, "rateLimited", True), "three of a tenant are three, whoever asks")
    t.equal(reply.json["detail"], 'quota "day" is spent: all 3 certificates_per_day of "web" are in use; ask web@corp.test',
            "who is refused hears which quota, and whom to ask")
    t.ok("acmegate_quota_refusals_total 1" in gate.ctl("metrics"), "it is counted")
    t.equal(stranger.acme.new_order(["four.test"]).status, 201, "another tenant does not care")
    t.equal(second.acme.new_order(["two.test"]).json.get("finalize"), lost.json["finalize"], "the same order again is no new one")
    give_up(second, lost)
    t.equal(used(gate, "day"), {"web": 2}, "an order that came to nothing is given back")
    t.equal(first.acme.new_order(["four.test"]).status, 201, "and another may have it")
    shown = json.loads(gate.ctl("--json", "tenant", "show", "web"))["quotas"]
    t.equal([(q["quota"], q["used"], q["soft"], q["hard"], q["left"]) for q in shown], [("day", 3, 1, 3, 0)], "the tenant shows what is left")
    t.ok("left 0" in gate.ctl("tenant", "show", "web") and "certificates_per_day" in gate.ctl("tenant", "quotas"), "for people, too")
    # what renews is not held up, but it counts
    certid = gate.sql("select certid from cert where idents like '%one.test%'")[0][0]
    reply = first.acme.new_order(["one.test"], replaces=certid)
    t.equal((reply.status, used(gate, "day")), (201, {"web": 4}), "what renews is counted, and not refused")
    t.equal(first.acme.new_order(["three.test", "one.test"]).status, 429, "names that nobody had together are no renewal")


def live(t, lab, gate):
    first, second = bound(lab, gate, "other"), bound(lab, gate, "other")
    _, chain = first.obtain(["a.live.test"])
    reply = first.acme.new_order(["b.live.test"])
    t.equal((reply.status, reply.type()), (403, "unauthorized"), "a cap that no time heals is 403")
    second.obtain(["a.live.test"])
    t.equal(sorted(used(gate, "live").values()), [1, 1], "each key has its own")
    certid = gate.sql("select certid from cert where idents like '%a.live.test%' order by id limit 1")[0][0]
    first.obtain(["a.live.test"], replaces=certid)
    t.equal(sorted(used(gate, "live").values()), [1, 1], "what is replaced does not count")
    ref = gate.sql("select ref from cert where idents like '%a.live.test%' order by id desc limit 1")[0][0]
    gate.ctl("cert", "revoke", ref, "--yes")
    t.equal(sorted(used(gate, "live").values()), [0, 1], "nor what is revoked")
    t.equal(first.acme.new_order(["b.live.test"]).status, 201, "another may live then")


def race(t, lab, gate):
    devices = [bound(lab, gate, "other") for _ in range(8)]
    replies = []

    def ask(device, n):
        replies.append(device.acme.new_order(["n%d.race.test" % n]))

    threads = [threading.Thread(target=ask, args=(d, n)) for n, d in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal((sorted(r.status for r in replies), used(gate, "race")), ([201] * 5 + [429] * 3, {"all": 5}), "eight race for five: five get one")
    t.equal(gate.sql("select count(*) from usage_hold h join usage_count c on c.id=h.count_id where c.quota='race'")[0][0], 5, "and nobody else holds one")


def pending(t, lab, gate):
    device = bound(lab, gate, "other")
    one, two = device.acme.new_order(["a.open.test"]), device.acme.new_order(["b.open.test"])
    reply = device.acme.new_order(["c.open.test"])
    t.equal((one.status, two.status, reply.status, reply.retry_after()), (201, 201, 429, 60), "two orders under way are two")
    device.obtain(["a.open.test"])
    t.equal(used(gate, "open"), {"all": 1}, "one that has its certificate is not under way")
    give_up(device, two)
    t.equal(used(gate, "open"), {"all": 0}, "nor is one that is over")
    device.obtain(["strict.strict.test"])
    certid = gate.sql("select certid from cert where idents like '%strict.strict.test%'")[0][0]
    t.equal(device.acme.new_order(["strict.strict.test"], replaces=certid).status, 429, "a quota may refuse renewals, too")


def left_over(gate):
    """Counters that do not agree with what is held, but for what is spent by the day and month."""
    return gate.sql("select quota, subject, used from usage_count where counts>=2 and used<>"
                    "(select count(*) from usage_hold h where h.count_id=usage_count.id)")


t = Tap()
with Lab(t) as lab:
    server = lab.postgres()
    for what, store in (("SQLite", ""), ("PostgreSQL", lab.database(server, "quotas"))):
        gate = lab.gate("https://localhost:1/nowhere", store=store, tenants=TENANTS, quotas=QUOTAS)
        gate.conf["upstreams"] = [{"name": "local", "driver": "local"}]
        gate.conf["profiles"][0]["upstream"] = "local"
        gate.start()
        for name, part in (("day", by_day), ("live", live), ("race", race), ("pending", pending)):
            with t.part("%s, %s" % (name, what)):
                part(t, lab, gate)
        t.equal(list(left_over(gate)), [], "counters agree with what is held")
        gate.conf["quotas"] = [dict(QUOTAS[0], soft=4), {"name": "none", "counts": "pending_orders"}]
        gate.write_conf()
        out = gate.run_ctl(["reload"])
        t.ok(out.returncode != 0 and "soft is more than hard" in out.stderr and "soft or hard must be given" in out.stderr, "a quota that makes no sense is refused")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
