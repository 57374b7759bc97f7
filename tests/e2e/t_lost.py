#!/usr/bin/python3
"""Nothing lost, nothing double, whatever happens to the CA's replies: lost after the CA acted, refused, late, never; and when the CA
itself dies and forgets us. One gateway for each way, all at once."""

import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, pebbles
from proxy import DROP
from tap import Tap

PROBLEM = [("Content-Type", "application/problem+json")]


def problem(kind, detail):
    return ('{"type":"urn:ietf:params:acme:error:%s","detail":"%s"}' % (kind, detail)).encode()


def nth(kind, count, stage, verdict):
    """The first `count` requests of a kind get this verdict; what pebble itself refuses (a bad nonce) does not count."""
    left = [count]
    guard = threading.Lock()

    def rule(exchange, at):
        if exchange.kind != kind or at != stage or (stage == "after" and exchange.status not in (200, 201)):
            return None
        with guard:
            if left[0] == 0:
                return None
            left[0] -= 1
        return verdict(exchange) if callable(verdict) else verdict

    rule.left = left
    return rule


def hang(exchange):
    time.sleep(6)  # longer than the gateway waits here
    return DROP


def of_another(exchange):
    return (200, exchange.headers, re.sub(rb'"value": *"[^"]*"', b'"value": "elsewhere.test"', exchange.body))


WAYS = []
for kind in ("newAccount", "newOrder", "authz", "challenge", "order", "finalize", "certificate"):
    WAYS.append(("%s: the reply is lost after the CA acted" % kind, nth(kind, 1, "after", DROP)))
for kind in ("newOrder", "challenge", "finalize", "certificate"):
    WAYS.append(("%s: the request is lost on its way" % kind, nth(kind, 1, "before", DROP)))
for kind in ("newOrder", "finalize"):
    WAYS.append(("%s: 500 after the CA acted" % kind, nth(kind, 1, "after", (500, PROBLEM, problem("serverInternal", "oh")))))
    WAYS.append(("%s: 503 with Retry-After, in HTML" % kind,
                 nth(kind, 1, "before", (503, [("Retry-After", "2"), ("Content-Type", "text/html")], b"<p>busy</p>"))))
    WAYS.append(("%s: 429 rateLimited with Retry-After" % kind,
                 nth(kind, 1, "before", (429, PROBLEM + [("Retry-After", "2")], problem("rateLimited", "too many")))))
WAYS.append(("finalize: no reply ever, after the CA acted", nth("finalize", 1, "after", hang)))
WAYS.append(("newOrder: no reply ever, after the CA acted", nth("newOrder", 1, "after", hang)))
WAYS.append(("certificate: three replies lost in a row", nth("certificate", 3, "after", DROP)))
WAYS.append(("newOrder: a body that is no JSON, after the CA acted", nth("newOrder", 1, "after", (201, PROBLEM, b"{\"status\":"))))
WAYS.append(("authz: one for a name that was not ordered", nth("authz", 1, "after", of_another)))
WAYS.append(("directory: not there at first", nth("directory", 2, "before", (404, [], b""))))
WAYS.append(("nonce: none at first", nth("nonce", 2, "before", (500, [], b""))))


def each_way(t, lab, pebble):
    """A few gateways at a time, each with a way of its own in which its CA fails."""
    results, slots = {}, threading.Semaphore(6)

    def work(number, what, rule):
        with slots:
            try:
                # every gateway answers the one CA's http-01 at an address of its own, on the same port
                address, name = "127.11.%d.%d" % (os.getpid() % 250 + 1, number + 1), "lost%d.test" % number
                lab.resolve(name, address)
                proxy = lab.proxy(pebble, rule=rule)
                gate = lab.gate(proxy.directory, name="gate%d" % number, http_port=pebble.http_port, address=address,
                                upstream={"request": "3s"})
                gate.start()
                device = lab.device(gate, patient=10)
                order, chain = device.obtain([name])
                certificates = [e for e in proxy.seen if e.kind == "finalize" and e.status == 200 and e.fate != "answered"]
                ids = {e.path.rpartition("/")[2] for e in proxy.seen if e.kind == "finalize"}
                issued = [i for i in pebble.issued() if i in ids]
                results[number] = {
                    "used": rule.left[0] == 0, "chain": lab.verify(chain, pebble.roots[:1]), "issued": len(issued),
                    "strange": gate.sql("select detail from event where detail like '%proof of elsewhere.test%'"),
                    "accepted": len(certificates), "left": gate.left_over(), "status": gate.stop(),
                    "sanitizer": gate.sanitizer_report()}
            except Exception as fault:
                results[number] = {"fault": "%s: %s" % (type(fault).__name__, fault)}

    threads = [threading.Thread(target=work, args=(n, what, rule)) for n, (what, rule) in enumerate(WAYS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (what, _) in enumerate(WAYS):
        result = results[number]
        good = result.get("used") and result["chain"] == "" and result["issued"] == 1 and not result["left"] and not result["strange"] \
            and result["status"] == 0 and not result["sanitizer"]
        if not t.ok(good, what + ": one certificate, nothing left over"):
            t.note(result)


def forgetful(t, lab):
    """The CA dies in the middle, and comes back without memory: it knows neither our account nor our orders."""
    pebble = lab.pebble(folder=NEWEST)
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, upstream={"request": "3s"})
    gate.start()
    device = lab.device(gate, patient=10)
    t.equal(lab.verify(device.obtain(["first.test"])[1], pebble.roots[:1]), "", "a certificate before the CA's death")
    for kind in ("newOrder", "challenge", "finalize", "certificate"):
        died = threading.Event()

        def rule(exchange, stage):
            if exchange.kind == kind and stage == "before" and not died.is_set():
                died.set()
                pebble.kill()
                threading.Timer(1, pebble.start).start()
                return DROP
            return None

        proxy.rule = rule
        device.acme.patient = 60
        device.cert_key = __import__("acme").new_key()
        chain = device.obtain(["at-%s.test" % kind.lower()])[1]
        t.ok(died.is_set() and "BEGIN" in chain, "the CA dies at %s and forgets us: the order becomes valid all the same" % kind)
        t.equal(lab.verify(chain, pebble.roots[:1]), "", "by the CA as it is now")
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


NEWEST = list(pebbles())[-1][1]
t = Tap()
with Lab(t) as lab:
    with t.part("replies lost"):
        each_way(t, lab, lab.pebble(folder=NEWEST))
    with t.part("a CA without memory"):
        forgetful(t, lab)
sys.exit(t.done())
