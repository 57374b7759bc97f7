#!/usr/bin/python3
"""The store in PostgreSQL: a whole run, and two gateways that share it, of which one is killed in the middle, or
stalls, and the other finishes."""

import json
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, psql, wait_until
from proxy import DROP
from tap import Tap


class Postgres:
    def __init__(self, lab):
        self.url = lab.postgres()

    def value(self, text):
        return "".join(psql(self.url, text))

    def left_over(self):
        counts = {"job": self.value("select count(*) from job where kind not in (4, 6, 7, 8, 9, 10)")}
        for table in ("upstream_order", "upstream_authz"):
            counts[table] = self.value("select count(*) from " + table)
        return {table: n for table, n in counts.items() if n != "0"}


def whole_run(t, lab):
    pg, pebble = Postgres(lab), lab.pebble()
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, store=pg.url)
    gate.start()
    chains, faults = [], []

    def one(number):
        try:
            device = lab.device(gate)
            chains.append(device.obtain(["pg%d.test" % number, "also%d.test" % number])[1])
        except Exception as fault:
            faults.append("%s: %s" % (type(fault).__name__, fault))

    lab.device(gate)  # the one responder they share
    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal((len(chains), faults), (12, []), "twelve devices at once get their certificates")
    t.equal([lab.verify(c, pebble.roots[:1]) for c in chains], [""] * 12, "which the CA signed")
    t.equal((len(pebble.issued()), pg.value("select count(*) from cert"), pg.left_over()), (12, "12", {}), "once each, nothing left over")

    device = lab.device(gate)
    device.obtain(["revoked.test"])
    chain = device.collect()
    der = acme.leaf_of(chain).public_bytes(acme.serialization.Encoding.DER)
    t.equal(device.acme.post(device.acme.directory["revokeCert"], {"certificate": acme.b64(der)}).status, 200, "revocation")
    wait_until("the CA to know of it", lambda: proxy.count("revoke", 200) == 1)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    gate.start()
    t.equal(device.acme.post(device.order_url).json["status"], "valid", "started again it still knows the order")
    gate.kill()
    gate.start()
    t.equal(device.acme.post(device.order_url).json["status"], "valid", "and after SIGKILL")
    gate.stop()


class Moments:
    """A rule of the proxy: keeps one request after the other in hand, each at the moment that is next, until `over`; then this
    becomes of them: DROP, they get no reply, or None, they go on, late."""

    def __init__(self, verdict=DROP):
        self.next, self.reached, self.over, self.guard = None, threading.Event(), threading.Event(), threading.Lock()
        self.verdict = verdict

    def expect(self, kind, stage):
        self.reached.clear()
        self.next = (kind, stage)

    def __call__(self, exchange, stage):
        with self.guard:
            if self.next != (exchange.kind, stage) or (stage == "after" and exchange.status not in (200, 201)):
                return None
            self.next = None
        self.reached.set()
        self.over.wait(100)
        return self.verdict


MOMENTS = (("newOrder", "before"), ("newOrder", "after"), ("challenge", "after"), ("finalize", "before"), ("finalize", "after"),
           ("certificate", "before"))


def orders_at(t, lab, first, second, moments):
    """Devices whose orders at the first gateway are each at another moment of theirs."""
    responder = lab.responder(first.device_port, second.address)
    devices = []
    for number, (kind, stage) in enumerate(MOMENTS):
        # the CA asks where the name leads: at the second gateway, whoever laid out the proof
        name = "shared%d.test" % number
        lab.resolve(name, second.address)
        device = acme.Device(first.acme(), responder)
        device.start([name])
        device.prove()
        moments.expect(kind, stage)
        device.finalize()
        if t.ok(moments.reached.wait(60), "an order at the first gateway is where the CA has %s in hand (%s it acted)" % (kind, stage)):
            devices.append(device)
    return devices


def lease_ends(t, pg):
    """Half a minute after a gateway fell silent the other one has its work."""
    began = time.monotonic()
    wait_until("the second gateway to finish them", lambda: pg.value("select count(*) from orders where state = 2") == "0", 90)
    t.note("finished by the other gateway after %d s" % (time.monotonic() - began))


def take_over(t, lab):
    pg, pebble = Postgres(lab), lab.pebble()
    proxy = lab.proxy(pebble)
    first, second = lab.pair(proxy.directory, pg.url, http_port=pebble.http_port, upstream={"request": "2m", "conns_max": 16})
    wait_until("an account at the CA", lambda: pg.value("select count(*) from upstream where account_url is not null") == "1")
    proxy.rule = moments = Moments()
    devices = orders_at(t, lab, first, second, moments)
    first.kill()
    moments.over.set()
    lease_ends(t, pg)
    t.equal(pg.value("select count(*) from orders where state = 3"), "6", "the first is killed: the other gateway finishes all of them")
    first.start()
    chains = [device.collect() for device in devices]
    t.equal([lab.verify(c, pebble.roots[:1]) for c in chains], [""] * 6, "the devices collect where they ordered")
    t.equal((len(pebble.issued()), pg.value("select count(*) from cert"), pg.left_over()), (6, "6", {}),
            "one certificate each, nothing left over")
    t.equal((first.stop(), second.stop(), first.sanitizer_report() + second.sanitizer_report()), (0, 0, ""),
            "both end with 0, and no sanitizer has a word to say")


def stall(t, lab):
    """The first one is not dead: what it had sent arrives late, when the other one has finished, and then it goes on."""
    pg, pebble = Postgres(lab), lab.pebble()
    proxy = lab.proxy(pebble)
    first, second = lab.pair(proxy.directory, pg.url, http_port=pebble.http_port, upstream={"request": "2m", "conns_max": 16})
    wait_until("an account at the CA", lambda: pg.value("select count(*) from upstream where account_url is not null") == "1")
    proxy.rule = moments = Moments(None)
    devices = orders_at(t, lab, first, second, moments)
    os.kill(first.process.child.pid, signal.SIGSTOP)
    lease_ends(t, pg)
    t.equal(pg.value("select count(*) from orders where state = 3"), "6", "the first one stalls: the other gateway finishes all of them")
    moments.over.set()
    os.kill(first.process.child.pid, signal.SIGCONT)
    wait_until("the first one to let go of them", lambda: json.loads(first.ctl("--json", "status"))["jobs"]["active"] == 0, 60)
    t.ok("lease of job" in first.process.text(), "when it goes on it hears that they are another's")
    t.equal([lab.verify(device.collect(), pebble.roots[:1]) for device in devices], [""] * 6, "the devices collect at the first one")
    t.equal((len(pebble.issued()), pg.value("select count(*) from cert"), pg.left_over()), (6, "6", {}),
            "one certificate each, nothing left over")
    t.equal((first.stop(), second.stop(), first.sanitizer_report() + second.sanitizer_report()), (0, 0, ""),
            "both end with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    with t.part("one gateway on PostgreSQL"):
        whole_run(t, lab)
    with t.part("two gateways on one PostgreSQL"):
        take_over(t, lab)
    with t.part("one of two stalls"):
        stall(t, lab)
sys.exit(t.done())
