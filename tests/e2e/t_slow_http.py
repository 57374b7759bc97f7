#!/usr/bin/python3
"""Slow, endless, broken and lying peers, while a good device keeps getting certificates from another address: it must not notice.

slowhttptest in each of its modes, then what no tool does: more connections than one address may have, bodies without end,
pipelines of garbage, half closed and reset connections, requests that two readers would cut in two ways."""

import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attacks import ENDLESS, SLOW_MODES, SMUGGLED, endless, flood, opened, rss, rude_peers, slowhttptest
from good import Good
from lab import PORTS, Lab, wait_until
from lines import Line, request
from tap import Tap

SECONDS = 6          # of each attack by slowhttptest
PER_ADDRESS = 200    # connections; below, the deadlines
LIMITS = {"conns_per_addr": PER_ADDRESS, "handshake": "2s", "head": "2s", "body": "3s", "idle": "3s", "write": "3s"}
GOOD = "127.0.0.2"


class Watch:
    """A good device beside an attack."""

    def __init__(self, t, gate, port):
        self.t, self.gate, self.port, self.count, self.quiet = t, gate, port, 0, None

    def during(self, what, attack, *args):
        self.count += 1
        good = Good(self.gate, GOOD, self.port, "good%d-" % self.count)
        end = time.monotonic() + 2
        try:
            result = attack(*args)
            while time.monotonic() < end:
                result = attack(*args)
        finally:
            report = good.end()
        self.t.note("%s: %s" % (what, report))
        if not self.t.ok(report.issue_ms and not report.faults, "%s: the good device gets all its certificates" % what):
            self.t.note("\n".join(report.faults[:5]))
        return result


# ---- slow ----

def slow_modes(t, gate, watch):
    before = opened(gate)
    for mode, what, options in SLOW_MODES:
        began = time.monotonic()
        status, most = watch.during("slowhttptest %s, %s" % (mode, what), slowhttptest, gate, SECONDS, mode, *options)
        # it ends early when all its connections were closed
        t.ok(status == 0 and time.monotonic() - began < SECONDS + 20, "%s: it had its time" % mode)
        t.ok(most - before <= PER_ADDRESS + 30, "%s: of 600 connections at most %d were let stay at a time" % (mode, most - before))
        wait_until("all slow connections to be gone", lambda: opened(gate) < before + 50, 60)


# ---- many ----

def many(t, gate, watch):
    tried, kept = watch.during("3000 connections from one address", flood, gate, 3000)
    t.ok(tried > 2500 and kept <= PER_ADDRESS, "of %d connections from one address %d were let stay" % (tried, kept))
    wait_until("the address to be free again", lambda: opened(gate) < 100, 60)
    line = Line(gate.port)
    line.send(request("GET", "/directory"))
    t.equal(line.read().status, 200, "and when they are gone the address is served again")
    line.close()


# ---- endless ----

def without_end(t, gate, watch):
    def all_of_them():
        return {what: endless(gate, head, piece) for what, (head, piece, _) in ENDLESS.items()}

    for what, (sent, status) in watch.during("requests without end", all_of_them).items():
        # what the kernels hold between us counts as sent
        t.ok(status in ENDLESS[what][2] | {0} and sent < 32 << 20, "%s: %s after %d KiB" % (what, status or "closed", sent >> 10))


# ---- two readings ----

def smuggling(t, gate, watch):
    def all_of_them():
        replies = {}
        for what, octets in SMUGGLED.items():
            line = Line(gate.port, source="127.0.0.4", timeout=10)
            line.send(octets)
            replies[what] = line.all()
            line.close()
        return replies

    for what, got in watch.during("request smuggling", all_of_them).items():
        status = re.findall(rb"HTTP/1.1 (\d+)", got)
        good = len(status) == 1 and status[0] in (b"400", b"405", b"413", b"414", b"417", b"431", b"501", b"505") \
            and b"Connection: close" in got and b"newNonce" not in got
        if not t.ok(good, "%s: one refusal, and the end" % what):
            t.note(got[:600])


# ---- rude ----

def half_closed(t, gate):
    line = Line(gate.port, timeout=10)
    line.send(request("GET", "/directory"))
    # the TCP line is closed in our direction, without TLS's goodbye
    socket.socket.shutdown(line.socket, socket.SHUT_WR)
    got = line.all()
    t.ok(got == b"" or got.startswith(b"HTTP/1.1 200"), "a half closed connection is answered or closed")
    line.close()


def pipelines(t, gate):
    line = Line(gate.port, timeout=10)
    line.send(request("GET", "/directory") * 50 + os.urandom(200000).replace(b"\r", b"").replace(b"\n", b""))
    got = line.all()
    status = re.findall(rb"HTTP/1.1 (\d+)", got)
    t.ok(status[:50] == [b"200"] * 50 and status[50:] in ([b"400"], [b"431"]), "50 requests in one piece, then garbage: 50 replies, one refusal, the end")
    line.close()
    line = Line(gate.port, timeout=10)
    for octet in request("GET", "/directory"):
        line.send(bytes([octet]))
    t.equal(line.read().status, 200, "a request of one octet a TLS record is a request like any other")
    line.close()


def rude(t, gate, watch):
    watch.during("connections reset in the middle", rude_peers, gate)
    half_closed(t, gate)
    pipelines(t, gate)
    wait_until("all of them to be gone", lambda: opened(gate) < 100, 60)


t = Tap()
with Lab(t) as lab:
    # what AddressSanitizer holds back of freed memory would hide whether ours is flat
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    port = PORTS.take()
    gate = lab.gate("https://localhost:1/dir", limits=LIMITS, log_level="warning", worker_threads=2, external_url=None)
    gate.conf["external_url"] = gate.url
    gate.conf["listen"] = ["127.0.0.1:%d" % gate.port]
    gate.conf["profiles"] = [{"name": "default", "upstream": "local", "http01_port": port}]
    gate.conf["upstreams"] = gate.conf["upstreams"][1:]
    gate.conf["default_profile"] = "default"
    gate.start()
    watch = Watch(t, gate, port)
    watch.during("no attack", time.sleep, SECONDS)
    sizes = [rss(gate)]
    for part in (slow_modes, many, without_end, smuggling, rude):
        with t.part(part.__name__):
            part(t, gate, watch)
        sizes.append(rss(gate))
    # once more, what took most memory: it must find the same again
    for _ in range(2):
        rude_peers(gate)
        flood(gate, 500)
        for what in list(ENDLESS)[:4]:
            endless(gate, *ENDLESS[what][:2])
    sizes.append(rss(gate))
    watch.during("no attack any more", time.sleep, SECONDS // 2)
    t.note("RSS at the start and after each part: %s MiB" % ", ".join("%.0f" % s for s in sizes))
    t.ok(max(sizes) < 2 * sizes[0] + 100 and sizes[-1] < max(sizes[1:-1]) + 30, "memory stays flat")
    t.ok(gate.process.running(), "the gateway is still up")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
