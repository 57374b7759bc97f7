#!/usr/bin/python3
"""Backups of SQLite: made while devices order, whole, with nothing in clear; what is not whole, of a newer release or of another key is
not restored, nor anything over a database or beside a running gateway. After it certificates are known, orders under way have ended,
and limits of CAs count as used up, unless the gateway has done nothing since."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, Lab
from tap import Tap

SECRET = "cGxhbnRlZC1tYXJrZXItb2YtYS1zZWNyZXQta2V5"  # of a key for account binding


def ctl(gate, *words):
    """As root would call it: by the configuration, not the socket alone."""
    run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "-c", gate.conf_path, *words], capture_output=True, text=True, timeout=300)
    return run.returncode, run.stdout + run.stderr


def sql(path, text, *values):
    # closed, so that what is written is in the file
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        return db.execute(text, values).fetchall()


def octets(folder):
    for base, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                yield name, file.read()


def made(t, lab, gate):
    """Online, while certificates are ordered."""
    device, done, ordered = lab.device(gate), threading.Event(), []

    def order():
        while not done.is_set():
            ordered.append(device.obtain(["one%d.test" % len(ordered)])[0]["status"])

    device.obtain(["zero.test"])
    buyer = threading.Thread(target=order, daemon=True)
    buyer.start()
    first, second = lab.path("backup1"), lab.path("backup2")
    status, text = ctl(gate, "backup", first)
    t.equal(status, 0, "a backup is made while devices order: %s" % text.strip())
    t.equal(ctl(gate, "backup", second, "--with-master-key")[0], 0, "and another with the master key")
    done.set()
    buyer.join(120)
    t.equal(set(ordered) - {"valid"}, set(), "which stops nobody: %d certificates meanwhile" % len(ordered))
    t.equal(sorted(os.listdir(first)), ["acmegate.conf", "acmegate.db", "manifest.json", "node"], "it has the files it should")
    t.ok(not [name for name in os.listdir(first) if os.stat(os.path.join(first, name)).st_mode & 0o077], "for its owner alone")
    t.equal(sql(os.path.join(first, "acmegate.db"), "pragma integrity_check"), [("ok",)], "SQLite finds it in order")
    t.ok(ctl(gate, "backup", first)[0] != 0, "a folder that is there is left alone")
    with open(os.path.join(gate.state, "master.key"), "rb") as file:
        key = file.read().strip()
    found = [name for name, text in octets(first) for marker in (key, SECRET.encode(), b"planted-marker") if marker in text]
    t.equal(found, [], "no secret is in it in clear, nor the master key")
    t.equal(gate.process.text().count("path=/backups"), 2, "the daemon has heard of both, for the audit trail")
    return first, second


def refused(t, lab, gate, folder, second):
    t.ok("runs" in ctl(gate, "restore", folder, "--yes")[1], "nothing is restored beside a running gateway")
    t.equal(ctl(gate, "restore", folder, "--check")[0], 0, "but it can be checked")
    gate.stop()
    status, text = ctl(gate, "restore", folder, "--yes")
    t.ok(status == 6 and "move it away" in text, "nor over a database: %s" % text.strip())
    os.rename(os.path.join(gate.state, "acmegate.db"), lab.path("before.db"))
    log = os.path.join(gate.state, "acmegate.db-wal")
    with open(log, "wb"):
        pass
    status, text = ctl(gate, "restore", folder, "--yes")
    t.ok(status == 6 and log in text, "nor beside the log of another one: %s" % text.strip())
    os.unlink(log)
    for what, name, change, words in (
            ("whose database was changed", "acmegate.db", lambda b: b[:9000] + bytes([b[9000] ^ 1]) + b[9001:], "not what was backed up"),
            ("whose configuration was changed", "acmegate.conf", lambda b: b + b"\n", "not what was backed up"),
            ("without a manifest", "manifest.json", None, "manifest.json"),
            ("of another form", "manifest.json", lambda b: b.replace(b'"format":1', b'"format":2'), "not a manifest"),
            ("of another master key", "manifest.json", lambda b: b.replace(b'"master_key":"', b'"master_key":"00'), "not the one of this backup")):
        bad = lab.path("bad")
        shutil.copytree(folder, bad)
        path = os.path.join(bad, name)
        with open(path, "rb") as file:
            text = file.read()
        if change:
            with open(path, "wb") as file:
                file.write(change(text))
        else:
            os.unlink(path)
        status, said = ctl(gate, "restore", bad, "--yes")
        t.ok(status != 0 and words in said, "a backup %s is refused: %s" % (what, said.strip()[-120:]))
        shutil.rmtree(bad)
    newer(t, lab, gate, second)
    t.equal([n for n in os.listdir(gate.state) if n.startswith("acmegate.db")], [], "and nothing is left of any of them")


def newer(t, lab, gate, folder):
    """With its digest put right, as a later release would have made it."""
    bad = lab.path("newer")
    shutil.copytree(folder, bad)
    db, manifest = os.path.join(bad, "acmegate.db"), os.path.join(bad, "manifest.json")
    sql(db, "update schema_version set version = 9999 where version = (select max(version) from schema_version)")
    with open(manifest) as file:
        told = json.load(file)
    run = subprocess.run(["sha256sum", db], capture_output=True, text=True, check=True)
    next(f for f in told["files"] if f["name"] == "acmegate.db")["sha256"] = run.stdout.split()[0]
    with open(manifest, "w") as file:
        json.dump(told, file)
    status, said = ctl(gate, "restore", bad, "--yes")
    t.ok(status != 0 and "9999" in said, "a backup of a newer release is refused: %s" % said.strip()[-120:])


def restored(t, lab, gate, folder, certs):
    db = os.path.join(gate.state, "acmegate.db")
    status, text = ctl(gate, "restore", folder, "--yes")
    t.equal(status, 0, "a backup is restored where there is no database: %s" % text.strip())
    t.equal(sql(db, "select count(*) from orders where state <= 2"), [(0,)], "orders under way have ended")
    t.ok(sql(db, "select tat from quota_bucket")[0][0] > time.time_ns() + 36 * 10**11, "a limit of a CA counts as used up")
    gate.start()
    t.equal(json.loads(gate.ctl("--json", "cert", "list"))["total"], certs, "the certificates are known")
    device = lab.device(gate)
    t.equal(device.obtain(["after.test"])[0]["status"], "valid", "and devices get new ones")
    t.equal(gate.stop(), 0, "it stops as ever")


def moved(t, lab, gate, folder):
    """To another machine, with nothing done since: state and key come from the backup."""
    shutil.rmtree(gate.state)
    os.mkdir(gate.state, 0o700)
    status, text = ctl(gate, "restore", folder, "--unchanged", "--yes")
    t.equal(status, 0, "a backup with the master key is restored to an empty folder: %s" % text.strip())
    db = os.path.join(gate.state, "acmegate.db")
    t.ok(sql(db, "select count(*) from orders where state <= 2")[0][0] >= 1, "with orders as they were, if nothing was done since")
    t.equal(sql(db, "select tat from quota_bucket"), [(1,)], "and limits")
    gate.start()
    t.equal(lab.device(gate).obtain(["moved.test"])[0]["status"], "valid", "it goes on there")
    t.equal(gate.stop(), 0, "and stops")


def dumped(t, lab, first):
    """PostgreSQL: what is to be done once pg_restore has done its part."""
    gate = lab.gate("https://localhost:1/none", store=lab.postgres())
    gate.conf["profiles"][0]["upstream"] = "local"
    gate.start()
    acme = gate.acme()
    acme.new_account()
    acme.want("newOrder", acme.new_order(["waits.test"]), 201)
    t.ok("pg_dump" in ctl(gate, "backup", lab.path("pg"))[1], "a PostgreSQL is backed up by pg_dump")
    t.ok("runs" in ctl(gate, "restore", "--yes")[1], "nothing is done to its database while the gateway runs")
    gate.stop()
    t.ok("pg_restore" in ctl(gate, "restore", first, "--yes")[1], "a backup of SQLite is not for it")
    status, text = ctl(gate, "restore", "--yes")
    t.equal((status, gate.sql("select count(*) from orders where state <= 2")), (0, [(0,)]), "orders under way end there, too: %s" % text.strip())


def main():
    t = Tap()
    with Lab(t) as lab:
        gate = lab.gate("https://localhost:1/none", rates={"requests_burst": 0, "new_order_burst": 0})
        gate.conf["profiles"][0]["upstream"] = "local"
        gate.conf["upstreams"][0].update({"limits": "letsencrypt", "ca": "far"})
        secret = lab.path("eab.key")
        with open(secret, "w") as file:
            file.write(SECRET)
        os.chmod(secret, 0o600)
        gate.start()
        gate.ctl("eab", "create", "--kid", "planted", "--import", secret)
        acme = gate.acme()
        acme.new_account()
        acme.want("newOrder", acme.new_order(["waits.test"]), 201)
        gate.stop()
        sql(os.path.join(gate.state, "acmegate.db"), "insert into quota_bucket (scope, kind, name, tat, frozen, learned_burst, learned_period,"
            " learned_instead, adopted, changed_at) values ('far', 1, 'corp.test', 1, 0, 0, 0, 0, 1, 0)")
        gate.start()
        first = second = None
        with t.part("making one"):
            first, second = made(t, lab, gate)
        certs = sql(os.path.join(first, "acmegate.db"), "select count(*) from cert")[0][0]
        with t.part("refusals"):
            refused(t, lab, gate, first, second)
        with t.part("restoring"):
            restored(t, lab, gate, first, certs)
        with t.part("a move"):
            moved(t, lab, gate, second)
        with t.part("PostgreSQL"):
            dumped(t, lab, first)
        t.equal(gate.sanitizer_report(), "", "no sanitizer has anything to say")
    return t.done()


if __name__ == "__main__":
    sys.exit(main())
