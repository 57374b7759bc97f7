#!/usr/bin/python3
"""Look-ups of renewal information at CAs (RFC 9773): asked in the gateway's own time, never for a device; a CA that answers in every bad
way, is busy, is gone; a restart and a kill in the middle; a gateway behind a gateway; two gateways on one store."""

import calendar
import json
import os
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.x509.oid import ExtensionOID

import acme
from lab import PORTS, Lab, pebbles, wait_until
from proxy import DROP, Proxy
from tap import Tap

WINDOW, SAME, BUSY, BROKEN, UNREACHED, UNKNOWN, REFUSED, UNUSABLE = range(1, 9)
HOUR, DAY = 3600, 86400
KINDS = (("/directory", "directory"), ("/renewal-info-batch", "list"), ("/renewal-info/", "renewalInfo"))


def cert_id(chain):
    leaf = acme.leaf_of(chain)
    keyid = leaf.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier
    return "%s.%s" % (acme.b64(keyid), acme.b64(leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")))


def when(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def rfc3339(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


class Fleet:
    """Certificates by name of what is tried with each, and what is on record of their look-ups."""

    FIELDS = ("certid", "ca_start", "ca_end", "fetched_at", "next_at", "failures", "result", "etag", "changed_at", "explanation", "urged_at")

    def __init__(self, gate, device):
        self.gate, self.device, self.ids, self.chains = gate, device, {}, {}

    def add(self, *names):
        for name in names:
            self.device.cert_key = acme.new_key()
            _, chain = self.device.obtain(["%s.test" % name])
            self.ids[name], self.chains[name] = cert_id(chain), chain

    def row(self, name):
        found = self.gate.sql("select %s from renewal where certid='%s'" % (
            ", ".join("coalesce(%s, %s)" % (f, "''" if f in ("certid", "etag", "explanation") else "0") for f in self.FIELDS), self.ids[name]))
        return dict(zip(self.FIELDS, found[0]))

    def rows(self):
        return {name: self.row(name) for name in self.ids}

    def make_due(self, *names, more=""):
        """As if the time had come, of all of them if none is named; that time."""
        due = int(time.time()) - 5
        self.gate.change("update renewal set next_at=%d%s where next_at is not null and certid in (%s)" % (
            due, more, ", ".join("'%s'" % self.ids[name] for name in names or self.ids)))
        return due

    def wait(self, due, *names, seconds=60):
        """Until each has been looked up."""
        wait_until("look-ups of " + " ".join(names or self.ids), lambda: all(self.row(n)["next_at"] != due for n in names or self.ids), seconds, 0.2)

    def look_again(self, *names):
        self.wait(self.make_due(*names), *names)

    def told(self, name, gate=None):
        asker = gate.acme("https://localhost:%d/directory" % gate.port) if gate else self.device.acme
        reply = asker.get("%s/%s" % (gate.url + "/renewal-info" if gate else asker.directory["renewalInfo"], self.ids[name]))
        if reply.status != 200:
            raise AssertionError("renewal information of %s: %r" % (name, reply))
        window = reply.json["suggestedWindow"]
        return when(window["start"]), when(window["end"]), reply.json.get("explanationURL")


def looked_up(fleet):
    return all(r["fetched_at"] for r in fleet.rows().values())


def good(start, end, *headers, page=None):
    body = {"suggestedWindow": {"start": start if isinstance(start, str) else rfc3339(start), "end": end if isinstance(end, str) else rfc3339(end)}}
    if page:
        body["explanationURL"] = page
    return 200, [("Content-Type", "application/json"), ("Retry-After", "600"), *headers], json.dumps(body).encode()


def answers(fleet, table):
    """A rule: what the CA says of each, by name."""
    by_id = {fleet.ids[name]: answer for name, answer in table.items()}

    def rule(exchange, stage):
        if exchange.kind != "renewalInfo" or stage != "before":
            return None
        answer = by_id.get(exchange.path.rsplit("/", 1)[1])
        return answer(exchange) if callable(answer) else answer
    return rule


def first_looks(t, gate, proxy, fleet):
    fleet.add("one", "two", "three")
    wait_until("the first look-ups", lambda: looked_up(fleet), 60)
    for name, row in fleet.rows().items():
        t.ok(row["result"] == WINDOW and row["ca_start"] < row["ca_end"] and 0 < row["next_at"] - row["fetched_at"] <= 21600,
             "%s: the CA was asked at issue, and is again before six hours are over" % name)
    wait_until("the windows in memory", lambda: all(r["ca_start"] <= fleet.told(n)[0] < fleet.told(n)[1] <= r["ca_end"]
                                                    for n, r in fleet.rows().items()), 60)
    t.ok(True, "devices are told windows within the CA's")
    before = proxy.count("renewalInfo")
    for _ in range(20):
        fleet.told("one")
    t.equal((before, proxy.count("renewalInfo")), (3, 3), "one request for each; what devices ask is none")


def conditional(t, gate, proxy, fleet):
    row = fleet.row("one")
    window = good(row["ca_start"], row["ca_end"], ("ETag", '"v1"'))
    proxy.rule = answers(fleet, {"one": window})
    fleet.look_again("one")
    t.equal((fleet.row("one")["etag"], fleet.row("one")["changed_at"]), ('"v1"', row["changed_at"]), "the same window is no news, its ETag is kept")
    seen = []

    def not_modified(exchange):
        seen.append(exchange.headers_sent.get("If-None-Match"))
        return 304, [("Retry-After", "300")], b""

    proxy.rule = answers(fleet, {"one": not_modified, "two": not_modified})
    fleet.look_again("one")
    after = fleet.row("one")
    t.equal((seen, after["result"], after["ca_end"], after["changed_at"]), (['"v1"'], SAME, row["ca_end"], row["changed_at"]), "asked with it; 304 is as it was")
    t.ok(300 <= after["next_at"] - after["fetched_at"] <= 315, "with a Retry-After of its own")
    fleet.look_again("two")
    t.equal((seen[-1], fleet.row("two")["result"]), (None, UNUSABLE), "304 without a question is no answer")
    proxy.rule = None


def bad_answers(start, end):
    """What the CA says, the result, and the least seconds until it is asked again."""
    json_type = [("Content-Type", "application/json"), ("Retry-After", "600")]
    window = good(start, end)[2]
    return {
        "an end before the start": (good(end, start), UNUSABLE, 6 * HOUR),
        "500": ((500, [], b""), BROKEN, 60),
        "an end at the start": (good(start, start), UNUSABLE, 6 * HOUR),
        "a window behind all ends": (good(start + 900 * DAY, end + 900 * DAY), UNUSABLE, 6 * HOUR),
        "a page": ((200, [("Content-Type", "text/html")], window), UNUSABLE, 6 * HOUR),
        "503": ((503, [("Retry-After", "900")], b""), BUSY, 900),
        "half an object": ((200, json_type, b'{"suggestedWindow":{"start":"2027'), UNUSABLE, 6 * HOUR),
        "20 kB": ((200, json_type, window[:-1] + b',"x":"' + b"y" * 20000 + b'"}'), UNUSABLE, 6 * HOUR),
        "404": ((404, [], b""), UNKNOWN, 6 * HOUR),
        "403": ((403, [("Retry-After", "60")], b""), REFUSED, 6 * HOUR),
        "no answer": (DROP, BROKEN, 60),
        "another place": ((302, [("Location", "https://localhost/")], b""), REFUSED, 6 * HOUR),
        "nothing": ((200, json_type, b""), UNUSABLE, 6 * HOUR),
    }


def taken_answers(start, end):
    """What is a window, all the same, and the least seconds until the CA is asked again."""
    json_type = [("Content-Type", "application/json")]
    return {
        "a fraction, an offset": (good("%s.123456789Z" % rfc3339(start)[:-1], rfc3339(end).lower().replace("z", "+00:00")), 600),
        "a script": (good(start, end, page="javascript:alert(1)"), 600),
        "no Retry-After": ((200, json_type, good(start, end)[2]), 6 * HOUR),
        "a year": ((200, json_type + [("Retry-After", "31536000")], good(start, end)[2]), DAY),
        "a second": ((200, json_type + [("Retry-After", "1")], good(start, end)[2]), 60),
    }


def ask_with(proxy, fleet, said):
    """Each name's look-up with what the CA says to it; rows before, when they began, rows after."""
    proxy.rule = None
    fleet.look_again()
    before, began = fleet.rows(), int(time.time())
    proxy.rule = answers(fleet, said)
    fleet.look_again(*fleet.ids)
    return before, began, fleet.rows()


def in_rounds(fleet, table, size):
    """{name: what} for as many at a time as leaves most of the fleet well."""
    whats = list(table)
    for first in range(0, len(whats), size):
        yield dict(zip(fleet.ids, whats[first:first + size]))


def hostile(t, gate, proxy, fleet):
    fleet.add("four", "five")
    wait_until("the first look-ups", lambda: looked_up(fleet), 60)
    start, end = int(time.time()) + 20 * DAY, int(time.time()) + 21 * DAY
    bad, taken = bad_answers(start, end), taken_answers(start, end)
    for names in in_rounds(fleet, bad, 4):
        before, began, after = ask_with(proxy, fleet, {name: bad[what][0] for name, what in names.items()})
        for name, what in names.items():
            (_, result, least), row, old = bad[what], after[name], before[name]
            t.equal([row[f] for f in ("result", "failures", "ca_start", "ca_end", "changed_at", "fetched_at")],
                    [result, 1] + [old[f] for f in ("ca_start", "ca_end", "changed_at", "fetched_at")], "%s: the last good window is told on" % what)
            t.ok(began + least <= row["next_at"] <= int(time.time()) + least * 21 // 20 + 1, "  and the CA is asked again after %d s" % least)
            told = fleet.told(name)
            t.ok(old["ca_start"] <= told[0] < told[1] <= old["ca_end"], "  and the device's window is one")
    for names in in_rounds(fleet, taken, 5):
        _, _, after = ask_with(proxy, fleet, {name: taken[what][0] for name, what in names.items()})
        for name, what in names.items():
            row, least = after[name], taken[what][1]
            t.equal([row[f] for f in ("result", "ca_start", "ca_end", "explanation")], [WINDOW, start, end, ""], "%s: taken" % what)
            t.ok(least <= row["next_at"] - row["fetched_at"] <= least * 21 // 20, "  for %d s" % least)


def in_a_row(t, gate, proxy, fleet):
    proxy.rule = answers(fleet, {"four": (404, [], b""), "five": (500, [], b"")})
    for _ in range(4):
        began = int(time.time())
        fleet.look_again()
    t.equal((fleet.row("four")["failures"], fleet.row("five")["failures"]), (4, 4), "failures in a row are counted")
    t.ok(began + 480 <= fleet.row("five")["next_at"] <= int(time.time()) + 504, "each pause is twice as long")
    wait_until("an alarm", lambda: "renewal_unknown_at_ca" in gate.process.text(), 60)
    t.ok(fleet.ids["four"] in gate.process.text().partition("renewal_unknown_at_ca")[2], "a CA that does not know its own certificate four times is told of")
    gate.change("update renewal set fetched_at=%d where certid='%s'" % (int(time.time()) - 3 * DAY, fleet.ids["four"]))
    old = fleet.told("four")
    fleet.look_again()
    t.equal((fleet.row("four")["ca_start"], fleet.row("four")["ca_end"]), (0, 0), "a window that is three days old is forgotten")
    told = wait_until("the back-stop", lambda: fleet.told("four") != old and fleet.told("four"), 60)
    t.ok(time.time() < told[0] < told[1], "the device has one of ours then")
    proxy.rule = None
    fleet.look_again()


def incident(t, gate, pebble, proxy, fleet):
    """The CA moves windows into the past."""
    past = (int(time.time()) - HOUR, int(time.time()) - 1800)
    pebble.set_renewal_info(fleet.chains["three"], good(*past, page="https://ca.test/incident")[2].decode())
    fleet.look_again("three")
    row = fleet.row("three")
    t.ok(row["urged_at"] and (row["ca_start"], row["ca_end"]) == past, "a window in the past is on record as urgent")
    told = wait_until("the device to hear of it", lambda: fleet.told("three")[1] <= int(time.time()) and fleet.told("three"), 60)
    t.equal(told[2], "https://ca.test/incident", "the device hears that, and why")
    wait_until("the alarm", lambda: "upstream_urges_renewal" in gate.process.text(), 60)
    pebble.set_renewal_info(fleet.chains["two"], good(*past)[2].decode())
    fleet.look_again("two", "three")
    wait_until("the count", lambda: 'acmegate_upstream_lookups_urged{ca="ca"} 2' in gate.ctl("metrics"), 60)
    t.equal(gate.process.text().count("upstream_urges_renewal"), 1, "operators do once an hour, however many there are")
    t.ok('acmegate_upstream_lookups_alarms_total{ca="ca"} 1' in gate.ctl("metrics"), "which is counted")
    shown = json.loads(gate.ctl("--json", "upstream", "show", "ca"))["renewal_info"]
    t.equal((shown["asked"], shown["urged"]), (True, 2), "acmegatectl upstream show tells of them")
    pebble.set_renewal_info(fleet.chains["two"], '{"suggestedWindow":')
    fleet.look_again("two")
    t.equal((fleet.row("two")["result"], fleet.row("two")["ca_end"]), (UNUSABLE, past[1]), "broken JSON changes nothing")


def outage(t, gate, proxy, fleet):
    """All of the CA is busy: its queue waits, restarts and all."""
    before = fleet.rows()
    names = list(fleet.ids)
    gate.conf["upstreams"][0]["renewal_info_rate"] = 2
    gate.write_conf()
    gate.ctl("reload")
    wait_until("the new rate", lambda: 'acmegate_upstream_lookups_rate{ca="ca"} 2' in gate.ctl("metrics"), 60)
    wait_until("the newest to have been looked up", lambda: gate.sql("select count(*) from renewal where fetched_at is null") == [(0,)], 60)
    proxy.rule = lambda exchange, stage: (503, [("Retry-After", "1200")], b"") if exchange.kind == "renewalInfo" else None
    began, due = int(time.time()), fleet.make_due()
    wait_until("a pause", lambda: gate.sql("select pauses from lookup")[0][0] == 1, 60)
    paused = gate.sql("select paused_until from lookup")[0][0]
    t.ok(began + 1200 <= paused <= time.time() + 1200, "a busy CA is left alone for as long as it says")
    t.ok(gate.sql("select rate from lookup")[0][0] == 1, "and asked half as fast after that")
    asked = proxy.count("renewalInfo")
    untouched = gate.sql("select count(*) from renewal where next_at=%d" % due)[0][0]
    t.ok(untouched > 0, "the queue waits as a whole, not each by itself (%d of %d were not asked about)" % (untouched, len(names)))
    for name in names:
        start, end, _ = fleet.told(name)
        t.ok(start < end and (before[name]["ca_end"] == 0 or before[name]["ca_start"] <= start), "%s: told on" % name)
    gate.kill()
    gate.start()
    wait_until("the gateway to lead again", lambda: 'acmegate_upstream_lookups_led{ca="ca"} 1' in gate.ctl("metrics"), 60)
    t.equal((proxy.count("renewalInfo"), gate.sql("select paused_until from lookup")[0][0]), (asked, paused), "killed and started: the pause goes on")

    hanging = []

    def hang(exchange, stage):
        if exchange.kind == "renewalInfo" and stage == "before":
            hanging.append(exchange)
            wait_until("the test to go on", lambda: proxy.rule is None, 60)
        return None

    proxy.rule = hang
    gate.stop()
    gate.change("update lookup set paused_until=1")
    due = fleet.make_due()
    gate.start()
    wait_until("a probe", lambda: hanging, 60)
    gate.kill()
    t.equal(len(hanging), 1, "after a pause it is tried with a single request")
    proxy.rule = None
    gate.change("update lookup set paused_until=1, rate=50")
    gate.start()
    fleet.wait(due)
    t.equal(gate.sql("select pauses, paused_until from lookup"), [(0, 0)], "killed in the middle, it goes on where it was")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def stop_asking(t, gate, proxy, fleet):
    """Revoked, replaced: nobody asks any more."""
    name = fleet.ids["one"]
    fleet.device.cert_key = acme.new_key()
    fleet.device.obtain(["one.test"], replaces=name)
    t.equal(gate.sql("select coalesce(next_at, 0) from renewal where certid='%s'" % name), [(0,)], "what is replaced is not asked about any more")


def start(lab, directory, http_port, **conf):
    gate = lab.gate(directory, http_port=http_port, rates={"requests_burst": 0, "new_order_burst": 0},
                    upstream={"renewal_info": True, "request": "5s", "limits": "none", "renewal_info_rate": 10}, **conf)
    gate.start()
    return gate


def whole(t, lab, folder, store=None):
    pebble = lab.pebble(folder=folder)
    proxy = lab.proxy(pebble)
    gate = start(lab, proxy.directory, pebble.http_port, **({"store": store} if store else {}))
    fleet = Fleet(gate, lab.device(gate))
    for name, part in (("first looks", lambda: first_looks(t, gate, proxy, fleet)), ("conditional", lambda: conditional(t, gate, proxy, fleet)),
                       ("hostile", lambda: hostile(t, gate, proxy, fleet)), ("in a row", lambda: in_a_row(t, gate, proxy, fleet)), ("incident", lambda: incident(t, gate, pebble, proxy, fleet)),
                       ("replaced", lambda: stop_asking(t, gate, proxy, fleet)), ("outage", lambda: outage(t, gate, proxy, fleet))):
        with t.part(name):
            part()


def chain(t, lab, folder):
    """A branch office whose CA is the gateway at headquarters, which has its certificates from pebble."""
    pebble, port = lab.pebble(folder=folder), PORTS.take()
    head = lab.gate(pebble.directory, http_port=pebble.http_port, external_url="https://localhost:%d" % port, rates={"requests_burst": 0},
                    upstream={"renewal_info": True})
    head.start()
    wait_until("its web certificate", lambda: os.path.exists(head.root), 60)
    proxy = Proxy(lab.path("web.pem"), lab.path("web.key"), port, head.port, KINDS, pebble.lock, ssl.create_default_context(cafile=head.root))
    lab.servers.append(proxy)
    branch = start(lab, "https://localhost:%d/directory" % port, head.device_port)
    fleet = Fleet(branch, lab.device(branch))
    fleet.add(*("b%d" % n for n in range(3)))
    branch.stop()
    wait_until("headquarters to have made up its mind", lambda: head.sql(
        "select count(*) from renewal where fetched_at is null or plan_ca_start<>ca_start or plan_ca_end<>ca_end") == [(0,)], 60)
    wait_until("and to tell", lambda: all(fleet.told(name, head)[0] == head.sql(
        "select planned_start from renewal where certid='%s'" % fleet.ids[name])[0][0] for name in fleet.ids), 60)
    due = fleet.make_due(more=", fetched_at=null, ca_start=null, ca_end=null, etag=null")
    proxy.forget()
    branch.start()
    fleet.wait(due)
    t.equal((proxy.count("list"), proxy.count("renewalInfo")), (1, 0), "a gateway behind a gateway: one request for all of its certificates")
    for name, row in fleet.rows().items():
        t.ok(row["result"] == WINDOW and row["ca_start"] < row["ca_end"] and len(row["etag"]) == 8, "%s has its window, and a tag" % name)
    branch.stop()
    due = fleet.make_due()
    changed = branch.sql("select max(changed_at) from renewal")
    branch.start()
    fleet.wait(due)
    t.equal(({r["result"] for r in fleet.rows().values()}, branch.sql("select max(changed_at) from renewal")), ({SAME}, changed),
            "asked with the tags: unchanged")
    branch.stop()
    ended = fleet.ids["b0"]
    until = branch.sql("select not_after from renewal where certid='%s'" % ended)[0][0]
    branch.change("update renewal set next_at=%d, not_after=2 where certid='%s'" % (time.time() - 5, ended))
    proxy.forget()
    branch.start()
    wait_until("one that has ended to be struck off", lambda: fleet.row("b0")["next_at"] in (0, None), 60)
    branch.stop()
    t.ok(proxy.count("list") == 0 and "renewal_list_refused" not in branch.process.text(), "one that has ended makes no list of none")
    branch.change("update renewal set next_at=1, not_after=%d where certid='%s'" % (until, ended))
    due = fleet.make_due()
    proxy.forget()
    proxy.rule = lambda e, stage: (404, [("Content-Type", "application/problem+json")], b"{}") if e.kind == "list" and stage == "before" else None
    branch.start()
    fleet.wait(due)
    t.equal((proxy.count("renewalInfo"), {r["result"] for r in fleet.rows().values()}), (3, {WINDOW}), "where lists are refused, one by one")
    t.equal([g.stop() for g in (branch, head)] + [g.sanitizer_report() for g in (branch, head)], [0, 0, "", ""], "both end well")


def pair(t, lab, server, folder):
    pebble = lab.pebble(folder=folder)
    proxy = lab.proxy(pebble)
    first, second = lab.pair(proxy.directory, lab.database(server, "pair"), http_port=pebble.http_port,
                             upstream={"renewal_info": True, "limits": "none"}, rates={"requests_burst": 0})
    for name in ("p1", "p2", "p3"):
        lab.resolve(name + ".test", first.address)
    fleet = Fleet(first, lab.device(first))
    fleet.add("p1", "p2", "p3")
    wait_until("the look-ups", lambda: looked_up(fleet), 60)
    t.equal(proxy.count("renewalInfo"), 3, "two gateways on one store ask once for each certificate")
    leads = [g for g in (first, second) if 'acmegate_upstream_lookups_led{ca="ca"} 1' in wait_until("metrics", lambda: g.ctl("metrics"), 60)]
    t.equal(len(leads), 1, "one of them asks")
    other = second if leads[0] is first else first
    fleet.look_again()
    t.equal(proxy.count("renewalInfo"), 6, "and once more")
    leads[0].kill()
    fleet.wait(fleet.make_due(), seconds=120)
    t.ok(proxy.count("renewalInfo") >= 9, "when it dies the other one asks")
    t.equal((other.stop(), other.sanitizer_report()), (0, ""), "which ends with 0, and no sanitizer has a word to say")


t = Tap()
what, folder = list(pebbles())[-1]
with Lab(t) as lab:
    t.note(what)
    if what == "a current pebble":
        whole(t, lab, folder)
        with t.part("a gateway behind a gateway"):
            chain(t, lab, folder)
        t.note("PostgreSQL")
        with t.part("two gateways"):
            pair(t, lab, lab.postgres(), folder)
    else:
        t.ok(True, "it has no renewal information")
sys.exit(t.done())
