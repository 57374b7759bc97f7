#!/usr/bin/python3
"""The `directory` of an upstream moves to another host: its key stays where it was made for, the operator hears what to do, and doing
so works."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, wait_until
from tap import Tap


def begin(lab, gate, name):
    device = lab.device(gate)
    device.start([name])
    device.prove()
    device.finalize()
    return device


def moved(t, lab):
    pebble = lab.pebble()
    proxy = lab.proxy(pebble)  # the same CA at another origin
    gate = lab.gate(pebble.directory, http_port=pebble.http_port)
    gate.start()
    t.ok(begin(lab, gate, "first.test").collect(), "a certificate comes from the CA where it was")
    gate.stop()
    entry = gate.conf["upstreams"][0]
    entry["directory"] = proxy.directory
    gate.start()
    status = json.loads(gate.ctl("--json", "status"))["upstreams"][0]
    old, new = pebble.directory[:-len("/dir")], proxy.directory[:-len("/dir")]
    want = 'the key of our account is for %s alone: give %s an entry of its own (acmegate.conf(5), "Moving to another CA")' % (old, new)
    t.equal(status.get("fault"), want, "the entry points elsewhere: status says what is the matter, and what to do")
    t.ok("ca: " + want in gate.ctl("status"), "for people, too")
    t.ok("event=upstream_moved" in gate.process.text(), "so does the log")
    waiting = begin(lab, gate, "waiting.test")
    wait_until("the order to be tried", lambda: "event=upstream_waits" in gate.process.text())
    t.equal(waiting.acme.post(waiting.order_url).json["status"], "processing", "an order waits")
    t.equal(proxy.count("newOrder") + proxy.count("newAccount"), 0, "and nothing is asked of the new host")
    gate.stop()
    # as the manual says
    entry["directory"] = pebble.directory
    gate.conf["upstreams"].append(dict(entry, name="new", directory=proxy.directory))
    gate.conf["profiles"][0]["upstream"] = "new"
    gate.start()
    t.ok(begin(lab, gate, "second.test").collect(), "with an entry for the new host certificates come from there")
    t.equal((proxy.count("newAccount", 201), proxy.count("finalize", 200)), (1, 1), "by an account of its own")
    by_name = {u["name"]: u for u in json.loads(gate.ctl("--json", "status"))["upstreams"]}
    t.equal([by_name[n].get("fault") for n in ("ca", "new")], [None, None], "both are well")
    t.equal(by_name["ca"]["orders"], 1, "the old one has its order still")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def wrong_at_first(t, lab):
    pebble = lab.pebble()
    gate = lab.gate("https://localhost:1/dir", http_port=pebble.http_port)
    gate.start()
    gate.stop()
    gate.conf["upstreams"][0]["directory"] = pebble.directory
    gate.start()
    t.ok(begin(lab, gate, "typo.test").collect(), "an entry that has no account yet is put right by its directory alone")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
with Lab(t) as lab:
    for part in (moved, wrong_at_first):
        with t.part(part.__name__.replace("_", " ")):
            part(t, lab)
sys.exit(t.done())
