#!/usr/bin/python3
"""Every client of the field gets a certificate of a real CA through the gateway, and waits until the CA has made it.

Each has a profile with a port of its own where it answers http-01, and reaches it by the profile's directory. The whole life of
an account is t_life.py's."""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import CLIENTS, Place
from lab import PORTS, Lab, pebbles
from rules import watched
from tap import Tap


def trace(t, gate, name, host):
    """The whole story of its order, as acmegatectl tells it."""
    orders = json.loads(gate.ctl("--json", "order", "list"))["items"]
    mine = [o for o in orders if '"%s"' % host in json.dumps(o)]
    t.equal(len(mine), 1, "%s: acmegatectl lists its order" % name)
    story = gate.ctl("order", "show", "--trace", mine[0]["id"])
    t.ok(host in story and len(story.splitlines()) > 8, "%s: acmegatectl tells the order's whole way" % name)
    t.note(story)


def everything(t, what, folder):
    with Lab(t) as lab:
        t.note("with " + what)
        pebble = lab.pebble(folder=folder)
        proxy = lab.proxy(pebble)
        gate = lab.gate(proxy.directory, http_port=pebble.http_port)
        ports = {kind.name: PORTS.take() for kind in CLIENTS}
        gate.conf["profiles"] = [{"name": name, "upstream": "ca", "http01_port": port} for name, port in ports.items()]
        gate.conf["default_profile"] = CLIENTS[0].name
        watch = watched(lab, gate) if what != DIRECT else gate.start()
        chains, faults = {}, {}

        def work(kind):
            place = Place(lab, gate, kind.name, ports[kind.name])
            try:
                chains[kind.name] = kind(place).obtain()
            except Exception as fault:
                faults[kind.name] = "%s: %s" % (type(fault).__name__, fault)
            finally:
                place.close()

        threads = [threading.Thread(target=work, args=(kind,)) for kind in CLIENTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in ports:
            if not t.ok(name in chains, "%s gets a certificate" % name):
                t.note(faults.get(name))
                continue
            with t.part(name):
                t.equal(lab.verify(chains[name], pebble.roots[:1]), "", "%s: its chain ends at the CA's root" % name)
                trace(t, gate, name, name + ".device.test")
        t.equal(len(pebble.issued()), len(chains), "the CA issued one certificate for each")
        if watch:
            t.equal(watch.faults, [], "each of %d replies is as clients want it" % watch.count)
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


DIRECT = next(pebbles())[0]  # with the others a proxy looks at each reply
t = Tap()
for what, folder in pebbles():
    everything(t, what, folder)
sys.exit(t.done())
