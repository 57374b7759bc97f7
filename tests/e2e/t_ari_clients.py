#!/usr/bin/python3
"""Real clients that ask for renewal information (RFC 9773): lego and certbot of today. Nothing is to be renewed yet; an incident is opened, and each
renews at once of its own accord, lego with `replaces`, certbot without; the incident sees it, and closes."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from clients.place import Place
from clients.programs import CurrentCertbot, CurrentLego
from lab import PORTS, Lab, wait_until
from tap import Tap

PAGE = "https://pki.corp.test/incident"


class Lego(CurrentLego):
    keeps_waiting = False

    def look(self):
        """As often as it likes: it renews when it is told to."""
        self.step("renew-due")
        return self.place.read("chain.pem")


class Certbot(CurrentCertbot):
    keeps_waiting = True  # what it asked about once it asks about again when Retry-After is over

    def look(self):
        self.certbot("renew", "--no-random-sleep-on-renew")
        return self.chain()


def serial(chain):
    return acme.leaf_of(chain).serial_number


def show(gate, ref):
    return json.loads(gate.ctl("--json", "incident", "show", ref))


def whole(t, lab):
    kinds = Lego, Certbot
    ports = {kind.name: PORTS.take() for kind in kinds}
    gate = lab.gate("", rates={"requests_burst": 0})
    gate.conf["upstreams"] = [{"name": "local", "driver": "local"}]
    gate.conf["profiles"] = [{"name": name, "upstream": "local", "http01_port": port, "validity": "90d"} for name, port in ports.items()]
    gate.conf["default_profile"] = Lego.name
    gate.start()
    clients = [kind(Place(lab, gate, kind.name, ports[kind.name])) for kind in kinds]
    first = {}
    for client in clients:
        first[client.name] = client.obtain()
        if not client.keeps_waiting:
            t.equal(serial(client.look()), serial(first[client.name]), "%s: nothing is to be renewed yet" % client.label)
    shown = json.loads(gate.ctl("--json", "incident", "open", "--ca", "local", "--explanation", PAGE, "--finish-within", "12h"))
    t.equal((shown["affected"], shown["missing"]), (2, 2), "an incident has both")
    for client in clients:
        url = gate.acme().directory["renewalInfo"] + "/" + acme.cert_id(first[client.name])
        wait_until("the window to move", lambda: gate.acme().get(url).json.get("explanationURL") == PAGE, 60)
        again = wait_until("%s to renew of its own accord" % client.label,
                           lambda: (lambda c: serial(c) != serial(first[client.name]) and c)(client.look()), 60, 1)
        named = gate.sql("select count(*) from orders where replaces = '%s' and state = 3" % acme.cert_id(first[client.name]))[0][0]
        t.equal(named, int(client.names_predecessor), "%s renews at once, and %s what it replaces" % (client.label, "names" if named else "does not name"))
        t.equal(gate.sql("select count(*) from renewal where replaced_at is not null and certid = '%s'" % acme.cert_id(first[client.name]))[0][0], 1,
                "the old one is on record as replaced")
        t.equal(serial(client.look()), serial(again), "and the new one is not to be renewed")
    t.equal(clients[0].place.read("explanation"), "", "of the new one there is nothing to explain")
    done = wait_until("the incident to close", lambda: (lambda i: i["state"] == "closed" and i)(show(gate, shown["id"])), 60)
    t.equal((done["renewed"], done["missing"]), (2, 0), "the incident is over")
    for client in clients:
        client.place.close()
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    with t.part("lego and certbot"):
        whole(t, lab)
sys.exit(t.done())
