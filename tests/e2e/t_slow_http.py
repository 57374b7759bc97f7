#!/usr/bin/python3
"""Slow, endless, broken and lying peers, while a good device keeps getting certificates from another address: it must not notice.

slowhttptest in each of its modes, then what no tool does: more connections than one address may have, bodies without end,
pipelines of garbage, half closed and reset connections, requests that two readers would cut in two ways."""

import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from good import Good
from lab import PORTS, Lab, wait_until
from lines import Line, request
from tap import Tap

SECONDS = 6          # of each attack by slowhttptest
PER_ADDRESS = 200    # connections; below, the deadlines
LIMITS = {"conns_per_addr": PER_ADDRESS, "handshake": "2s", "head": "2s", "body": "3s", "idle": "3s", "write": "3s"}
GOOD, BAD = "127.0.0.2", "127.0.0.1"


def rss(gate):
    with open("/proc/%d/status" % gate.process.child.pid) as text:
        return int(re.search(r"VmRSS:\s+(\d+) kB", text.read()).group(1)) / 1024


def opened(gate):
    return len(os.listdir("/proc/%d/fd" % gate.process.child.pid))


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

def slowhttptest(gate, mode, *options):
    """Most connections that the gateway had open at a time."""
    url, most = gate.url.replace("localhost", "127.0.0.1") + "/directory", 0
    child = subprocess.Popen(["slowhttptest", mode, "-c", "600", "-r", "300", "-i", "1", "-l", str(SECONDS), "-p", "3", "-u", url, *options],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    while child.poll() is None:
        most = max(most, opened(gate))
        time.sleep(0.05)
    return child.returncode, most


def slow_modes(t, gate, watch):
    before = opened(gate)
    for mode, what, options in (("-H", "slow heads", []), ("-B", "slow bodies", ["-s", "60000"]),
                                ("-X", "slow reading", ["-w", "8", "-y", "16", "-n", "1", "-z", "1", "-k", "10"]),
                                ("-R", "ranges", [])):
        began = time.monotonic()
        status, most = watch.during("slowhttptest %s, %s" % (mode, what), slowhttptest, gate, mode, *options)
        # it ends early when all its connections were closed
        t.ok(status == 0 and time.monotonic() - began < SECONDS + 20, "%s: it had its time" % mode)
        t.ok(most - before <= PER_ADDRESS + 30, "%s: of 600 connections at most %d were let stay at a time" % (mode, most - before))
        wait_until("all slow connections to be gone", lambda: opened(gate) < before + 50, 20)


# ---- many ----

def flood(gate, count):
    """Connections that say nothing; how many of them the gateway keeps."""
    held, kept = [], 0
    for _ in range(count):
        try:
            link = socket.create_connection(("127.0.0.1", gate.port), 5, (BAD, 0))
            link.settimeout(0)
            held.append(link)
        except OSError:
            pass
    time.sleep(0.5)
    for link in held:
        try:
            kept += link.recv(1) != b""
        except BlockingIOError:
            kept += 1
        except OSError:
            pass
    # from here on they time out
    time.sleep(2)
    for link in held:
        link.close()
    return len(held), kept


def many(t, gate, watch):
    tried, kept = watch.during("3000 connections from one address", flood, gate, 3000)
    t.ok(tried > 2500 and kept <= PER_ADDRESS, "of %d connections from one address %d were let stay" % (tried, kept))
    wait_until("the address to be free again", lambda: opened(gate) < 100, 20)
    line = Line(gate.port)
    line.send(request("GET", "/directory"))
    t.equal(line.read().status, 200, "and when they are gone the address is served again")
    line.close()


# ---- endless ----

def endless(gate, head, piece, most=64 << 20):
    """Send `piece` over and over; how many octets were taken, and the status."""
    line, sent = Line(gate.port, source="127.0.0.3"), 0
    try:
        line.send(head)
        while sent < most:
            line.send(piece)
            sent += len(piece)
    except OSError:
        pass
    status = line.read().status
    line.close()
    return sent, status


POST = b"POST /new-order HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jose+json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "chunks without end": (CHUNKED, b"2000\r\n" + b"a" * 8192 + b"\r\n", {413}),
    "chunks of one octet": (CHUNKED, b"1\r\na\r\n" * 2000, {413}),
    "a chunk size without end": (CHUNKED, b"0" * 8192, {400}),
    "a chunk extension without end": (CHUNKED + b"1;", b"a=b;" * 2048, {400}),
    "trailers without end": (CHUNKED + b"0\r\n", b"a: b\r\n" * 2048, {400}),
    "a request line without end": (b"GET /", b"a" * 8192, {400, 414, 431}),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"a: b\r\n" * 2048, {431}),
    "one field without end": (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ", b"a" * 8192, {431}),
    "empty lines without end": (b"\r\n", b"\r\n" * 4096, {400}),
    "a body longer than it said, on and on": (POST + b"Content-Length: 2\r\n\r\n{}", b"a" * 8192, {400}),
    "the longest length": (POST + b"Content-Length: 18446744073709551615\r\n\r\n", b"a" * 8192, {413}),
    "a length beyond all": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", b"a" * 8192, {413}),
}


def without_end(t, gate, watch):
    def all_of_them():
        return {what: endless(gate, head, piece) for what, (head, piece, _) in ENDLESS.items()}

    for what, (sent, status) in watch.during("requests without end", all_of_them).items():
        # what the kernels hold between us counts as sent
        t.ok(status in ENDLESS[what][2] | {0} and sent < 32 << 20, "%s: %s after %d KiB" % (what, status or "closed", sent >> 10))


# ---- two readings ----

INNER = b"GET /directory HTTP/1.1\r\nHost: localhost\r\n\r\n"
G = b"GET /directory HTTP/1.1\r\nHost: localhost\r\n"
P = b"POST /new-nonce HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = {
    "both lengths": P + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "both, the other way round": P + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + INNER,
    "two lengths": P + b"Content-Length: 0\r\nContent-Length: 45\r\n\r\n" + INNER,
    "two equal lengths": P + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + INNER,
    "a list of lengths": P + b"Content-Length: 0, 0\r\n\r\n" + INNER,
    "a signed length": P + b"Content-Length: +0\r\n\r\n" + INNER,
    "a negative length": P + b"Content-Length: -1\r\n\r\n" + INNER,
    "a hexadecimal length": P + b"Content-Length: 0x0\r\n\r\n" + INNER,
    "a length with a blank in it": P + b"Content-Length: 0 0\r\n\r\n" + INNER,
    "an empty length": P + b"Content-Length:\r\n\r\n" + INNER,
    "a length that wraps 64 bits": P + b"Content-Length: 18446744073709551616\r\n\r\n" + INNER,
    "a blank before the colon": P + b"Content-Length : 45\r\n\r\n" + INNER,
    "a blank before the colon of Transfer-Encoding": P + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a folded field": P + b"A: b\r\n Content-Length: 45\r\n\r\n" + INNER,
    "a folded Transfer-Encoding": P + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + INNER,
    "a coding that is not chunked": P + b"Transfer-Encoding: xchunked\r\n\r\n" + INNER,
    "chunked twice": P + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "chunked not last": P + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + INNER,
    "two Transfer-Encodings": P + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + INNER,
    "a coding in quotes": P + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + INNER,
    "a coding behind a vertical tab": P + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + INNER,
    "Transfer-Encoding in HTTP/1.0": b"POST /new-nonce HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "bare LF between fields": b"GET /directory HTTP/1.1\r\nHost: localhost\nContent-Length: 45\r\n\r\n" + INNER,
    "bare LF at the end of the head": b"GET /directory HTTP/1.1\r\nHost: localhost\r\n\n" + INNER,
    "bare CR in a field": G + b"A: b\rContent-Length: 45\r\n\r\n" + INNER,
    "NUL in a field": G + b"A: b\0c\r\n\r\n" + INNER,
    "a field without a colon": G + b"nonsense\r\n\r\n" + INNER,
    "a field without a name": G + b": x\r\n\r\n" + INNER,
    "two Hosts": G + b"Host: other\r\n\r\n" + INNER,
    "no Host": b"GET /directory HTTP/1.1\r\n\r\n" + INNER,
    "another Host than the target's": b"GET https://other/directory HTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER,
    "two blanks in the request line": b"GET  /directory HTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER,
    "a tab in the request line": b"GET\t/directory\tHTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER,
    "HTTP/1.2": b"GET /directory HTTP/1.2\r\nHost: localhost\r\n\r\n" + INNER,
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
    "HTTP/0.9": b"GET /directory\r\n" + INNER,
    "CONNECT": b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n" + INNER,
    "a chunk size with a sign": P + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + INNER,
    "a chunk size in 0x": P + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + INNER,
    "a chunk size with blanks": P + b"Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n" + INNER,
    "a chunk size that wraps 64 bits": P + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + INNER,
    "a chunk that is longer than it said": P + b"Transfer-Encoding: chunked\r\n\r\n1\r\naa\r\n0\r\n\r\n" + INNER,
    "a chunk ended by LF": P + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n" + INNER,
    "a chunk extension with LF in it": P + b"Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n" + INNER,
    "a trailer": P + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 45\r\n\r\n" + INNER,
    "an unknown expectation": P + b"Expect: 200-ok\r\nContent-Length: 0\r\n\r\n" + INNER,
}


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

def reset(line):
    """No goodbye: the next octet from the other side finds nobody."""
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def rude_peers(gate):
    letter = request("GET", "/directory")
    for n in range(200):
        line = Line(gate.port, source="127.0.0.5")
        if n % 4 == 0:
            line.send(letter * 20)           # a pipeline, reset while it is answered
        elif n % 4 == 1:
            line.send(letter[:-1])           # all but an octet
        elif n % 4 == 2:
            line.send(POST + b"Content-Length: 2000\r\n\r\n{")
        else:
            line.send(letter)
            line.socket.recv(10)             # some of the reply
        reset(line)


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
    wait_until("all of them to be gone", lambda: opened(gate) < 100, 20)


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
