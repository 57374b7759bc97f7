#!/usr/bin/python3
"""Tenants and what their keys are good for: accounts inherit the tenant of their key, a key is for its names and networks alone, who was
refused is on record, and a key that is rotated leaves certificates and accounts where they belong. On both stores."""

import base64
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab
from tap import Tap

TENANTS = [{"name": "web", "owner": "Ada", "contact": "web@corp.test", "cost_centre": "CC-1", "share": 3}, {"name": "ops.2"}]


def octets(key):
    return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))


def create(gate, *words):
    """(kid, key) of a new one."""
    made = json.loads(gate.ctl("--json", "eab", "create", *words))
    return made["id"], made["key"]


def bound(lab, gate, kid, key):
    """A device, and the reply to its newAccount with this key."""
    device = lab.device(gate)
    return device, device.acme.new_account(externalAccountBinding=acme.eab(kid, octets(key), device.acme.directory["newAccount"], device.acme.key))


def items(gate, *words):
    return json.loads(gate.ctl("--json", *words))["items"]


def history(gate, kid):
    return [(e["event"], e.get("detail", "")) for e in json.loads(gate.ctl("--json", "eab", "show", kid))["history"]]


def tenants(t, lab, gate):
    t.equal([(i["id"], i["share"], i.get("cost_centre")) for i in items(gate, "tenant", "list")],
            [("web", 3, "CC-1"), ("ops.2", 1, None), ("default", 1, None)], "the tenants are those of the configuration, and default")
    page = json.loads(gate.ctl("--json", "tenant", "list", "--limit", "1"))
    t.equal((page["next"], [i["id"] for i in items(gate, "tenant", "list", "--before", "web")]), ("web", ["ops.2", "default"]), "in pages, too")
    t.ok("no tenant" in gate.try_ctl("eab", "create", "--tenant", "nobody")[1], "a key cannot be of another")
    device, reply = bound(lab, gate, *create(gate, "--kid", "web-1", "--tenant", "web"))
    t.equal(reply.status, 201, "a device comes with a key of one")
    device.obtain(["one.web.test"])
    lab.device(gate).obtain(["free.test"])
    t.equal([i["tenant"] for i in items(gate, "account", "list")], ["default", "web"], "its account is of that tenant, an unbound one of default")
    t.equal([(i["tenant"], i["identifiers"][0]["value"]) for i in items(gate, "order", "list", "--tenant", "web")], [("web", "one.web.test")],
            "so is its order")
    t.equal([i["tenant"] for i in items(gate, "cert", "list")], ["default", "web"], "and its certificate")
    t.equal(([i["id"] for i in items(gate, "eab", "list", "--tenant", "web")], len(items(gate, "account", "list", "--tenant", "ops.2"))), (["web-1"], 0),
            "lists are of one tenant, too")
    shown = json.loads(gate.ctl("--json", "tenant", "show", "web"))
    t.equal((shown["owner"], shown["eab_keys"], shown["accounts"], shown["orders"]), ("Ada", 1, 1, 1), "and a tenant tells how much it has")
    t.ok("CC-1" in gate.ctl("tenant", "show", "web") and "ops.2" in gate.ctl("tenant", "list"), "for people, too")
    return device


def names_and_networks(t, lab, gate):
    kid, key = create(gate, "--kid", "narrow", "--tenant", "web", "--names", "*.web.test", "--names", "web.test", "--cost-centre", "CC-9")
    device, reply = bound(lab, gate, kid, key)
    reply = device.acme.new_order(["ok.web.test", "other.test"])
    t.equal((reply.status, reply.type(), reply.json["detail"]), (400, "rejectedIdentifier", 'the external account key "narrow" is not for "other.test"'),
            "a name that the key is not for is refused, and its owner hears which")
    device.obtain(["ok.web.test"])
    t.equal(device.acme.new_order(["forbidden.test"]).type(), "rejectedIdentifier", "a key opens nothing that the rules refuse")
    far, reply = bound(lab, gate, *create(gate, "--kid", "far", "--networks", "192.0.2.0/24", "--networks", "2001:db8::/32"))
    t.equal((reply.status, reply.type(), "not for use from 127.0.0.1" in reply.json["detail"]), (403, "unauthorized", True),
            "from elsewhere no account is made with a key")
    told = history(gate, "narrow")
    t.equal([e for e, _ in told], ["created", "bound", "refused"], "what became of a key is on record")
    t.ok(device.acme.kid.rsplit("/", 1)[1] in told[2][1] and "other.test" in told[2][1], "who was refused, and what for")
    t.equal(history(gate, "far")[1], ("refused", 'the external account key "far" is not for use from 127.0.0.1'), "without an account, too")
    t.ok("refused by 127.0.0.1" in gate.ctl("eab", "show", "far"), "for people, too")
    t.equal(json.loads(gate.ctl("--json", "eab", "show", "far"))["uses"], 0, "a refusal is no use")
    gate.ctl("eab", "disable", "narrow")
    t.equal(device.acme.new_order(["ok.web.test"]).status, 403, "a suspended key stops its accounts")
    t.equal([e for e, _ in history(gate, "narrow")][-2:], ["suspended", "refused"], "that is on record, too")
    for words in (("--names", "**.web.test"), ("--networks", "10.0.0.1/8")):
        t.ok(gate.run_ctl(["eab", "create", *words]).returncode != 0, "what cannot be read is refused: %s" % words[1])


def rotation(t, lab, gate):
    kid, key = create(gate, "--kid", "old", "--tenant", "web", "--names", "*.web.test")
    first, _ = bound(lab, gate, kid, key)
    first.obtain(["rotated.web.test"])
    stays, _ = bound(lab, gate, kid, key)
    made = json.loads(gate.ctl("--json", "eab", "rotate", "old", "--kid", "new", "--overlap", "1h"))
    t.equal((made["tenant"], made["names"]), ("web", ["*.web.test"]), "the key that takes its place is for the same names, of the same tenant")
    t.equal(bound(lab, gate, kid, key)[1].status, 201, "the old one still makes accounts for as long as they overlap")
    second, _ = bound(lab, gate, "new", made["key"])
    serial = items(gate, "cert", "list", "--limit", "1")[0]
    certid = gate.sql("select certid from cert order by id desc limit 1")[0][0]
    second.start(["rotated.web.test"], replaces=certid)
    t.equal(second.order.get("replaces"), certid, "an account of the new key may replace what one of the old key has")
    t.ok(serial["tenant"] == "web", "which is the tenant's")
    made = json.loads(gate.ctl("--json", "eab", "rotate", "new", "--kid", "newest", "--overlap", "0", "--move-accounts"))
    t.equal((made["accounts"], json.loads(gate.ctl("--json", "eab", "show", "new"))["accounts"]), (1, 0), "accounts may move to the new key")
    gate.ctl("eab", "disable", "new")
    t.equal(second.acme.new_order(["goes-on.web.test"]).status, 201, "and are stopped by the old one no more")
    t.equal([e for e, _ in history(gate, "new")], ["created by rotation of", "bound", "rotated", "suspended"], "all of it is on record")


def handed_out(t, lab, gate):
    wants = {"certbot": "--eab-hmac-key %s", "lego": "--hmac %s", "acme.sh": "--eab-hmac-key %s", "uacme": ":%s new", "cert-manager": 'secret: "%s"',
             "caddy": "mac_key %s", "traefik": 'hmacEncoded: "%s"'}
    for n, (name, want) in enumerate(wants.items()):
        text = gate.ctl("eab", "create", "--kid", "f%d" % n, "--format", name)
        key = re.search(want.replace("%s", "([A-Za-z0-9_-]{43})"), text)
        t.ok(key and "f%d" % n in text and gate.url + "/directory" in text, "a key as %s takes it" % name)
    t.equal(bound(lab, gate, "f6", key.group(1))[1].status, 201, "is a key")
    made = json.loads(gate.ctl("eab", "create", "--format", "json"))
    t.equal(bound(lab, gate, made["id"], made["key"])[1].status, 201, "as JSON, too")
    t.equal(gate.run_ctl(["eab", "create", "--kid", "never", "--format", "word"]).returncode, 2, "of an unknown format none is made")
    t.ok(gate.run_ctl(["eab", "show", "never"]).returncode != 0, "really none")
    # a fleet's, whose making breaks off
    fleet, keys = lab.path("fleet.csv"), lab.path("keys.csv")
    with open(fleet, "w") as out:
        out.write("kid,note,names,room\n" + "".join("d%d,\"printer, %d\",*.web.test d%d.test,7\n" % (n, n, n) for n in range(4)) + "narrow,x,,\n")
    if os.path.exists(keys):
        os.unlink(keys)
    run = gate.run_ctl(["eab", "create-fleet", fleet, "--output", keys, "--tenant", "web"])
    t.equal((run.returncode, "line 6" in run.stderr), (6, True), "a kid that another key has ends it, at its line")
    with open(keys) as lines:
        text = lines.read()
    t.equal((text.count("\n"), os.stat(keys).st_mode & 0o777), (6, 0o600), "keys are in the file, for nobody else")
    first = dict(line.split(",") for line in text.splitlines())
    with open(fleet, "a") as out:
        out.write("d4,,,\n")
    with open(fleet) as lines:
        kept = [line for line in lines if not line.startswith("narrow")]
    with open(fleet, "w") as out:
        out.writelines(kept)
    with open(keys, "w") as out:  # as a crash would leave it: the last line was not ended, and the daemon has its key not
        out.write("".join("%s,%s\n" % (kid, first[kid]) for kid in ("kid", "d0", "d1", "d2")) + "d3," + first["d3"][:9])
    run = gate.run_ctl(["eab", "create-fleet", fleet, "--output", keys, "--tenant", "web"])
    t.equal((run.returncode, "line 5" in run.stderr), (6, True), "a key that the daemon has and the file lost is not made up anew")
    with open(keys, "w") as out:
        out.write("".join("%s,%s\n" % (kid, first[kid]) for kid in ("kid", "d0", "d1", "d2", "d3")))
    t.equal(gate.ctl("eab", "create-fleet", fleet, "--output", keys, "--tenant", "web"), "5 keys, 4 of them in %s before\n" % keys, "the same command goes on")
    with open(keys) as lines:
        again = dict(line.split(",") for line in lines.read().splitlines())
    t.equal({kid: again[kid] for kid in ("d0", "d3")}, {kid: first[kid] for kid in ("d0", "d3")}, "with the keys of before")
    device, reply = bound(lab, gate, "d0", again["d0"])
    t.equal((reply.status, device.acme.new_order(["d0.test"]).status, device.acme.new_order(["d1.test"]).status), (201, 201, 400), "each is for its own names")
    shown = json.loads(gate.ctl("--json", "eab", "show", "d1"))
    t.equal((shown["tenant"], shown["note"]), ("web", "printer, 1"), "and has what its line says")


def gone(t, gate, device):
    kept = gate.conf["tenants"]
    gate.conf["tenants"] = [tenant for tenant in kept if tenant["name"] != "web"]
    gate.write_conf()
    gate.ctl("reload")
    reply = device.acme.new_order(["more.web.test"])
    t.equal((reply.status, "is not served any more" in reply.json["detail"]), (403, True), "whose tenant is gone orders nothing")
    gate.conf["tenants"] = kept
    gate.write_conf()
    gate.ctl("reload")
    t.equal(device.acme.new_order(["more.web.test"]).status, 201, "until it is back")


t = Tap()
with Lab(t) as lab:
    server = lab.postgres()
    for what, store in (("SQLite", ""), ("PostgreSQL", lab.database(server, "tenants"))):
        gate = lab.gate("https://localhost:1/nowhere", store=store, tenants=TENANTS)
        gate.conf["upstreams"] = [{"name": "local", "driver": "local"}]
        gate.conf["profiles"][0]["upstream"] = "local"
        gate.start()
        with t.part("tenants, " + what):
            device = tenants(t, lab, gate)
        with t.part("names and networks, " + what):
            names_and_networks(t, lab, gate)
        with t.part("rotation, " + what):
            rotation(t, lab, gate)
        with t.part("handed out, " + what):
            handed_out(t, lab, gate)
        with t.part("gone, " + what):
            gone(t, gate, device)
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
