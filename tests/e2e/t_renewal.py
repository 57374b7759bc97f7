#!/usr/bin/python3
"""Renewal information through a real CA (RFC 9773): devices ask the gateway, `replaces` goes to the CA, and what the CA says to it."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import acme
from lab import Lab, pebbles, wait_until
from proxy import DROP
from tap import Tap

def payload_of(exchange):
    return json.loads(acme.unb64(json.loads(exchange.body_sent)["payload"]))


def sent_orders(proxy):
    """What the gateway said to the CA in each newOrder."""
    return [payload_of(e) for e in proxy.seen if e.kind == "newOrder"]


def information(t, gate, device, chain):
    name = acme.cert_id(chain)
    url = device.acme.directory["renewalInfo"] + "/" + name
    reply = device.acme.get(url)
    t.equal((reply.status, reply.headers["Content-Type"]), (200, "application/json"), "a certificate of the CA has renewal information")
    window = reply.json["suggestedWindow"]
    leaf = acme.leaf_of(chain)
    life = [getattr(leaf, "not_valid_" + end + "_utc", None) or getattr(leaf, "not_valid_" + end) for end in ("before", "after")]
    life = [when.strftime("%Y-%m-%dT%H:%M:%SZ") for when in life]
    t.ok(life[0] < window["start"] < window["end"] < life[1], "with a window inside its life")
    t.ok(60 <= int(reply.headers["Retry-After"]) <= 86400, "and Retry-After")
    wait_until("the window is in memory", lambda: gate.ctl("metrics").count("acmegate_renewal_warm 1"), seconds=60)
    before = device.acme.get(url)
    t.equal(before.json, reply.json, "from memory as from the store")
    return name


def obtain(device, names, **payload):
    """With a key of its own: else the certificate of before would do (O4)."""
    device.cert_key = acme.new_key()
    return device.obtain(names, **payload)


def renewals(t, lab, gate, proxy):
    device = lab.device(gate)
    _, first = obtain(device, ["one.test"])
    t.ok("replaces" not in sent_orders(proxy)[-1], "the first certificate replaces nothing")
    name = information(t, gate, device, first)

    order, second = obtain(device, ["one.test"], replaces=name)
    t.equal(order.get("replaces"), name, "a renewal says what it replaces")
    t.equal(sent_orders(proxy)[-1].get("replaces"), name, "and so does the gateway to the CA")
    t.equal(gate.sql("select count(*) from renewal where replaced_at is not null")[0][0], 1, "the old one is on record as replaced")
    again = device.acme.new_order(["one.test"], replaces=name)
    t.equal((again.status, again.type()), (409, "alreadyReplaced"), "a certificate is replaced once")

    obtain(device, ["one.test"])
    t.equal(sent_orders(proxy)[-1].get("replaces"), acme.cert_id(second), "who names none has the one certificate that his follows named to the CA (R8)")
    obtain(device, ["one.test", "two.test"])
    t.ok("replaces" not in sent_orders(proxy)[-1], "another set of names follows none")
    obtain(lab.device(gate), ["one.test"])
    t.ok("replaces" not in sent_orders(proxy)[-1], "nor does another account's certificate")
    _, inside = obtain(device, ["one.test"], profile="inside")
    order, _ = obtain(device, ["one.test", "three.test"], replaces=acme.cert_id(inside))
    t.ok(order.get("replaces") == acme.cert_id(inside) and "replaces" not in sent_orders(proxy)[-1],
         "a certificate of another CA is not named to this one, though the order replaces it")
    t.equal(gate.sql("select count(*) from event where what='upstream' and detail like '%successor%'")[0][0], 0, "the CA took what it was told")


def refuses(status, kind):
    """The CA that does not like `replaces`."""
    body = json.dumps({"type": "urn:ietf:params:acme:error:" + kind, "detail": "no such predecessor", "status": status}).encode()

    def rule(exchange, stage):
        if stage == "before" and exchange.kind == "newOrder" and "replaces" in payload_of(exchange):
            return status, [("Content-Type", "application/problem+json")], body
        return None
    return rule


def refusals(t, lab, gate, proxy):
    device = lab.device(gate)
    for status, kind in ((409, "alreadyReplaced"), (404, "malformed"), (403, "unauthorized"), (400, "malformed"), (500, "serverInternal")):
        names = ["no-%d-%s.test" % (status, kind.lower())]
        _, chain = obtain(device, names)
        proxy.rule = refuses(status, kind)
        before = len(sent_orders(proxy))
        order, _ = obtain(device, names, replaces=acme.cert_id(chain))
        proxy.rule = None
        sent = sent_orders(proxy)[before:]
        t.ok(sent[0].get("replaces") == acme.cert_id(chain) and "replaces" not in sent[-1], "a CA that answers %d %s gets the order without" % (status, kind))
        t.equal((order.get("replaces"), order["status"]), (acme.cert_id(chain), "valid"), "  the device's order replaces it all the same")
        story = gate.ctl("order", "show", device.order_url.rsplit("/", 1)[1], "--trace")
        t.ok("does not take it as the successor" in story, "  and its story tells")
    t.ok('acmegate_replaces_refused_total{ca="ca"} 5' in gate.ctl("metrics"), "that is counted")


def lost_answer(t, lab, gate, proxy):
    """newOrder arrived and its answer did not; the next one hears that the certificate is replaced: by the order of our own."""
    device, dropped = lab.device(gate), []

    def rule(exchange, stage):
        if exchange.kind != "newOrder" or "replaces" not in payload_of(exchange):
            return None
        if dropped:
            return refuses(409, "alreadyReplaced")(exchange, stage)
        if stage == "after":
            dropped.append(exchange)
            return DROP
        return None

    _, chain = obtain(device, ["lost.test"])
    proxy.rule = rule
    order, _ = obtain(device, ["lost.test"], replaces=acme.cert_id(chain))
    proxy.rule = None
    t.equal((order["status"], len(dropped)), ("valid", 1), "a newOrder with replaces whose answer is lost ends in a certificate")


def start(lab, proxy, pebble, **conf):
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, **conf)
    gate.conf["profiles"] = [{"name": name, "upstream": ca, "http01_port": gate.device_port, "validation_attempts": ["0s", "1s", "3s", "10s"]}
                             for name, ca in (("default", "ca"), ("inside", "local"))]
    gate.start()
    return gate


def no_offer(t, lab, pebble):
    """A CA that has no renewalInfo in its directory is not told."""
    proxy = lab.proxy(pebble)

    def rule(exchange, stage):
        if exchange.kind == "directory" and stage == "after":
            shown = json.loads(exchange.body)
            shown.pop("renewalInfo", None)
            return exchange.status, exchange.headers, json.dumps(shown).encode()
        return None

    proxy.rule = rule
    gate = start(lab, proxy, pebble)
    device = lab.device(gate)
    _, chain = obtain(device, ["plain.test"])
    order, _ = obtain(device, ["plain.test"], replaces=acme.cert_id(chain))
    t.ok(order.get("replaces") == acme.cert_id(chain) and not any("replaces" in o for o in sent_orders(proxy)),
         "where the CA offers no renewal information replaces is the gateway's affair alone")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def whole(t, lab, pebble, store=None):
    proxy = lab.proxy(pebble)
    gate = start(lab, proxy, pebble, **({"store": store} if store else {}))
    with t.part("renewals"):
        renewals(t, lab, gate, proxy)
    with t.part("refusals"):
        refusals(t, lab, gate, proxy)
    with t.part("a lost answer"):
        lost_answer(t, lab, gate, proxy)
    t.equal(gate.left_over(), {}, "no job, no upstream order, no proof is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
what, folder = list(pebbles())[-1]
with Lab(t) as lab:
    t.note(what)
    pebble = lab.pebble(folder=folder)
    if what == "a current pebble":
        whole(t, lab, pebble)
        with t.part("no offer"):
            no_offer(t, lab, pebble)
        t.note("PostgreSQL")
        server = lab.postgres()
        whole(t, lab, lab.pebble(folder=folder), lab.database(server, "renewal"))
    else:
        t.note("it has no renewal information")
        with t.part("no offer"):
            no_offer(t, lab, pebble)
sys.exit(t.done())
