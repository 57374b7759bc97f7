#!/usr/bin/python3
"""When devices are told to renew: in the hours of maintenance, no hour above its budget, and the same after a crash, at another gateway, and after
a reload that changes nothing of it."""

import datetime
import os
import sys
import zoneinfo

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.x509.oid import ExtensionOID

import acme
from lab import Lab, wait_until
from tap import Tap

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
CERTS = 6


def cert_id(chain):
    leaf = acme.leaf_of(chain)
    keyid = leaf.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier
    serial = leaf.serial_number
    return "%s.%s" % (acme.b64(keyid), acme.b64(serial.to_bytes(serial.bit_length() // 8 + 1, "big")))


def windows(gate, ids):
    """[(start, end)] as devices are told."""
    client = gate.acme()
    url = client.directory["renewalInfo"]
    found = [client.get("%s/%s" % (url, name)).json["suggestedWindow"] for name in ids]
    return [tuple(datetime.datetime.fromisoformat(w[end].replace("Z", "+00:00")) for end in ("start", "end")) for w in found]


def are_in_hours(found, first, last):
    """By the clocks of Berlin."""
    local = [(s.astimezone(ZONE), e.astimezone(ZONE)) for s, e in found]
    return all(first <= s.hour and s < e and s.date() == e.date() and e.hour + e.minute / 60 <= last for s, e in local)


def hours(first, last):
    return [{"name": "nights", "time_zone": "Europe/Berlin", "hours": ["daily %02d:00-%02d:00" % (first, last)],
             "blackouts": ["2020-12-20/2021-01-06"]}]


def reload(t, gate, what, **conf):
    gate.conf.update(conf)
    gate.write_conf()
    t.ok("is in force" in gate.ctl("reload"), what)


def gate_of(lab, **conf):
    conf.setdefault("maintenance", hours(1, 5))
    gate = lab.gate("https://localhost:1/none", **conf)
    gate.conf["upstreams"] = [{"name": "local", "driver": "local"}]
    gate.conf["profiles"] = [{"name": "default", "upstream": "local", "http01_port": gate.device_port, "validity": "60d", "maintenance": "nights",
                              "validation_attempts": ["0s", "1s", "3s", "10s"]}]
    gate.start()
    return gate


def policy(t, lab, gate):
    device = lab.device(gate)
    ids = [cert_id(device.obtain(["w%d.test" % i])[1]) for i in range(CERTS)]
    first = windows(gate, ids)
    t.ok(are_in_hours(first, 1, 5), "all windows are in the hours of maintenance, by the clocks of its time zone")
    shown = gate.ctl("cert", "show", ids[0])
    t.ok('in the hours of maintenance "nights"' in shown and "late in its life" in shown, "an operator is told why")
    t.ok('acmegate_renewal_windows{from="backstop",policy="narrowed"} %d' % CERTS in gate.ctl("metrics"), "and how many there are")

    gate.kill()
    gate.start()
    t.equal(windows(gate, ids), first, "killed and started again: the same windows")
    reload(t, gate, "a reload that changes other things", website="https://corp.test")
    wait_until("all have been looked at again", lambda: "acmegate_renewal_warm 1" in gate.ctl("metrics"), seconds=60)
    t.equal(windows(gate, ids), first, "moves none")

    reload(t, gate, "other hours", maintenance=hours(12, 14))
    wait_until("windows have moved", lambda: are_in_hours(windows(gate, ids), 12, 14), seconds=60)
    t.ok(True, "all windows move into them")
    moved = windows(gate, ids)
    gate.kill()
    gate.start()
    t.equal(windows(gate, ids), moved, "and stay, killed and started again")
    return ids


def budget(t, gate, ids):
    """A day of hours for six certificates of one an hour."""
    upstreams = [dict(gate.conf["upstreams"][0], renewals_per_hour=1)]
    reload(t, gate, "a budget of one an hour", upstreams=upstreams)

    def starts():
        return {s.strftime("%Y-%m-%d %H") for s, _ in windows(gate, ids)}
    wait_until("no two are in one hour", lambda: len(starts()) == CERTS, seconds=60)
    t.ok(are_in_hours(windows(gate, ids), 12, 14), "no two windows are in the same hour, and all in those of maintenance")
    counts = "select max(count), sum(count) from renewal_plan where count>0"  # a walk begins with none
    wait_until("all to be counted", lambda: gate.sql(counts) == [(1, CERTS)], seconds=60)
    t.ok(True, "and that is how they are counted")


def refused(t, gate, ids):
    before = windows(gate, ids)
    gate.conf["maintenance"] = hours(12, 14)
    gate.conf["maintenance"][0]["hours"] = ["at noon"]
    gate.write_conf()
    code, said = gate.try_ctl("reload")
    t.ok(code != 0 and "maintenance[0].hours[0]" in said and ".conf:" in said, "hours that cannot be read are refused, with file and line")
    t.equal(windows(gate, ids), before, "and change nothing")
    gate.conf["maintenance"] = hours(12, 14)


def another(t, lab, gate, ids, store):
    other = gate_of(lab, store=store, node="other", maintenance=gate.conf["maintenance"], master_key="file:" + os.path.join(gate.state, "master.key"))
    t.equal(windows(other, ids), windows(gate, ids), "another gateway on the same store tells the same")
    t.equal((other.stop(), other.sanitizer_report()), (0, ""), "it ends with 0, and no sanitizer has a word to say")


def whole(t, lab, store=None):
    gate = gate_of(lab, **({"store": store} if store else {}))
    ids = policy(t, lab, gate)
    budget(t, gate, ids)
    refused(t, gate, ids)
    if store:
        another(t, lab, gate, ids, store)
    t.equal(gate.left_over(), {}, "no job is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    with t.part("SQLite"):
        whole(t, lab)
    with t.part("PostgreSQL"):
        whole(t, lab, lab.database(lab.postgres(), "windows"))
sys.exit(t.done())
