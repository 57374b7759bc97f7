#!/usr/bin/python3
"""Slow is not failed: a CA that keeps an order `processing`, or is not to be had for a while, costs the device nothing but time."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, pebbles, wait_until
from proxy import SlowCA
from tap import Tap


def one_that_takes_long(t, lab):
    pebble = lab.pebble(folder=NEWEST)
    slow = SlowCA(1)
    proxy = lab.proxy(pebble, rule=slow)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = lab.device(gate)
    device.start(["slow.test"])
    device.prove()
    began = time.monotonic()
    reply = device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["slow.test"]))
    t.ok(time.monotonic() - began < 5, "finalize is answered at once")
    t.equal(reply.json["status"], "processing", "with processing")
    seen = set()
    while time.monotonic() - began < 12:
        reply = device.acme.post(device.order_url)
        seen.add((reply.status, reply.json["status"], 1 <= (reply.retry_after() or 0) <= 600))
        time.sleep(0.5)
    t.equal(seen, {(200, "processing", True)}, "and stays so, with Retry-After, as long as the CA says so")
    polls = proxy.count("order")
    t.ok(3 <= polls <= 15, "the CA is asked as often as it wished (%d times)" % polls)

    # the device goes home; the gateway is restarted meanwhile, in good order
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway can be stopped meanwhile")
    gate.start()
    slow.done = True
    back = acme.Device(gate.acme(key=device.acme.key, patient=20), device.responder)
    back.register()
    back.order_url, back.cert_key = device.order_url, device.cert_key
    chain = back.collect()
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "a device that comes back later collects its certificate")
    t.equal(len(pebble.issued()), 1, "the CA issued once")

    # a CA that wishes to be asked later than the device's patience lasts
    slow.done, slow.retry_after = False, 20
    other = lab.device(gate)
    other.start(["later.test"])
    other.prove()
    other.finalize()
    time.sleep(6)
    before = proxy.count("order")
    time.sleep(6)
    t.equal(proxy.count("order"), before, "the CA's Retry-After is kept")
    reply = other.acme.post(other.order_url)
    t.ok(reply.json["status"] == "processing" and reply.retry_after() >= 5, "the device is told to come later")
    slow.done = True
    t.ok(other.collect(), "and gets its certificate then")
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def a_device_that_gives_up(t, lab):
    """It has waited half a minute, and comes back with a new order for the same name and key, as clients do; and once more (O4)."""
    pebble = lab.pebble(folder=NEWEST)
    slow = SlowCA(1)
    proxy = lab.proxy(pebble, rule=slow)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    first = lab.device(gate)

    def again():
        """What a client that begins anew does, until its finalize is answered."""
        device = acme.Device(gate.acme(key=first.acme.key), first.responder)
        device.cert_key = first.cert_key
        device.start(["gives-up.test"])
        if device.order["status"] == "pending":
            device.prove()
        return device, device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["gives-up.test"])).json

    urls = []
    for which in ("first", "second"):
        device, order = again()
        urls.append(device.order_url)
        t.equal(order["status"], "processing", "a device's %s order is processing" % which)
        end = time.monotonic() + (30 if which == "first" else 3)
        while time.monotonic() < end:
            order = device.acme.post(device.order_url).json
            time.sleep(1)
        t.equal(order["status"], "processing", "and still is when it gives up")
    slow.done = True
    wait_until("the certificate", lambda: gate.sql("select count(*) from cert") == [(1,)], 90)
    device, order = again()
    urls.append(device.order_url)
    t.equal((order["status"], len(set(urls))), ("valid", 3), "when it comes back with a third one, finalize answers valid at once")
    chain = device.acme.post(order["certificate"]).body.decode()
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "with the CA's certificate")
    t.equal([device.acme.post(url).json["status"] for url in urls[:2]], ["valid", "valid"], "which the other two have, too")
    t.equal((len(pebble.issued()), proxy.count("newOrder", 201), gate.sql("select count(*) from cert"), gate.left_over()), (1, 1, [(1,)], {}),
            "the CA had one order and issued once; nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def one_that_is_away(t, lab):
    pebble = lab.pebble(folder=NEWEST)
    proxy = lab.proxy(pebble, rule=lambda exchange, stage: (503, [("Content-Type", "text/html")], b"<h1>maintenance</h1>"))
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = lab.device(gate)
    device.start(["away.test"])
    device.prove()
    device.finalize()
    time.sleep(4)
    t.equal(device.acme.post(device.order_url).json["status"], "processing", "a CA in maintenance from the first moment: processing")
    proxy.rule = None
    t.equal(lab.verify(device.collect(), pebble.roots[:1]), "", "it comes back, and the certificate arrives")
    t.equal((len(pebble.issued()), gate.left_over()), (1, {}), "issued once, nothing left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


NEWEST = list(pebbles())[-1][1]
t = Tap()
with Lab(t) as lab:
    with t.part("a CA that takes long"):
        one_that_takes_long(t, lab)
    with t.part("a device that gives up"):
        a_device_that_gives_up(t, lab)
    with t.part("a CA that is away"):
        one_that_is_away(t, lab)
sys.exit(t.done())
