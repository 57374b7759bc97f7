#!/usr/bin/python3
"""The batch resource of doc/mass-ari.md with a running gateway, the examples in that text, and acmegatectl renewals due.

The examples are what the gateway answered: this test asks again and compares, all that differs each time put aside. --write puts them
there."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import serialization

import acme
from lab import BUILD, TOP, Lab, pebbles, wait_until
from tap import Tap

DOC = os.path.join(TOP, "doc", "mass-ari.md")
HOST = "https://acme.corp.example"


def shown(value):
    """JSON for people, lines of at most 120 characters where that can be."""
    return json.dumps(value, indent=2)


def http(method, target, reply, payload=None, sent=()):
    lines = ["%s %s" % (method, target)] + ["%s: %s" % field for field in sent]
    if payload is not None:
        lines += ["", shown(payload)]
    lines += ["", "HTTP/1.1 %d" % reply.status]
    lines += ["%s: %s" % (k, reply.headers[k]) for k in ("Content-Type", "Retry-After", "ETag", "Cache-Control") if reply.headers.get(k)
              and reply.headers.get(k) != "no-store"]
    if reply.body:
        lines += ["", shown(reply.json)]
    return "\n".join(lines)


class Examples:
    def __init__(self, gate):
        self.gate, self.made = gate, {}

    def add(self, name, text):
        self.made[name] = text.replace(self.gate.url, HOST)


def normal(text):
    """Without what differs from one run to the next."""
    for pattern, word in ((r"[A-Za-z0-9_-]{27}\.[A-Za-z0-9_-]{20,28}", "ID"), (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
                          (r'(W/)?\\?"[A-Za-z0-9_-]{43}\\?"', "ETAG"), (r'"tag": "[A-Za-z0-9_-]{8}"', "TAG"), (r'^      "[A-Za-z0-9_-]{8}"', "TAG"),
                          (r'"(state|cursor)": "[^"]*"', r"\1"), (r'"retryAfter": \d+', "AFTER"), (r"(Retry-After|max-age)[:=] ?\d+", r"\1"),
                          (r'"tags": \[\s*"[^"]*"', "TAGS"), (r" +", " ")):
        text = re.sub(pattern, word, text, flags=re.M)
    return text


def in_document():
    """{name: text of the example that follows its mark}."""
    text = open(DOC).read()
    return dict(re.findall(r"<!-- example: ([\w-]+) -->\n\n```\n(.*?)\n```\n", text, re.S))


def write(examples):
    text = re.sub(r"(<!-- example: [\w-]+ -->\n)\n```\n.*?\n```\n", r"\1", open(DOC).read(), flags=re.S)
    for name, body in examples.made.items():
        text = text.replace("<!-- example: %s -->\n" % name, "<!-- example: %s -->\n\n```\n%s\n```\n" % (name, body))
    with open(DOC, "w") as out:
        out.write(text)


def due(gate, text, *words, status=0):
    run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "renewals", "due", "--directory", gate.directory, *words], input=text,
                         capture_output=True, text=True, timeout=120)
    if run.returncode != status:
        raise AssertionError("acmegatectl renewals due: status %d: %s%s" % (run.returncode, run.stdout, run.stderr))
    return run.stdout


def protocol(t, lab, gate, ex):
    device = lab.device(gate)
    chains = []
    for name in ("a.test", "b.test", "c.test"):
        device.cert_key = acme.new_key()
        chains.append(device.obtain([name])[1])
    ids = sorted(acme.cert_id(c) for c in chains)
    a = device.acme
    directory = a.get(gate.directory).json
    batch = directory["acmegate-renewalInfoBatch"]
    ex.add("directory", shown({k: directory[k] for k in ("newOrder", "renewalInfo", "acmegate-renewalInfoBatch")}))
    other = lab.device(gate)
    foreign = acme.cert_id(other.obtain(["d.test"])[1])

    reply = a.get(batch + "/" + ",".join(ids[:2] + ["aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"]))
    t.equal((reply.status, sorted(reply.json["entries"]), len(reply.json["errors"])), (200, ids[:2], 1), "a list by GET")
    for one in ids[:2]:
        t.equal(reply.json["entries"][one]["renewalInfo"], a.get(directory["renewalInfo"] + "/" + one).json, "  as RFC 9773's own GET")
    t.equal(a.get(batch + "/" + ",".join(ids[:1] * 65)).status, 400, "  too long a one is refused")
    t.ok("path=/renewal-info-batch/{} status=400" in gate.process.text() and ids[0] not in gate.process.text(), "  and the log has no certIDs")
    short = a.get(batch + "/" + ids[0])
    ex.add("get", http("GET", batch + "/" + ",".join(ids[:2] + ["aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"]), reply))
    fields = {"If-None-Match": short.headers["ETag"]}
    same = a.request("GET", batch + "/" + ids[0], headers=fields)
    t.equal((same.status, same.body), (304, b""), "  a second time only what has changed")
    ex.add("not-modified", http("GET", batch + "/" + ids[0], same, sent=fields.items()))

    payload = {"certIDs": [ids[0], foreign]}
    reply = a.post(batch, payload)
    t.equal((sorted(reply.json["entries"]), reply.json["errors"][foreign]["status"]), ([ids[0]], 404), "a list by POST: another's is unknown")
    ex.add("post", http("POST", batch, reply, payload))
    payload = {"certIDs": ids[:1], "tags": [reply.json["entries"][ids[0]]["tag"]]}
    reply = a.post(batch, payload)
    t.equal(reply.json["entries"][ids[0]].get("unchanged"), True, "  with its tag it is unchanged")
    ex.add("tags", http("POST", batch, reply, payload))
    reply = a.post(batch, {"certIDs": ["x"] * 1001})
    t.equal((reply.status, reply.json["maxCertIDs"]), (400, 1000), "  too many are refused")
    ex.add("too-many", http("POST", batch, reply))

    payload = {"scope": "account"}
    reply = a.post(batch, payload)
    t.equal((sorted(reply.json["entries"]), reply.json["more"]), (ids, False), "the feed has all of the account's")
    brief = a.post(batch, dict(payload, limit=1))
    t.equal((len(brief.json["entries"]), brief.json["more"], "cursor" in brief.json), (1, True, True), "  a page at a time")
    ex.add("feed", http("POST", batch, brief, dict(payload, limit=1)))
    state = reply.json["state"]

    leaf = acme.leaf_of(chains[0])
    t.equal(a.post(directory["revokeCert"], {"certificate": acme.b64(leaf.public_bytes(serialization.Encoding.DER))}).status, 200, "one is revoked")
    device.cert_key = acme.new_key()
    renewed = device.obtain(["b.test"], replaces=acme.cert_id(chains[1]))[1]
    reply = a.post(batch, {"scope": "account", "state": state})
    t.equal((reply.json["gone"], acme.cert_id(renewed) in reply.json["entries"]), ([acme.cert_id(chains[1])], True), "what was replaced is gone, its successor there")
    entry = reply.json["entries"][acme.cert_id(chains[0])]["renewalInfo"]
    t.ok(entry["suggestedWindow"]["end"] < reply.json["now"] and entry["explanationURL"], "the revoked one is to be renewed at once, and why is said")
    payload = {"scope": "account", "state": state, "filter": {"explained": True}}
    ex.add("feed-changes", http("POST", batch, a.post(batch, payload), payload))
    return chains, ids


def command(t, lab, gate, ex, chains, ids):
    revoked = acme.cert_id(chains[0])
    wait_until("the revocation to be in memory", lambda: revoked in due(gate, revoked, "--ca-file", gate.root, "--plain"), 60)
    text = due(gate, "\n".join(ids), "--ca-file", gate.root, "--plain")
    t.equal([line.split("\t")[1] for line in text.splitlines()], ["now"], "acmegatectl renewals due: one is")
    ex.add("ctl", "$ acmegatectl renewals due --directory %s/directory --plain < certs.txt\n%s" % (HOST, text.rstrip("\n").replace("\t", "  ")))
    with open(lab.path("c.pem"), "w") as out:
        out.write(chains[2])
    lines = ["# devices", lab.path("c.pem"), ids[0], "", chains[0].split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"]
    rows = json.loads(due(gate, "\n".join(lines) + "\n", "--ca-file", gate.root, "--all", "--json"))["certificates"]
    t.equal([(r["name"], r["certID"]) for r in rows], [(lab.path("c.pem"), acme.cert_id(chains[2])), (ids[0], ids[0]), ("certificate 3", revoked)],
            "it takes files, certIDs and PEM")
    t.ok(all(r["start"] <= r["renew"] <= r["end"] for r in rows), "with a time in each window")
    t.equal(rows, json.loads(due(gate, "\n".join(lines) + "\n", "--ca-file", gate.root, "--all", "--json"))["certificates"], "that stays the same")
    far = json.loads(due(gate, "\n".join(ids), "--ca-file", gate.root, "--within", "365d", "--json"))["certificates"]
    t.equal(len(far), 3, "--within looks ahead")
    many = json.loads(due(gate, "\n".join(ids * 50), "--ca-file", gate.root, "--all", "--json"))["certificates"]
    t.ok(len(many) == 150 and all("end" in r for r in many), "150 are asked in lists")
    for text, what in (("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "an unknown certificate"), (lab.path("nowhere.pem"), "a file that is not there"),
                       (lab.path("web.key"), "a file that is no certificate")):
        rows = json.loads(due(gate, text + "\n" + revoked, "--ca-file", gate.root, "--all", "--json", status=1))["certificates"]
        t.ok(rows[0].get("error") and rows[1]["due"], "%s fails the command, after the others were told" % what)
    due(gate, ids[0], status=3)
    t.ok(True, "a server that nobody vouches for is not asked")
    due(gate, "-----BEGIN CERTIFICATE-----\nAAAA", "--ca-file", gate.root, status=2)
    t.ok(True, "half a certificate is refused")


def plain_server(t, lab, pebble, chain):
    """Any server that has RFC 9773."""
    class Server:
        directory = pebble.directory
    row = json.loads(due(Server, acme.cert_id(chain), "--ca-file", lab.path("web_root.pem"), "--all", "--json"))["certificates"][0]
    t.ok(row["start"] < row["end"], "a CA without the batch resource is asked one by one")


t = Tap()
what, folder = list(pebbles())[-1]
with Lab(t) as lab:
    pebble = lab.pebble(folder=folder)
    gate = lab.gate(pebble.directory, http_port=pebble.http_port, renewal_explanation=HOST + "/incidents")
    gate.conf["profiles"] = [{"name": name, "upstream": ca, "http01_port": gate.device_port} for name, ca in (("default", "local"), ("ca", "ca"))]
    gate.start()
    ex = Examples(gate)
    with t.part("the protocol"):
        chains, ids = protocol(t, lab, gate, ex)
        command(t, lab, gate, ex, chains, ids)
    if what == "a current pebble":
        with t.part("another server"):
            plain_server(t, lab, pebble, lab.device(gate).obtain(["e.test"], profile="ca")[1])
    if "--write" in sys.argv:
        write(ex)
    have = in_document()
    t.equal(sorted(have), sorted(ex.made), "doc/mass-ari.md has an example of each")
    for name, text in ex.made.items():
        t.equal(normal(have.get(name, "")), normal(text), "the example \"%s\" is what the gateway answers" % name)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
