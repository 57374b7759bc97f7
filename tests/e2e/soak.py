#!/usr/bin/python3
"""Good devices and every attacker we have, all at once and for long: `make soak MINUTES=30`, or soak.py [MINUTES].

Three good devices get certificates without a pause, two from the gateway's own CA and one from pebble behind it. Around them: slow,
flooding, endless, lying and rude peers; requests with a bit turned over; devices that never answer their proof, answer wrong, without
end, or send the gateway round in circles; reloads. Printed at the start, after a third, two thirds and at the end: what the good
devices got, how long it took, and what the daemon holds. It fails if a good device failed, the daemon did (a 500, a sanitizer, a
wrong row in the store), or memory grows from one third to the next."""

import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
import attacks
from good import Good, Report
from invariants import INVARIANTS
from lab import PORTS, Lab, wait_until
from lines import Line, Signer, request
from tap import Tap

MINUTES = float(sys.argv[1]) if len(sys.argv) > 1 else 30
EVIL = "127.0.0.66"  # where the evil devices' names lead


class Attackers:
    """Each a thread that does its worst, over and over."""

    def __init__(self, lab, gate):
        self.lab, self.gate = lab, gate
        self.ended, self.threads, self.counts, self.statuses, self.faults = threading.Event(), [], {}, {}, []

    def add(self, attack, *args):
        self.threads.append(threading.Thread(target=self._run, args=(attack, args), daemon=True))

    def start(self):
        for thread in self.threads:
            thread.start()

    def _run(self, attack, args):
        name = attack.__name__.strip("_")
        while not self.ended.is_set():
            try:
                attack(*args)
                self.counts[name] = self.counts.get(name, 0) + 1
            except OSError:
                time.sleep(0.1)  # thrown out: as it should be
            except Exception as fault:
                self.faults.append("%s: %s: %s" % (name, type(fault).__name__, fault))
                time.sleep(1)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)

    def told(self, reply):
        key = "%d %s" % (reply.status, reply.type() if reply.status >= 400 else "")
        self.statuses[key] = self.statuses.get(key, 0) + 1
        return reply

    # -- on the devices' face --

    def slow(self):
        for mode, _, options in attacks.SLOW_MODES:
            attacks.slowhttptest(self.gate, 10, mode, *options)

    def flood(self):
        attacks.flood(self.gate, 800, "127.0.0.7")

    def endless(self):
        for head, piece, _ in attacks.ENDLESS.values():
            attacks.endless(self.gate, head, piece)

    def smuggle(self):
        for octets in attacks.SMUGGLED.values():
            line = Line(self.gate.port, source="127.0.0.4", timeout=10)
            line.send(octets)
            line.all()
            line.close()

    def rude(self):
        attacks.rude_peers(self.gate)

    def mutate(self):
        """Good requests with some octets turned over, deleted or doubled."""
        line = Line(self.gate.port, source="127.0.0.8")
        signer = Signer()

        def send(method, url, body=b""):
            line.send(request(method, urllib.parse.urlsplit(url).path, body))
            return self.told(line.read(method))

        nonce = send("HEAD", self.gate.url + "/new-nonce").headers["Replay-Nonce"]
        reply = send("POST", self.gate.url + "/new-account", signer.sign(nonce, self.gate.url + "/new-account", {}, jwk=True))
        signer.kid = reply.headers["Location"]
        urls = [self.gate.url + path for path in ("/new-order", "/new-account", "/revoke-cert", "/key-change")] + [signer.kid]
        for _ in range(200):
            nonce = reply.headers.get("Replay-Nonce") or nonce
            url = random.choice(urls)
            payload = random.choice([None, {}, {"identifiers": [{"type": "dns", "value": "m%d.test" % random.randrange(1000)}]},
                                     {"csr": acme.b64(os.urandom(300))}, {"certificate": acme.b64(os.urandom(300))}, {"contact": ["mailto:a@b.test"]}])
            body = bytearray(signer.sign(nonce, url, payload))
            for _ in range(random.randrange(3)):
                at = random.randrange(len(body))
                body[at:at + 1] = random.choice([b"", bytes([body[at] ^ 1 << random.randrange(8)]), bytes([body[at]]) * 2,
                                                 b"\\u0000", b'"', b"{", b"[" * 40, os.urandom(4)])
            reply = send("POST", url, bytes(body))
            if reply.status == 0 or reply.headers.get("Connection") == "close":
                break
        line.close()

    # -- as devices --

    def evil_devices(self):
        """Names that lead to servers that hang, lie and run in circles."""
        account = acme.Acme(self.gate.url + "/p/evil/directory", self.gate.root, source="127.0.0.9")
        if self.told(account.new_account()).status != 201:
            time.sleep(1)  # too many, in the others' company
            return
        for n in range(20):
            name = "evil%d.test" % random.randrange(40)
            reply = self.told(account.new_order([name]))
            if reply.status != 201:
                time.sleep(1)
                break
            for url in reply.json["authorizations"]:
                authz = account.post(url).json
                for chall in authz.get("challenges", []):
                    self.told(account.post(chall["url"], {}))
                if n % 3 == 0:
                    self.told(account.post(url, {"status": "deactivated"}))
        self.told(account.post(account.kid, {"status": "deactivated"}))

    def reload(self):
        self.ended.wait(20)
        if not self.ended.is_set():
            self.gate.process.child.send_signal(signal.SIGHUP)


class EvilWeb:
    """Each connection is treated badly in another way."""

    def __init__(self, address, port):
        self.server = socket.create_server((address, port), backlog=200)
        self.location = "http://evil1.test:%d/.well-known/acme-challenge/" % port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.treat, args=(link,), daemon=True).start()

    def treat(self, link):
        manner = random.randrange(8)
        try:
            link.settimeout(20)
            link.recv(4096)
            if manner == 0:
                time.sleep(15)
            elif manner == 1:
                link.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s%d\r\nContent-Length: 0\r\n\r\n" % (
                    self.location.encode(), random.randrange(1000)))
            elif manner == 2:
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                for _ in range(10000):
                    link.sendall(b"a" * 65536)
            elif manner == 3:
                link.sendall(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100000):
                    link.sendall(b"A: %s\r\n" % (b"b" * 1000))
            elif manner == 4:
                for octet in b"HTTP/1.1 200 OK\r\n" * 20:
                    link.sendall(bytes([octet]))
                    time.sleep(0.2)
            elif manner == 5:
                link.sendall(os.urandom(2000))
            elif manner == 6:
                link.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % random.choice(
                    [b"http://169.254.169.254/", b"https://127.0.0.1:1/", b"file:///etc/passwd", b"http://[::1]:22/", b"gopher://127.0.0.1/",
                     b"//evil2.test", b"http://user:pass@127.0.0.1:80/", b"http://" + b"a" * 5000]))
            else:
                link.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffffffff\r\n" + b"a" * 100000)
        except OSError:
            pass
        link.close()

    def close(self):
        self.server.close()


def merged(reports):
    whole = Report()
    for report in reports:
        whole.request_ms += report.request_ms
        whole.issue_ms += report.issue_ms
        whole.faults += report.faults
    return whole


def row(t, when, gate, report):
    t.note("%-14s RSS %5.0f MiB, %4d descriptors; %s" % (when, attacks.rss(gate), attacks.opened(gate), report))


def third(t, gate, name, ports, seconds):
    good = [Good(gate, "127.0.0.2", ports[0], name + "a", "inside"), Good(gate, "127.0.0.3", ports[1], name + "b", "other"),
            Good(gate, "127.0.0.6", ports[2], name + "c", "default")]
    end = time.monotonic() + seconds
    while time.monotonic() < end and gate.process.running():
        time.sleep(0.5)
    return merged([g.end() for g in good])


def soak(t, lab):
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    pebble = lab.pebble(env={"PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_VA_NOSLEEP": "1"})
    proxy = lab.proxy(pebble)
    ports, evil_port = [PORTS.take() for _ in range(3)], PORTS.take()
    for n in range(40):
        lab.resolve("evil%d.test" % n, EVIL)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, log_level="warning", worker_threads=4,
                    limits={"conns_per_addr": 200, "handshake": "2s", "head": "2s", "body": "3s", "idle": "3s", "write": "3s"})
    names = ("inside", "other", "default")
    gate.conf["profiles"] = [dict(name=n, upstream="ca" if n == "default" else "local", http01_port=p)
                             for n, p in zip(names, ports)] + [{"name": "evil", "upstream": "local", "http01_port": evil_port,
                                                                 "validation_attempts": ["0s", "1s", "2s"]}]
    gate.start()
    lab.servers.append(EvilWeb(EVIL, evil_port))
    quiet = third(t, gate, "quiet", ports, min(20, MINUTES * 6))
    row(t, "no attack yet", gate, quiet)

    attackers = Attackers(lab, gate)
    for attack in (attackers.slow, attackers.flood, attackers.endless, attackers.smuggle, attackers.rude, attackers.mutate,
                   attackers.mutate, attackers.reload):
        attackers.add(attack)
    attackers.add(attackers.evil_devices)
    attackers.start()
    sizes, whole = [], []
    try:
        for n, when in enumerate(("after 1/3", "after 2/3", "at the end")):
            report = third(t, gate, "third%d-" % n, ports, MINUTES * 20)
            row(t, when, gate, report)
            sizes.append(attacks.rss(gate))
            whole.append(report)
    finally:
        attackers.end()
    report = merged(whole)
    t.note("attacks: %s" % ", ".join("%s %d" % item for item in sorted(attackers.counts.items())))
    t.note("answers to attackers: %s" % ", ".join("%s: %d" % item for item in sorted(attackers.statuses.items())))
    if not t.equal(report.rate(), 100.0, "good devices got every certificate"):
        t.note("\n".join(report.faults[:10]))
    t.equal(attackers.faults[:5], [], "no attacker met what it did not expect")
    t.equal([s for s in attackers.statuses if s.startswith("500")], [], "no request made a fault of ours")
    t.ok(sizes[2] < sizes[0] * 1.2 + 16, "memory is flat: %s MiB" % ", ".join("%.0f" % s for s in sizes))
    wait_until("what attackers left to be over", lambda: not gate.sql("select id from job where kind not in (4, 6, 7, 8, 9, 10)"), 120, 0.5)
    broken = {what: rows[:3] for what, text in INVARIANTS.items() for rows in [gate.sql(text)] if rows}
    t.equal(broken, {}, "all invariants of the store hold")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    soak(t, lab)
sys.exit(t.done())
