"""Attacks on the devices' face, each a function that does it once; used by t_slow_http.py one by one and by soak.py all at once."""

import os
import re
import socket
import struct
import subprocess
import time

from lines import Line, request


def rss(gate):
    with open("/proc/%d/status" % gate.process.child.pid) as text:
        return int(re.search(r"VmRSS:\s+(\d+) kB", text.read()).group(1)) / 1024


def opened(gate):
    return len(os.listdir("/proc/%d/fd" % gate.process.child.pid))


# ---- slow ----

SLOW_MODES = (("-H", "slow heads", []), ("-B", "slow bodies", ["-s", "60000"]),
              ("-X", "slow reading", ["-w", "8", "-y", "16", "-n", "1", "-z", "1", "-k", "10"]), ("-R", "ranges", []))


def slowhttptest(gate, seconds, mode, *options):
    """Most connections that the gateway had open at a time."""
    url, most = gate.url.replace("localhost", "127.0.0.1") + "/directory", 0
    child = subprocess.Popen(["slowhttptest", mode, "-c", "600", "-r", "300", "-i", "1", "-l", str(seconds), "-p", "3", "-u", url, *options],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    while child.poll() is None:
        most = max(most, opened(gate))
        time.sleep(0.05)
    return child.returncode, most


# ---- many ----

def flood(gate, count, source="127.0.0.1"):
    """Connections that say nothing; how many of them the gateway keeps."""
    held, kept = [], 0
    for _ in range(count):
        try:
            link = socket.create_connection(("127.0.0.1", gate.port), 5, (source, 0))
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
