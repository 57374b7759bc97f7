#!/usr/bin/python3
"""The whole daemon under valgrind, from its start to its end, with every kind of work between: no error, nothing lost. Run by
./check with a build without sanitizers (ACMEGATE_BUILD)."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab
from tap import Tap


def lost(text):
    """Octets definitely, indirectly or possibly lost, of all processes."""
    return sum(int(n.replace(",", "")) for n in re.findall(r"(?:definitely|indirectly|possibly) lost: ([0-9,]+) bytes", text))


def errors(text):
    return sum(int(n) for n in re.findall(r"ERROR SUMMARY: (\d+) errors", text))


t = Tap()
with Lab(t) as lab:
    pebble = lab.pebble()
    gate = lab.gate(pebble.directory, http_port=pebble.http_port)
    gate.conf["profiles"].append(dict(gate.conf["profiles"][0], name="inside", upstream="local"))
    log = lab.path("valgrind.log")
    under = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--log-file=" + log + ".%p"]
    for round in (1, 2):
        gate.start(under=under, seconds=120)
        device = lab.device(gate)
        device.acme.timeout = 60
        _, chain = device.obtain(["one%d.test" % round])
        t.ok("BEGIN CERTIFICATE" in chain, "round %d: a certificate of the CA" % round)
        device.obtain(["two%d.test" % round], profile="inside")
        t.equal(device.acme.post(device.acme.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "forbidden.test"}]}).status,
                400, "round %d: one of its own CA, and a refusal" % round)
        t.ok("generation" in gate.ctl("reload"), "round %d: a reload" % round)
        t.equal(gate.stop(), 0, "round %d: it ends with 0" % round)
    texts = [open(os.path.join(lab.folder, name)).read() for name in os.listdir(lab.folder) if name.startswith("valgrind.log")]
    t.equal(len(texts), 4, "the daemon and its keeper have been watched, twice")
    t.equal([errors(text) for text in texts], [0] * 4, "no error")
    t.equal([lost(text) for text in texts], [0] * 4, "nothing lost")
sys.exit(t.done())
