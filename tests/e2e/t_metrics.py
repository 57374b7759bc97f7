#!/usr/bin/python3
"""Metrics of a whole gateway, as Prometheus' own parsers read them: what an order and a refusal raise and nothing else; where they can
be had, and where not; that the manual knows each family and the text nobody's name."""

import http.client
import os
import re
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, PORTS, TOP, Lab
from tap import Tap

OPEN = "application/openmetrics-text; version=1.0.0"
# what time alone moves, and this scrape itself
RESTLESS = ("process_", "acmegate_store_", "acmegate_keeper_operations", "acmegate_http_connections", "acmegate_worker_queue_length",
            "acmegate_active_jobs", "acmegate_queue_", "acmegate_orders", "acmegate_http_timeouts", "acmegate_tls_handshakes",
            "acmegate_http_request_duration", "acmegate_renewal_", "acmegate_audit_")


def fetch(port, method="GET", path="/metrics", accept=None):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request(method, path, headers={"Accept": accept} if accept else {})
    reply = link.getresponse()
    text = reply.read().decode()
    link.close()
    return reply.status, reply.getheader("Content-Type"), text


def series(text):
    """{name and labels: value}"""
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in parse_text(text) for s in family.samples}


def raised(before, after):
    """[(name, labels, by how much)] of counters that were raised, but those that move by themselves."""
    found = []
    for (name, labels), value in sorted(after.items()):
        more = value - before.get((name, labels), 0)
        if more and not name.startswith(RESTLESS):
            found.append((name, dict(labels), more))
    return found


def formats(t, port):
    status, kind, text = fetch(port)
    t.equal((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), "the metrics face answers in the text format")
    families = list(parse_text(text))
    t.ok(len(families) > 25 and all(f.documentation and f.type != "unknown" for f in families), "which is read: %d families" % len(families))
    t.equal(len(series(text)), sum(len(f.samples) for f in families), "each series stands in it once")
    status, kind, text = fetch(port, accept=OPEN + ",text/plain;q=0.5")
    t.equal((status, kind), (200, OPEN + "; charset=utf-8"), "and in OpenMetrics if asked for")
    t.ok(len(list(parse_open(text))) == len(families), "which its own strict parser reads")
    return text, families


def documented(t, families):
    with open(os.path.join(TOP, "man", "acmegated.8")) as page:
        told = set(re.findall(r"^\.It (?:Ic )?((?:acmegate|process)_\w+)", page.read(), re.M))
    there = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    t.equal(sorted(there ^ told), [], "acmegated(8) explains each family, and no other")


def access(t, gate, port):
    t.equal(fetch(port, "HEAD")[0], 200, "HEAD is answered")
    t.equal(fetch(port, "POST")[0], 405, "nothing is posted to it")
    t.equal(fetch(port, path="/status")[0], 404, "what operators may see is not there")
    names = [{key[0] for key in series(text) if "oldest_due" not in key[0]} for text in (gate.ctl("metrics"), fetch(port)[2])]
    t.equal(names[0], names[1], "acmegatectl metrics has the same")
    gate.conf["metrics_listen"] = ["0.0.0.0:%d" % port]
    gate.write_conf()
    run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "config", "check", gate.conf_path], capture_output=True, text=True)
    t.ok(run.returncode != 0 and "loopback" in run.stderr, "no configuration opens it to others: %s" % run.stderr.strip()[-80:])


def counting(t, lab, gate, port):
    device = lab.device(gate)
    device.register()
    device.obtain(["a.test"])
    before = series(fetch(port)[2])
    t.ok(before[("acmegate_http_requests_total", (("code", "2xx"), ("route", "/new-order")))] == 1, "an order is one request of its route")
    t.ok(before[("acmegate_upstream_requests_total", (("ca", "ca"), ("result", "good")))] >= 4, "and some to its CA")
    t.ok(before[("acmegate_certificates_issued_total", (("ca", "ca"),))] == 1, "a certificate is one of its CA")
    t.ok(before[("acmegate_validations_total", (("challenge", "http-01"), ("result", "proven")))] == 1, "a proof is one attempt at least")

    def once(what, act, *want):
        nonlocal before
        act()
        after = series(fetch(port)[2])
        t.equal(raised(before, after), sorted(want, key=lambda w: (w[0], sorted(w[1].items()))), what)
        before = after

    def refused(route, kind, code="4xx"):
        return (("acmegate_http_requests_total", {"route": route, "code": code}, 1.0),
                ("acmegate_problems_total", {"face": "device", "type": kind}, 1.0))

    def decided(rule, decision):
        return ("acmegate_policy_decisions_total", {"rule": rule, "decision": decision}, 1.0)

    acme = device.acme
    acme.nonces.append(acme.nonce())  # fetched now, not within what is counted
    before = series(fetch(port)[2])
    new_order = acme.directory["newOrder"]
    once("a name that is refused raises its route and its type, once",
         lambda: acme.post(new_order, {"identifiers": [{"type": "dns", "value": "forbidden.test"}]}),
         decided("refused", "refused"), *refused("/new-order", "rejectedIdentifier"))
    once("an unknown order, likewise", lambda: acme.post(gate.url + "/order/AAAAAAAAAAAAAAAAAAAAAA"), *refused("/order/{}", "malformed"))
    once("a path that is none is of no route", lambda: acme.get(gate.url + "/nowhere"), *refused("none", "malformed"))
    once("a good request raises nothing else", lambda: acme.get(gate.directory),
         ("acmegate_http_requests_total", {"route": "/directory", "code": "2xx"}, 1.0))
    gate.conf["rates"] = {"new_order_burst": 1, "new_order_every": "1h"}
    gate.write_conf()
    gate.ctl("reload")
    acme.post(new_order, {"identifiers": [{"type": "dns", "value": "b.test"}]})
    before = series(fetch(port)[2])
    once("an abuse limit raises its own counter, too", lambda: acme.post(new_order, {"identifiers": [{"type": "dns", "value": "c.test"}]}),
         ("acmegate_limit_refusals_total", {"limit": "new-order"}, 1.0), decided("all", "allowed"), *refused("/new-order", "rateLimited"))
    return acme


def main():
    t = Tap()
    with Lab(t) as lab:
        port, http_port = PORTS.take(), PORTS.take()
        pebble = lab.pebble(http_port=http_port)
        gate = lab.gate(pebble.directory, http_port=http_port, metrics_listen=["127.0.0.1:%d" % port])
        gate.start()
        with t.part("formats"):
            _, families = formats(t, port)
            documented(t, families)
        with t.part("counting"):
            acme = counting(t, lab, gate, port)
            text = fetch(port)[2]
            t.ok(not re.search(r"\.test|127\.0\.0|%s" % re.escape(acme.kid.rsplit("/", 1)[1]), text), "no name, address or account is in it")
        with t.part("access"):
            access(t, gate, port)
        t.equal(gate.stop(), 0, "the gateway stops")
        t.equal(gate.sanitizer_report(), "", "no sanitizer had anything to say")
    sys.exit(t.done())


main()
