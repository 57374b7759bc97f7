#!/usr/bin/python3
"""Three hundred orders at a time, proven by dns-01: one record each, in a handful of messages to the DNS server, which has a secondary;
each its certificate, and nothing left behind, neither in the zone nor in the journal. Times are printed, not judged."""

import json
import os
import socket
import statistics
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import PORTS, Lab, pebbles, wait_until
from tap import Tap
from zones import Zones, names_of, solver_conf

COUNT, ACCOUNTS, AT = 300, 10, "_acme-challenge."
REMOVED = b"\x00\x10\x00\xfe"  # TXT, class NONE (RFC 2136 2.5.4)


class Relay:
    """Between the gateway and its DNS server: counts the messages, and keeps those that add, or remove, until they are let go."""

    def __init__(self, target):
        self.target, self.adds, self.removals = target, 0, 0
        self.may_add, self.may_remove = threading.Event(), threading.Event()
        self.socket = socket.create_server(("127.0.0.1", PORTS.take()))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(link,), daemon=True).start()

    @staticmethod
    def frame(link):
        """The next message with its length (RFC 1035 4.2.2)."""
        octets = b""
        while len(octets) < 2 or len(octets) < 2 + struct.unpack("!H", octets[:2])[0]:
            more = link.recv((2 if len(octets) < 2 else 2 + struct.unpack("!H", octets[:2])[0]) - len(octets))
            if not more:
                raise OSError("closed")
            octets += more
        return octets

    def one(self, link):
        try:
            with link, socket.create_connection(self.target, 60) as server:
                while True:
                    message = self.frame(link)
                    if REMOVED in message:
                        self.removals += 1
                        self.may_remove.wait()
                    else:
                        self.adds += 1
                        self.may_add.wait()
                    server.sendall(message)
                    link.sendall(self.frame(server))
        except OSError:
            pass

    def close(self):
        self.may_add.set()
        self.may_remove.set()
        self.socket.close()


def account_of(gate):
    account = gate.acme(patient=60)
    account.want("newAccount", account.new_account(), 200, 201)
    return account


def ready(lab, gate):
    """Orders of devices that have proven their names, some accounts' side by side."""
    responder, devices, faults = lab.responder(gate.device_port), [], []

    def some(number):
        try:
            account = account_of(gate)
            for n in range(number, COUNT, ACCOUNTS):
                device = acme.Device(account, responder)
                device.start(["f%d.corp.test" % n])
                device.prove()
                devices.append(device)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=some, args=(n,)) for n in range(ACCOUNTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return devices


def watch_orders(gate, times, began):
    """Seconds after which each order was valid."""
    def all_are():
        for (ref,) in gate.sql("select ref from orders where state = 3"):
            times.setdefault(ref, time.monotonic() - began)
        return len(times) == COUNT
    wait_until("all orders to be valid", all_are, 400, 0.2)


def fleet(t, lab):
    zones = Zones(lab, "bind")
    resolver = zones.resolver()
    pebble = lab.pebble(folder=list(pebbles())[-1][1], dns=resolver, env={"PEBBLE_ALTERNATE_ROOTS": "0", "PEBBLE_WFE_NONCEREJECT": "0",
                                                                         "PEBBLE_VA_NOSLEEP": "1"})
    proxy = lab.proxy(pebble)  # it has one request at a time at the CA
    relay = Relay((zones.host, zones.port))
    lab.servers.append(relay)
    conf = solver_conf(lab, zones, server=relay.address, zone="corp.test", update_timeout="5m", propagation_timeout="2m")
    gate = lab.gate(proxy.directory, public_resolvers=[resolver], solvers=[conf], rates={"requests_burst": 0},  # they all have one address
                    upstream={"limits": "none", "conns_max": 16, "request": "2m", "orders_in_flight": COUNT})
    gate.start()
    devices = ready(lab, gate)
    t.equal(len(devices), COUNT, "%d devices have proven their names" % COUNT)
    for device in devices:
        device.acme.want("finalize", device.acme.finalize(device.order, acme.make_csr(device.cert_key, device.names())), 200)
    wait_until("all proofs to be on record", lambda: gate.sql("select count(*) from proof_record where wanted = 1") == [(COUNT,)], 400, 0.3)
    t.equal(gate.sql("select count(*) from orders where state = 2"), [(COUNT,)], "all their orders are in flight at once")
    t.equal(sum(len(zones.values(AT + "f%d.corp.test" % n)) for n in range(0, COUNT, 30)), 0, "and nothing is in the zone yet")
    time.sleep(1)  # the last ones join the others
    began, times = time.monotonic(), {}
    relay.may_add.set()
    watch_orders(gate, times, began)
    wait_until("all removals to wait", lambda: json.loads(gate.ctl("--json", "status"))["jobs"]["active"] >= COUNT, 400, 0.3)
    t.equal([len(zones.values(AT + "f%d.corp.test" % n)) for n in range(0, COUNT, 30)], [1] * (COUNT // 30), "one record each")
    relay.may_remove.set()
    wait_until("the journal to be empty", lambda: gate.sql("select count(*) from proof_record") == [(0,)], 400, 0.3)
    wait_until("jobs to end", lambda: not gate.left_over(), 120, 0.3)
    names = [AT + "f%d.corp.test" % n for n in range(COUNT)]
    t.equal([n for n in names if zones.values(n)], [], "no record is left behind")
    wait_until("the secondary to follow", lambda: zones.serial("corp.test", zones.other) == zones.serial("corp.test", zones.host), 120)
    t.equal([n for n in names if zones.values(n, zones.other)], [], "nor at the secondary")
    chains = [device.acme.post(device.acme.post(device.order_url).json["certificate"]).body.decode() for device in devices]
    t.equal((sorted(n for c in chains for n in names_of(c)), {lab.verify(c, pebble.roots[:1]) for c in chains[::10]}),
            (sorted("f%d.corp.test" % n for n in range(COUNT)), {""}), "each device has the certificate of its name")
    t.equal(len(pebble.issued()), COUNT, "the CA issued once for each")
    t.equal((counted(gate, "added"), counted(gate, "removed")), (COUNT, COUNT), "%d records were added, and removed" % COUNT)
    t.ok(relay.adds <= COUNT / 20 and relay.removals <= COUNT / 20, "by %d and %d messages" % (relay.adds, relay.removals))
    cuts = statistics.quantiles(times.values(), n=100)
    t.note("time to certificate, from the first message on: p50 %.1f s, p99 %.1f s (an answer of the CA at a time)" % (cuts[49], cuts[98]))
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def counted(gate, change):
    line = 'acmegate_dns_records_total{solver="corp",change="%s"} ' % change
    return sum(int(float(text.rpartition(" ")[2])) for text in gate.ctl("metrics").splitlines() if text.startswith(line))


t = Tap()
with Lab(t) as lab:
    with t.part("a fleet"):
        fleet(t, lab)
sys.exit(t.done())
