#!/usr/bin/python3
"""An account is deactivated while its orders are under way (RFC 8555 7.3.6): the CA is asked for nothing more, and what it may have
issued is not lost, whatever dies meanwhile."""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, pebbles, wait_until
from proxy import DROP, SlowCA
from tap import Tap


def begin(lab, gate, name):
    """A device whose order is at its CA."""
    device = lab.device(gate)
    device.start([name])
    device.prove()
    device.acme.finalize(device.order, acme.make_csr(device.cert_key, [name]))
    return device


def leave(t, device):
    reply = device.acme.post(device.acme.kid, {"status": "deactivated"})
    t.equal((reply.status, reply.json["status"]), (200, "deactivated"), "the account is deactivated")
    reply = device.acme.post(device.order_url)
    t.equal((reply.status, reply.type()), (401, "unauthorized"), "and hears nothing of its order any more")


def story(gate):
    ref = gate.sql("select ref from orders")[0][0]
    return gate.ctl("order", "show", ref, "--trace")


def judge(t, gate, pebble, certificates, what):
    wait_until("the job to end", lambda: not gate.left_over(), 60)
    error = gate.sql("select state, error from orders")
    t.ok(error[0][0] == 4 and "the account was deactivated" in error[0][1], "its order is invalid, and says why")
    t.equal((gate.sql("select count(*) from cert")[0][0], len(pebble.issued())), (certificates, certificates), what)


def end(t, gate):
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def before_the_order(t, lab):
    """newOrder has not got through yet."""
    pebble = lab.pebble(folder=NEWEST)
    away = lambda exchange, stage: (503, [], b"") if exchange.kind == "newOrder" and stage == "before" else None
    proxy = lab.proxy(pebble, rule=away)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = begin(lab, gate, "before.test")
    wait_until("newOrder to be tried", lambda: proxy.count("newOrder"))
    leave(t, device)
    proxy.rule = None
    judge(t, gate, pebble, 0, "the CA has issued nothing, for it was not asked")
    t.equal(proxy.count("newOrder", 201), 0, "it has not even an order")
    end(t, gate)


def before_the_csr(t, lab):
    """The CA's order is there, and its proof takes long."""
    pebble = lab.pebble(folder=NEWEST)
    go = threading.Event()

    def hold(exchange, stage):
        if exchange.kind == "challenge" and stage == "before":
            go.wait(60)

    proxy = lab.proxy(pebble, rule=hold)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = begin(lab, gate, "proof.test")
    wait_until("the proof to be asked for", lambda: proxy.count("challenge"))
    leave(t, device)
    go.set()
    judge(t, gate, pebble, 0, "the CA has issued nothing, for it got no CSR")
    t.equal(proxy.count("finalize"), 0, "finalize was not asked")
    t.ok("given up before the CA had the CSR" in story(gate), "the order's story says so")
    end(t, gate)


def after_the_csr(t, lab):
    """The CA works on the CSR."""
    pebble = lab.pebble(folder=NEWEST)
    slow = SlowCA(1)
    proxy = lab.proxy(pebble, rule=slow)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = begin(lab, gate, "csr.test")
    wait_until("the CSR to be sent", lambda: proxy.count("finalize"))
    leave(t, device)
    gate.stop()
    gate.start()
    slow.done = True
    judge(t, gate, pebble, 1, "the certificate that the CA made is on record")
    serial = gate.sql("select serial from cert")[0][0]
    t.ok(serial in gate.ctl("--json", "cert", "list"), "operators find it")
    gate.ctl("cert", "revoke", gate.sql("select ref from cert")[0][0], "--yes")
    wait_until("the CA to revoke it", lambda: gate.sql("select revoked_upstream_at from cert")[0][0])
    t.ok(True, "and can revoke it, at the CA too")
    end(t, gate)


def killed(t, lab, stage, issued):
    """The gateway dies with the CSR on its way, the account goes in the same moment, and the CA's answer never arrives."""
    pebble = lab.pebble(folder=NEWEST)
    dead = threading.Event()

    def rule(exchange, at):
        if exchange.kind != "finalize" or at != stage or dead.is_set() or (stage == "after" and exchange.status != 200):
            return None
        leave(t, device)
        gate.kill()
        dead.set()
        return DROP

    proxy = lab.proxy(pebble, rule=rule)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.start()
    device = lab.device(gate)
    device.start(["killed.test"])
    device.prove()
    device.acme.finalize(device.order, acme.make_csr(device.cert_key, ["killed.test"]))
    wait_until("the gateway to die", dead.is_set)
    gate.start()
    judge(t, gate, pebble, issued, "%d certificate, and on record" % issued)
    end(t, gate)


def another_waits(t, lab):
    """Another account of the same EAB key has joined the order (O4): it gets its certificate."""
    pebble = lab.pebble(folder=NEWEST)
    slow = SlowCA(1)
    proxy = lab.proxy(pebble, rule=slow)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port)
    gate.conf["profiles"][0]["eab"] = "required"
    gate.start()
    made = json.loads(gate.ctl("--json", "eab", "create"))
    csr, devices = None, []
    for _ in range(2):
        device = lab.device(gate)
        device.acme.new_account(externalAccountBinding=acme.eab(made["id"], acme.unb64(made["key"]), device.acme.directory["newAccount"], device.acme.key))
        device.start(["both.test"])
        device.prove()
        csr = csr or acme.make_csr(device.cert_key, ["both.test"])
        t.equal(device.acme.finalize(device.order, csr).json["status"], "processing", "an order is at work")
        devices.append(device)
    devices[1].cert_key = devices[0].cert_key
    t.equal(gate.sql("select count(*) from upstream_order"), [(1,)], "both wait for one certificate")
    wait_until("the CSR to be sent", lambda: proxy.count("finalize"))
    leave(t, devices[0])
    slow.done = True
    t.equal(lab.verify(devices[1].collect(), pebble.roots[:1]), "", "the other gets it")
    wait_until("the job to end", lambda: not gate.left_over(), 60)
    t.equal(len(pebble.issued()), 1, "one was issued")
    end(t, gate)


NEWEST = list(pebbles())[-1][1]
t = Tap()
with Lab(t) as lab:
    for part in (before_the_order, before_the_csr, after_the_csr, another_waits):
        with t.part(part.__name__.replace("_", " ")):
            part(t, lab)
    for stage, issued in (("before", 0), ("after", 1)):
        with t.part("killed %s the CA has the CSR" % stage):
            killed(t, lab, stage, issued)
sys.exit(t.done())
