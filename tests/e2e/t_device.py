#!/usr/bin/python3
"""Devices as records: the inventory, blocks, and what they mean to a device that attests."""

import csv
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attest.prover import make_csr
from attest.world import World
from lab import BUILD, Lab, wait_until
from tap import Tap

REJECTED = "rejectedIdentifier"


def ordered(device):
    """newOrder's (status, type, detail) for a device that may be refused there."""
    if not device.acme.kid:
        device.register()
    payload = {"identifiers": device.idents}
    if device.profile:
        payload["profile"] = device.profile
    reply = device.acme.post(device.acme.directory["newOrder"], payload)
    return reply.status, reply.type() if reply.status >= 400 else "", reply.json.get("detail", "")


def shown(world, name, *options):
    return json.loads(world.gate.ctl("device", "show", name, "--json", *options))


def csr_of(device):
    return make_csr(device.hardware.key)


def certificate(device):
    reply, state = device.ask_for(csr_of(device))
    return reply.status, state


def strangers(t, world):
    device = world.device("apple", "ANY1")
    t.equal(device.begin().answer().json["status"], "valid", "devices = any: a stranger may come")
    record = shown(world, "ANY1")
    t.equal((record["status"], record["kind"], record["seen"], record["identifier"]), ("seen", "apple", 1, "ANY1"), "and is on record from then on")
    t.ok(record["account"] and record["key_hash"] and record["first_seen"] == record["last_seen"] and record["open_orders"] == 1,
         "with its account, its key, when, and its order")
    t.equal(certificate(device), (200, "valid"), "it gets its certificate")
    record = shown(world, "ANY1")
    t.equal((record["open_orders"], record["live_certs"]), (0, 1), "which the record counts")
    device = world.device("apple", "STRANGER", profile="strict")
    t.equal(ordered(device)[:2], (400, REJECTED), "devices = inventoried: it is refused when it orders")
    t.ok("not in the inventory" in ordered(device)[2] and "STRANGER" in ordered(device)[2], "and its owner is told why")
    world.gate.ctl("device", "allow", "ANY1")
    device = world.device("apple", "ANY1", profile="strict")
    t.equal(device.begin().answer().json["status"], "valid", "one that was seen may be put into the inventory")
    device = world.device("android-key", "ANY1", profile="strict")
    reply = device.begin().answer()
    t.equal((reply.json["status"], reply.json["error"]["type"].rpartition(":")[2]), ("invalid", REJECTED),
            "another maker's device of that serial number is another device, and refused when it has proven itself")
    t.equal(shown(world, "ANY1", "--kind", "android-key")["status"], "seen", "but was seen")


def inventory(t, world):
    path = world.write("inventory.csv", "identifier,kind,tags,owner,cost_centre\nINV1,apple,\"mac, hall-3\",ann@corp.example,4711\n"
                       "INV2,apple,,,\nINV1,apple,,,\n1/1.02,,,,\nINV3,nobody,,,\n")
    run = world.ctl("device", "import", path, "--dry-run")
    t.ok(run.returncode == 1 and "5 records: 2 added, 0 changed, 0 unchanged, 3 refused" in run.stdout, "a dry run counts")
    t.equal([line.split(": ")[0].rpartition("/")[2] for line in run.stderr.splitlines()], ["inventory.csv:4:1", "inventory.csv:5", "inventory.csv:6"],
            "and names the lines that are refused")
    t.equal(world.ctl("device", "show", "INV2").returncode, 4, "it leaves nothing")
    run = world.ctl("device", "import", path)
    t.ok(run.returncode == 1 and "2 added" in run.stdout, "the import adds those that are good")
    t.ok("0 added, 0 changed, 2 unchanged, 3 refused" in world.ctl("device", "import", path).stdout, "the same again changes nothing")
    record = shown(world, "INV1")
    t.equal((record["tags"], record["owner"], record["cost_centre"], record["status"]), (["hall-3", "mac"], "ann@corp.example", "4711", "inventoried"), "all of a line is on record")
    t.ok("INV1" in world.gate.ctl("device", "list", "--tag", "hall-3") and "INV2" not in world.gate.ctl("device", "list", "--tag", "hall-3"), "and can be looked for")
    device = world.device("apple", "INV2", profile="strict")
    t.equal(device.begin().answer().json["status"], "valid", "an inventoried device may enrol")
    listed = json.loads(world.gate.ctl("device", "list", "--all", "--json"))
    again = world.write("again.json", json.dumps(listed))
    run = world.ctl("device", "import", again)
    t.ok(run.returncode == 0 and "%d unchanged" % sum(d["status"] != "seen" for d in listed["items"]) in run.stdout, "what the list prints is imported again")
    broken = world.write("broken.csv", "identifier,kind\nNEW1,apple\n\"NEW2\n")
    run = world.ctl("device", "import", broken)
    t.ok(run.returncode == 2 and "line 3, column 1: the quote is never closed" in run.stderr and world.ctl("device", "show", "NEW1").returncode == 4,
         "a file that cannot be read to its end changes nothing")
    with open(world.path("many.csv"), "w") as out:
        rows = csv.writer(out)
        rows.writerow(["Serial Number", "Assigned User", "Colour"])
        rows.writerows(["MANY%06d" % n, "user %d, \"the %d.\"" % (n % 50, n), "red"] for n in range(3000))
    run = world.ctl("device", "import", world.path("many.csv"), "--kind", "apple", "--columns", "identifier=Serial Number,owner=Assigned User", "--json")
    t.equal([json.loads(run.stdout)[k] for k in ("records", "added", "refused", "faults")], [3000, 3000, 0, []], "a large file of another system, in parts")
    t.equal(shown(world, "MANY002999")["owner"], "user 49, \"the 2999.\"", "to its last line")


def broken_off(t, world):
    """The gateway is killed in the middle of an import."""
    path = world.write("long.csv", "identifier,kind\n" + "".join("LONG%06d,apple\n" % n for n in range(20000)))
    run = subprocess.Popen([os.path.join(BUILD, "acmegatectl"), "--socket", world.gate.socket, "device", "import", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    count = lambda: world.gate.sql("select count(*) from device where name like 'LONG%'")[0][0]
    wait_until("some to be there", lambda: count() > 500)
    world.gate.kill()
    run.communicate()
    before = count()
    t.ok(run.returncode == 3 and 500 < before < 20000, "an import breaks off with the daemon (%d of 20000 were in)" % before)
    world.gate.start()
    text = world.gate.ctl("device", "import", path)
    t.ok("%d added, 0 changed, %d unchanged" % (20000 - before, before) in text, "and is made again")


def blocks(t, world):
    device, late = world.device("apple", "BLK1"), world.device("apple", "BLK1")
    device.begin().answer()
    late.begin()
    text = world.gate.ctl("device", "block", "BLK1", "--reason", "lost on a train")
    t.ok("blocked" in text and "lost on a train" in text, "a device is blocked")
    reply, state = device.ask_for(csr_of(device))
    t.equal((reply.status, reply.type(), state), (403, "unauthorized", "ready"), "its order is not finalized, and stays ready")
    t.ok("blocked" in reply.json["detail"] and "train" not in reply.json["detail"], "it is told so, but not the reason")
    reply = late.answer()
    t.equal((reply.json["status"], reply.json["error"]["type"].rpartition(":")[2]), ("invalid", REJECTED), "it is refused when it has proven itself")
    t.equal(ordered(world.device("apple", "BLK1"))[:2], (400, REJECTED), "and when it orders, under devices = any as well")
    t.equal(world.ctl("device", "remove", "BLK1", "--yes").returncode, 6, "a block does not go with the record")
    world.gate.ctl("device", "allow", "BLK1")
    t.equal(certificate(device), (200, "valid"), "allowed again its order goes on")
    run = world.ctl("device", "block", "BLK1")
    t.ok("still valid" in run.stderr, "whose certificate lives on, of which the operator is told")
    record = shown(world, "BLK1")
    t.equal((record["live_certs"], len(record["certs"])), (1, 1), "and which he is shown")
    serial = json.loads(world.gate.ctl("cert", "show", record["certs"][0]["id"], "--json"))
    t.equal(serial["status"], "valid", "until")
    text = world.gate.ctl("device", "block", "BLK1", "--revoke", "1", "--yes", "--json")
    t.equal((json.loads(text)["revoked"], json.loads(text)["live_certs"]), (1, 0), "--revoke ends it")
    after = json.loads(world.gate.ctl("cert", "show", record["certs"][0]["id"], "--json"))
    t.equal((after["status"], after["revocation_reason"]), ("revoked", 1), "with that reason")
    world.gate.ctl("device", "block", "NEVER", "--kind", "apple")
    t.equal(ordered(world.device("apple", "NEVER"))[:2], (400, REJECTED), "a device may be blocked before it ever came")
    device = world.device("apple", "BLK2")
    udid = device.hardware.udid
    world.gate.ctl("device", "block", udid, "--kind", "apple")
    reply = device.begin().answer()
    t.equal(reply.json["error"]["type"].rpartition(":")[2], REJECTED, "a block on its UDID counts for the serial number as well")
    world.gate.ctl("device", "allow", udid, "--kind", "apple")


def gone(t, world):
    """The records of a device go with nothing but its removal; its links with its authorizations."""
    world.gate.ctl("device", "remove", "INV2", "--yes")
    t.equal(world.ctl("device", "show", "INV2").returncode, 4, "a device may be forgotten")
    t.equal(world.gate.sql("select count(*) from device_authz where device_id not in (select id from device)")[0][0], 0, "and no link is left behind")
    t.equal(ordered(world.device("apple", "INV2", profile="strict"))[:2], (400, REJECTED), "then it is a stranger again")


def main():
    t = Tap()
    with Lab(t) as lab:
        for store in ("SQLite", "PostgreSQL"):
            name = "gate-" + store.lower()
            world = World(lab, [{"name": "strict", "devices": "inventoried"}], name=name,
                          **({"store": lab.database(lab.postgres(), "devices")} if store != "SQLite" else {}))
            world.gate.start()
            for part in (strangers, inventory, broken_off, blocks, gone):
                with t.part("%s: %s" % (store, part.__name__)):
                    part(t, world)
            t.equal(world.gate.left_over(), {}, "nothing is left over")
            t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


sys.exit(main())
