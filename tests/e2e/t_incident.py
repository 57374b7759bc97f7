#!/usr/bin/python3
"""Incidents: certificates that must be replaced soon. Who is affected, what devices are told, in which wave, who is missing, and the end;
refusals; two incidents at once; and thousands of certificates, with the gateway killed while they get their waves. On both databases."""

import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, psql, wait_until
from tap import Tap

PAGE = "https://pki.corp.test/incident"
NOW = "%Y-%m-%dT%H:%M:%SZ"
MANY = 2500


def stamp(seconds):
    return time.strftime(NOW, time.gmtime(seconds))


def start(lab, store=None, **conf):
    gate = lab.gate("", **({"store": store} if store else {}), rates={"requests_burst": 0}, **conf)
    gate.conf["upstreams"] = [{"name": "local", "driver": "local"}]
    gate.conf["profiles"] = [{"name": name, "upstream": "local", "http01_port": gate.device_port} for name in ("default", "other")]
    gate.start()
    return gate


def obtain(device, names, **payload):
    """With a key of its own, as clients do that renew."""
    device.cert_key = acme.new_key()
    return device.obtain(names, **payload)[1]


def incident(gate, *words):
    return json.loads(gate.ctl("--json", "incident", *words))


def told(device, chain):
    return device.acme.get(device.acme.directory["renewalInfo"] + "/" + acme.cert_id(chain))


def is_over(reply):
    return reply.json["suggestedWindow"]["end"] <= stamp(time.time())


def refusals(t, gate):
    for words, code, what in (
            (("open", "--ca", "nobody"), 4, "an unknown CA"), (("open", "--ca", "local", "--profile", "none"), 4, "an unknown profile"),
            (("open",), 2, "no CA"), (("open", "--ca", "local", "--issued-between", "2027-01-01"), 2, "half a span of time"),
            (("open", "--ca", "local", "--issued-between", "2027-02-01..2027-01-01"), 1, "a span that ends before it begins"),
            (("open", "--ca", "local", "--serials", "xyz,12"), 2, "a serial number that is none"),
            (("open", "--ca", "local", "--serials", "/does/not/exist"), 1, "a file that is not there"),
            (("open", "--ca", "local", "--explanation", "ftp://x"), 1, "an explanation that is no page"),
            (("open", "--ca", "local", "--finish-within", "5s"), 2, "no time to finish in"),
            (("show", "AAAAAAAAAAAAAAAAAAAAAA"), 4, "an unknown incident"), (("close", "AAAAAAAAAAAAAAAAAAAAAA", "--yes"), 4, "closing an unknown one"),
            (("close", "AAAAAAAAAAAAAAAAAAAAAA"), 2, "closing one without being asked")):
        status, said = gate.try_ctl("incident", *words)
        t.equal(status, code, "%s is refused (%s)" % (what, said.strip()[:90]))
    t.equal(gate.sql("select count(*) from incident")[0][0], 0, "nothing came of any of them")


def dry_run(t, gate, device, chain):
    before = told(device, chain).json
    shown = incident(gate, "open", "--ca", "local", "--dry-run")
    t.ok((shown["state"], shown["kind"], shown["affected"]) == ("foreseen", "dry-run", 4) and "forecast" in shown and shown["in_time"],
         "a dry run tells who is affected, and when it would be over")
    t.equal(told(device, chain).json, before, "and no device hears of it")
    status, said = gate.try_ctl("incident", "open", "--ca", "local", "--dry-run", "--finish-within", "2h")
    t.ok(status == 0 and "will not be over in time" in said, "a time that devices cannot keep is told at once")


def one(t, gate, lab):
    device, other = lab.device(gate), lab.device(gate)
    chains = {name: obtain(device, [name + ".test"]) for name in ("named", "plain", "gone")}
    elsewhere = obtain(other, ["elsewhere.test"], profile="other")
    dry_run(t, gate, device, chains["named"])
    ordinary = told(device, chains["named"])
    shown = incident(gate, "open", "--ca", "local", "--profile", "default", "--issued-between", stamp(time.time() - 86400) + ".." + stamp(time.time()),
                     "--explanation", PAGE, "--finish-within", "12h")
    t.equal((shown["state"], shown["kind"], shown["affected"], shown["missing"], shown["in_time"]), ("running", "operator", 3, 3, True),
            "an incident finds who is affected")
    ref = shown["id"]
    info = wait_until("the device to be told", lambda: (lambda r: is_over(r) and r)(told(device, chains["named"])), 60)
    t.ok(info.json["explanationURL"] == PAGE and info.headers["ETag"] != ordinary.headers["ETag"] and
         60 <= int(info.headers["Retry-After"]) <= 3960, "whoever asks has a window that is over, the page that says why, and asks again soon")
    t.ok(not is_over(told(other, elsewhere)), "another profile's certificate is let be")
    later = incident(gate, "open", "--ca", "local", "--profile", "default", "--issued-between", "2001-01-01..2001-12-31")
    wait_until("an incident that nobody is in to be over", lambda: incident(gate, "show", later["id"])["state"] == "closed", 60)
    t.ok(True, "an incident that nobody is in closes at once")

    text = gate.ctl("incident", "show", ref, "--missing", "--plain")
    account = device.acme.kid.rsplit("/", 1)[1]
    t.ok(all(name + ".test" in text for name in chains) and account in text and "elsewhere" not in text, "who is missing is listed, with their accounts")
    page = incident(gate, "show", ref, "--missing", "--limit", "2")
    rest = incident(gate, "show", ref, "--missing", "--limit", "2", "--before", page["next"])
    t.equal((len(page["items"]), len(rest["items"]), page["total"], rest["next"]), (2, 1, 3, None), "a page at a time")

    obtain(device, ["named.test"], replaces=acme.cert_id(chains["named"]))
    obtain(device, ["plain.test"])
    t.equal({k: incident(gate, "show", ref)[k] for k in ("renewed", "missing", "state")}, {"renewed": 2, "missing": 1, "state": "running"},
            "one that is named in replaces is renewed, and one whose client names nothing")
    same = acme.leaf_of(chains["gone"]).serial_number
    gate.ctl("cert", "revoke", "%x" % same if len("%x" % same) % 2 == 0 else "0%x" % same, "--yes")
    done = wait_until("the incident to close", lambda: (lambda i: i["state"] == "closed" and i)(incident(gate, "show", ref)), 60)
    t.equal((done["renewed"], done["revoked"], done["missing"], done["closed_by"]), (2, 1, 0, "none is missing"), "it closes by itself")
    t.equal(gate.try_ctl("incident", "close", ref, "--yes")[0], 6, "one that is over cannot be closed")
    return device, other, elsewhere


def by_serial(t, gate, device):
    chain = obtain(device, ["listed.test"])
    serial = gate.sql("select serial from cert where idents like '%listed.test%'")[0][0]
    path = gate.conf_path + ".serials"
    with open(path, "w") as out:
        out.write("# of the CA's list\n%s\n" % serial + "".join("00%04x\n" % n for n in range(600)))
    shown = incident(gate, "open", "--ca", "local", "--serials", path)
    t.equal((shown["by_list"], shown["affected"]), (True, 1), "serial numbers come in parts, and those that are not ours are nobody's")
    status, said = gate.try_ctl("incident", "close", shown["id"], "--yes")
    t.equal(status, 0, "an operator closes it (%s)" % said.splitlines()[0])
    wait_until("it to be closed", lambda: incident(gate, "show", shown["id"])["state"] == "closed", 60)
    t.equal(gate.try_ctl("incident", "close", shown["id"], "--yes")[0], 6, "and nobody twice")
    return chain


def of_ca(t, gate, device):
    """A CA that has put a window into the past, as the look-ups would have found it."""
    chains = [obtain(device, ["back%d.test" % n]) for n in range(2)]

    def call_back(n, page):
        now = int(time.time())
        write(gate, "update renewal set ca_start=%d, ca_end=%d, explanation='%s', changed_at=%d where certid='%s'"
              % (now - 3600, now - 1800, page, now, acme.cert_id(chains[n])))

    def found():
        return [i for i in incident(gate, "list")["items"] if i["kind"] == "ca"]

    call_back(0, PAGE + "/ca")
    shown = wait_until("an incident to open by itself", found, 60)[0]
    wait_until("the device to be told", lambda: incident(gate, "show", shown["id"])["told"] == 1, 60)
    info = wait_until("whoever asks to hear of it", lambda: (lambda r: r.json.get("explanationURL") and r)(told(device, chains[0])), 60)
    t.ok(is_over(info) and info.json["explanationURL"] == PAGE + "/ca", "a CA's own incident opens by itself, with the CA's page")
    call_back(1, PAGE + "/ca")
    wait_until("the other one to be in it", lambda: found()[0]["affected"] == 2, 60)
    t.equal(len(found()), 1, "what the CA calls back later is in the same one")
    obtain(device, ["back0.test"], replaces=acme.cert_id(chains[0]))
    obtain(device, ["back1.test"], replaces=acme.cert_id(chains[1]))
    wait_until("it to close", lambda: found()[0]["state"] == "closed", 60)
    chains.append(obtain(device, ["back2.test"]))
    call_back(2, "")
    shown = wait_until("it to be opened again", lambda: [i for i in found() if i["state"] == "running"], 60)
    t.equal((len(found()), shown[0]["affected"], shown[0]["renewed"]), (1, 3, 2), "and opens again for one more")
    obtain(device, ["back2.test"])
    wait_until("it to close again", lambda: found()[0]["state"] == "closed", 60)

    chains.append(obtain(device, ["back3.test"]))
    call_back(3, "")
    wait_until("one to be told that does not renew", lambda: (found()[0]["state"], found()[0]["told"]) == ("running", 4), 60)
    write(gate, "update incident set planned_at=planned_at-7200, finish_by=opened_at where kind=1")
    planned = gate.sql("select planned_at from incident where kind=1")[0][0]
    wait_until("it to be late", lambda: found()[0]["late"], 60)
    t.equal(found()[0]["first_wave"], stamp(planned), "while it waits for one, its plan stays")
    gate.ctl("incident", "close", found()[0]["id"], "--yes")
    wait_until("it to be closed", lambda: found()[0]["state"] == "closed", 60)
    t.equal(gate.stop(), 0, "the gateway is away for two days")
    write(gate, "update incident set closed_at=closed_at-2*86400 where kind=1")
    gate.start()
    chains.append(obtain(device, ["back4.test"]))
    call_back(4, "")
    wait_until("another one to open", lambda: len(found()) == 2 and found()[0]["told"], 60)
    t.equal([(i["state"], i["affected"]) for i in found()], [("running", 1), ("closed", 4)], "who was let be is let be, whatever is called back later")
    obtain(device, ["back3.test"], replaces=acme.cert_id(chains[3]))
    obtain(device, ["back4.test"])
    wait_until("that one to close", lambda: found()[0]["state"] == "closed", 60)


def two(t, gate, other, chain):
    """Overlapping: the wave that is first counts; what one lets be the other keeps."""
    pages = [PAGE + "/1", PAGE + "/2"]
    refs = [incident(gate, "open", "--ca", "local", "--profile", "other", "--explanation", page)["id"] for page in pages]

    def page():
        return told(other, chain).json.get("explanationURL")

    wait_until("the first to be told", lambda: page() == pages[0], 60)
    gate.ctl("incident", "close", refs[0], "--yes")
    wait_until("the other to be told", lambda: page() == pages[1], 60)
    t.ok(is_over(told(other, chain)), "of two incidents the one that goes on is told when the other is closed")
    gate.ctl("incident", "close", refs[1], "--yes")
    wait_until("both to be over", lambda: page() is None, 60)
    t.ok(not is_over(told(other, chain)), "and the ordinary window is back when both are")
    t.equal([incident(gate, "show", ref)["missing"] for ref in refs], [0, 0], "none is missing in what is closed")
    listed = incident(gate, "list", "--limit", "1")
    t.ok(listed["items"][0]["id"] == refs[1] and listed["next"], "incidents are listed, newest first")
    t.ok('acmegate_incidents_open{kind="operator"} 0' in gate.ctl("metrics"), "none is open, say the metrics")


def write(gate, text):
    """Rows as a long past of the gateway would have left them."""
    if gate.conf.get("store"):
        psql(gate.conf["store"], text)
        return
    db = sqlite3.connect(os.path.join(gate.state, "acmegate.db"), timeout=60)
    db.executescript(text)
    db.close()


def many(t, gate):
    """Killed while thousands get their waves, again and again: each has one wave in the end, and no wave is too large."""
    gate.stop()
    now = int(time.time())
    write(gate, """
insert into cert (ref, order_id, account_id, principal, profile, upstream, serial, certid, sha256, key_hash, idents, idents_key, not_before, not_after,
 issuer, chain, created_at)
 with recursive n(i) as (select 1 union all select i+1 from n where i < %d)
 select 'ref-' || i, 0, 0, 0, 'default', 'local', 'ff' || i, '', 'sha-' || i, '', 'dns:many' || i || '.test', 'many-' || i, %d, %d + i, 'x', '', %d from n;
insert into renewal (cert_id, certid, principal, not_before, not_after, changed_at) select id, certid, principal, not_before, not_after, created_at
 from cert where ref like 'ref-%%';
insert into incident (ref, kind, state, ca, profile, issued_from, issued_until, by_list, explanation, opened_at, finish_by)
 values ('many', 0, 1, 'local', 'default', 1, %d, 0, '', %d, %d);
insert into job (kind, subject, due, attempts, lease_until, created_at) select 9, id, 0, 0, 0, 0 from incident where ref = 'many';
""" % (MANY, now - 86400, now + 30 * 86400, now - 86400, now - 43200, now, now + 86400))
    gate.conf["incident_rate"] = 6000
    deaths = 0
    for place in (7, 9, 15, 20):
        gate.start(env={"ACMEGATE_CRASH_AT": str(place)})
        wait_until("the gateway to die", lambda: not gate.process.running(), 60)
        deaths += 1
    gate.start()
    wait_until("all to be told", lambda: gate.sql("select count(*) from incident_cert m join incident i on i.id=m.incident_id"
                                                  " where i.ref='many' and m.state=2")[0][0] == MANY, 120)
    shown = incident(gate, "show", "many")
    t.equal((deaths, shown["affected"], shown["missing"], shown["state"]), (4, MANY, MANY, "running"), "after four deaths all are affected, and told")
    waves = gate.sql("select wave_at, count(*), min(m.not_after), max(m.not_after) from incident_cert m join incident i on i.id=m.incident_id"
                     " where i.ref='many' group by wave_at order by wave_at")
    t.ok(all(count <= shown["per_wave"] for _, count, _, _ in waves) and len(waves) == -(-MANY // shown["per_wave"]),
         "no wave is larger than it may be, and none has a hole (%d of %d)" % (len(waves), shown["per_wave"]))
    t.ok(all(a[3] < b[2] for a, b in zip(waves, waves[1:])), "who runs out first is first")
    t.equal(gate.sql("select count(*) from renewal r join incident i on i.id=r.incident_id where i.ref='many' and r.wave_end > r.wave_start")[0][0], MANY,
            "each has its wave in its renewal information")
    gate.ctl("incident", "close", "many", "--yes")
    wait_until("all to be let be", lambda: incident(gate, "show", "many")["state"] == "closed", 60)
    t.equal(gate.sql("select count(*) from renewal where incident_id is not null and replaced_at is null and revoked_at is null")[0][0], 0, "and let be")


def calendar(t, gate, device):
    """What is renewed when, who is late, who runs out."""
    chain = obtain(device, ["late.test"])
    now = int(time.time())
    write(gate, "update renewal set planned_start=%d, planned_end=%d, not_before=%d, not_after=%d where certid='%s';"
          "update cert set not_after=%d where certid='%s'"
          % (now - 200000, now - 190000, now - 900000, now + 86400, acme.cert_id(chain), now + 86400, acme.cert_id(chain)))
    days = json.loads(gate.ctl("--json", "renewals", "--from", stamp(now - 200000)))["items"]
    t.equal([d["late"] for d in days if d["begin"] == stamp(now - 190000)[:10] + "T00:00:00Z"], [1], "a day has those that are late")
    hours = json.loads(gate.ctl("--json", "renewals", "--per", "hour", "--from", stamp(now - 200000), "--to", stamp(now)))["items"]
    t.ok([h for h in hours if h["begin"][:13] == stamp(now - 190000)[:13] and h["late"] == 1], "and so has an hour")
    for by in ("profile", "tenant"):
        rows = json.loads(gate.ctl("--json", "renewals", "--by", by, "--from", stamp(now - 200000)))["items"]
        t.ok(any(r[by] == "default" and r["late"] == 1 for r in rows), "by %s, too" % by)
    listed = json.loads(gate.ctl("--json", "cert", "list", "--expiring", "2d"))
    t.equal(([c["certid"] for c in listed["items"]], listed["total"]), ([acme.cert_id(chain)], 1), "who runs out is listed")
    t.equal(json.loads(gate.ctl("--json", "status"))["renewals"], {"late": 1, "expiring": 1}, "the status shows both")
    t.ok("acmegate_certificates_late 1" in gate.ctl("metrics") and "acmegate_certificates_expiring 1" in gate.ctl("metrics"), "and the metrics")
    for words, code in ((("renewals", "--from", "soon"), 2), (("renewals", "--from", "2027-02-01", "--to", "2027-01-01"), 1),
                        (("renewals", "--per", "hour", "--from", "2020-01-01"), 1), (("renewals", "--by", "nobody"), 2),
                        (("cert", "list", "--expiring", "x"), 1)):
        t.equal(gate.try_ctl(*words)[0], code, "%s is refused" % " ".join(words))
    obtain(device, ["late.test"])
    t.equal(json.loads(gate.ctl("--json", "status"))["renewals"], {"late": 0, "expiring": 0}, "renewed by a client that names nothing, neither is any more")


def whole(t, lab, store=None):
    gate = start(lab, store)
    with t.part("refusals"):
        refusals(t, gate)
    with t.part("one incident"):
        device, other, elsewhere = one(t, gate, lab)
    with t.part("by serial number"):
        by_serial(t, gate, device)
    with t.part("the CA's own"):
        of_ca(t, gate, device)
    with t.part("the calendar"):
        calendar(t, gate, device)
    with t.part("two incidents"):
        two(t, gate, other, elsewhere)
    with t.part("thousands, and deaths"):
        many(t, gate)
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    whole(t, lab)
    t.note("PostgreSQL")
    whole(t, lab, lab.postgres())
sys.exit(t.done())
