#!/usr/bin/python3
"""Restarts behind sockets that a service manager holds: devices hammer the gateway meanwhile, on new connections and on kept ones, and
no request is lost. What the service manager is told; a socket that is not the configuration's is refused."""

import fcntl
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, PORTS, Lab, Process, wait_until
from tap import Tap

RESTARTS = 4


class Manager:
    """What systemd is to a unit of Type=notify with sockets: holds them, hears what the daemon says."""

    def __init__(self, lab, gate, **ports):
        self.lab, self.gate, self.heard = lab, gate, []
        self.path = lab.path("notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.path)
        self.names, self.sockets = list(ports), []
        for port in ports.values():
            s = socket.create_server(("127.0.0.1", port), backlog=1024)
            self.sockets.append(fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50 + len(self.sockets)))
            s.close()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.heard.append(self.notify.recv(4096).decode())

    def hears(self, what, since=0):
        wait_until("the daemon to say " + what, lambda: any(text.startswith(what) for text in self.heard[since:]), 120)

    def close(self):
        for fd in self.sockets:
            os.close(fd)
        os.unlink(self.path)

    def argv(self):
        # bash, since the descriptors have two digits
        moved = " ".join("%d<&%d" % (3 + i, fd) for i, fd in enumerate(self.sockets))
        return ["/bin/bash", "-c", 'LISTEN_PID=$$ exec "$@" ' + moved, "bash", os.path.join(BUILD, "acmegated"), "-c", self.gate.conf_path]

    def start(self):
        """Without waiting."""
        self.gate.write_conf()
        env = {"NOTIFY_SOCKET": self.path, "LISTEN_FDS": str(len(self.sockets)), "LISTEN_FDNAMES": ":".join(self.names)}
        self.gate.process = Process(self.lab, self.gate.name, self.argv(), env, fds=self.sockets)

    def restart(self):
        since = len(self.heard)
        status = self.gate.stop()
        self.start()
        self.hears("READY=1", since)
        return status


class Hammer(threading.Thread):
    """One request after another, each of which must be answered. A connection may be closed by a reply that says so, or while it
    has waited for a second; never in answer to a request."""

    def __init__(self, gate, kept):
        super().__init__(daemon=True)
        self.gate, self.kept, self.done, self.link = gate, kept, False, None
        self.trust = ssl.create_default_context(cafile=gate.root)
        self.answered, self.reopened, self.faults = 0, 0, []
        self.asked, self.waited = 0, 0
        self.start()

    def ask(self):
        """A machine that is slow may keep us from asking until the second is over: how long it was at most is known by our own clock."""
        since = self.asked
        if self.link is None:
            since = time.monotonic()
            self.link = http.client.HTTPSConnection("localhost", self.gate.port, timeout=120, context=self.trust)
        try:
            self.link.request("HEAD" if self.kept else "GET", "/new-nonce" if self.kept else "/directory")
        finally:
            self.asked = time.monotonic()
            self.waited = self.asked - since

    def once(self):
        self.ask()
        reply = self.link.getresponse()
        reply.read()
        self.answered += reply.status == 200
        if reply.will_close or not self.kept:
            self.reopened += 1
            self.link.close()
            self.link = None

    def run(self):
        while not self.done:
            try:
                self.once()
            except Exception as fault:  # each is one too many
                self.link = None
                if isinstance(fault, OSError) and self.waited >= 1:
                    self.reopened += 1
                else:
                    self.faults.append(repr(fault))
            time.sleep(0.01)

    def finish(self):
        self.done = True
        self.join(120)


def orders(lab, gate, manager, results):
    """Certificates while it is restarted, by a client that sends nothing twice but what has a stale nonce."""
    device = lab.device(gate)
    for n in range(4):
        results.append(device.obtain(["order%d.test" % n])[0]["status"])


def restarts(t, lab, gate, manager):
    hammers = [Hammer(gate, kept) for kept in (False, True) for _ in range(3)]
    results = []
    buyer = threading.Thread(target=orders, args=(lab, gate, manager, results), daemon=True)
    buyer.start()
    wait_until("each device to be answered", lambda: all(h.answered for h in hammers), 120)
    ends = []
    for _ in range(RESTARTS):
        ends.append(manager.restart())
        before = [h.answered for h in hammers]
        # one answer more may be the old process's, read late
        wait_until("each device to be answered by the new process", lambda: all(h.answered > n + 1 for h, n in zip(hammers, before)), 120)
    buyer.join(240)
    for h in hammers:
        h.finish()
    t.equal(ends, [0] * RESTARTS, "%d restarts end with 0" % RESTARTS)
    t.equal([f for h in hammers for f in h.faults], [], "of %d requests none is lost" % sum(h.answered for h in hammers))
    t.ok(all(h.reopened >= RESTARTS for h in hammers if h.kept), "connections that are kept are ended by a reply that says so")
    t.equal(results, ["valid"] * 4, "and orders end as if nothing had been")


def sayings(t, gate, manager):
    since = len(manager.heard)
    gate.process.child.send_signal(signal.SIGHUP)
    manager.hears("READY=1", since)
    said = [text.split("\n")[0] for text in manager.heard[since:]]
    t.ok(said[0] == "RELOADING=1" and said[-1] == "READY=1" and "MONOTONIC_USEC=" in manager.heard[since], "a reload is told: %s" % said)
    t.ok("STATUS=configuration: generation 2 is in force" in said, "and what came of it")
    since = len(manager.heard)
    gate.conf["worker_threads"] = 5
    gate.write_conf()
    status, text = gate.try_ctl("reload")
    t.ok(status == 1 and "worker_threads" in text, "acmegatectl reload waits, and fails with what cannot be reloaded: %s" % text.strip())
    manager.hears("STATUS=configuration: refused", since)
    t.ok("\nacmegate_config_last_reload_successful 0\n" in gate.ctl("metrics"), "of which the manager hears, too, and Prometheus")
    gate.conf["worker_threads"] = 4
    since = len(manager.heard)
    t.equal(gate.stop(), 0, "SIGTERM ends it")
    manager.hears("STOPPING=1", since)
    with open("/proc/net/tcp") as table:
        t.ok(any(int(row.split()[1].split(":")[1], 16) == gate.port for row in list(table)[1:]), "its socket is still there then")


def refused(t, lab, gate):
    """Names and addresses that do not fit: exit statuses of systemd's list."""
    for what, ports, status, words in (
            ("of an unknown name", {"web": PORTS.take()}, 78, "none of acme"),
            ("at another address", {"acme": PORTS.take()}, 69, "no address of this face"),
            ("for a face that is not configured", {"metrics": PORTS.take()}, 69, "no address of this face")):
        manager = Manager(lab, gate, **ports)
        manager.start()
        manager.close()
        t.equal(gate.process.child.wait(120), status, "a socket %s is refused with status %d" % (what, status))
        t.ok(words in gate.process.text().splitlines()[-1], "which says why")
    run = subprocess.run(["/bin/bash", "-c", 'LISTEN_PID=1 LISTEN_FDS=x exec "$@"', "bash", os.path.join(BUILD, "acmegated"), "-t", "-c",
                          gate.conf_path], capture_output=True, text=True)
    t.equal(run.returncode, 0, "what is meant for another process is let be: %s" % run.stderr)


def main():
    t = Tap()
    with Lab(t) as lab:
        gate = lab.gate("https://localhost:1/none", rates={"requests_burst": 0, "new_order_burst": 0})
        gate.conf["profiles"][0]["upstream"] = "local"
        gate.conf["upstreams"] = gate.conf["upstreams"][1:]
        gate.conf["metrics_listen"] = ["127.0.0.1:%d" % PORTS.take()]
        manager = Manager(lab, gate, acme=gate.port, metrics=int(gate.conf["metrics_listen"][0].partition(":")[2]))
        manager.start()
        manager.hears("READY=1")
        with t.part("restarts"):
            restarts(t, lab, gate, manager)
        with t.part("what the manager hears"):
            sayings(t, gate, manager)
        manager.close()
        del gate.conf["metrics_listen"]
        with t.part("refusals"):
            refused(t, lab, gate)
        t.equal(gate.sanitizer_report(), "", "no sanitizer has anything to say")
    return t.done()


if __name__ == "__main__":
    sys.exit(main())
