#!/usr/bin/python3
"""The audit trail: what devices and operators do and are refused is in it, whoever tampers with an export is found out without the daemon,
personal values can be erased, entries are dropped in a way that can be proven, and neither a crash nor two gateways on one store break
its numbers. The tree is computed a second time here, from RFC 6962's words alone."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import TOP, Lab, wait_until
from tap import Tap

MARKER = "bWFya2VyLXRoYXQtaXMtc2VjcmV0LTEyMzQ1Njc4OTA"  # an imported key, base64url
# Commands that change nothing, or nothing of the daemon's.
READING = {"init", "status", "account list", "account show", "order list", "order show", "cert list", "cert show", "eab list", "eab show", "device list",
           "device show", "upstream list", "upstream show", "upstream move", "upstream persist-records", "renewals", "renewals due", "limits local", "limits",
           "queue ca", "queue", "metrics", "tls show", "config check", "config show", "config keys", "plan", "version", "audit tail", "audit search",
           "audit show", "audit verify", "tenant list", "tenant show", "tenant quotas",
           "incident list", "incident show", "billing export", "billing summary", "billing reconcile", "restore",
           "policy check", "policy explain", "policy list", "policy replay"}


def b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def commands():
    """All of acmegatectl, from its table."""
    with open(os.path.join(TOP, "src", "ctl", "commands.c")) as table:
        rows = table.read().partition("ctl_commands[] = {")[2]
    return [noun + (" " + verb if verb else "") for noun, verb in re.findall(r'^\t\{ "([\w-]+)", (?:"([\w-]+)"|NULL), ', rows, re.M)]


# ---- a verifier of its own ----

def digest(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return digest(b"\1", root(leaves[:k]), root(leaves[k:]))


def check_export(t, text, what):
    """Numbers, hashes, salted digests and roots of an export from the first entry on; its entries."""
    lines = [json.loads(line) for line in text.splitlines()]
    rows = [line for line in lines if "entry" in line]
    entries = [json.loads(row["entry"]) for row in rows]
    t.equal([e["seq"] for e in entries], list(range(lines[0]["size"])), "%s: the numbers are dense" % what)
    leaves = [digest(b"\0", row["entry"].encode()) for row in rows]
    t.ok(all(base64.b64decode(row["hash"]) == leaf for row, leaf in zip(rows, leaves)), "%s: each has its hash" % what)
    wrong = [e["seq"] for e, row in zip(entries, rows) for name, (salt, value) in row["open"].items()
             if b64url(e["personal"][name]) != digest(b64url(salt), value.encode())]
    t.equal(wrong, [], "%s: each personal value has its digest" % what)
    notes = [line["checkpoint"].split("\n") for line in lines if "checkpoint" in line]
    t.ok(notes and all(base64.b64decode(n[2]) == root(leaves[:int(n[1])]) for n in notes), "%s: the roots of all %d checkpoints are those of the entries" % (what, len(notes)))
    t.equal(int(notes[-1][1]), len(entries), "%s: the last one is of all" % what)
    return entries


# ---- the admin socket, without a program in between ----

class Admin(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)

    def post(self, path, body):
        self.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = self.getresponse()
        return reply.status, json.loads(reply.read())


def many(gate, count, name, until=lambda: False):
    """Keys made one after the other; how many the gateway said it has made."""
    made = 0
    try:
        link = Admin(gate.socket)
        for i in range(count):
            if until():
                break
            made += link.post("/eab", {"kid": "%s-%d" % (name, i)})[0] == 200
        link.close()
    except (OSError, http.client.HTTPException):
        pass  # it was killed
    return made


def search(gate, *words):
    """Entries, newest first, with what is known of their personal values."""
    items = json.loads(gate.ctl("--json", "audit", "search", "--limit", "500", *words))["items"]
    return [dict(json.loads(item["entry"]), **{name: value for name, (_, value) in item["open"].items()}) for item in items]


def settle(gate):
    """All has its number, and is signed."""
    return gate.ctl("audit", "checkpoint")


def export(gate, name):
    path = gate.lab.path(name)
    gate.ctl("audit", "export", path)
    with open(path) as text:
        return path, text.read()


def verify(gate, path, *words):
    return gate.run_ctl(["audit", "verify", path, "--key", gate.ctl("audit", "checkpoint", "--public-key").strip(), *words])


def local(gate):
    gate.conf["profiles"][0]["http01_port"] = gate.device_port
    return gate


def new_gate(lab, **conf):
    return local(lab.gate("https://localhost:1/dir", rates={"requests_burst": 0}, profiles=[
        {"name": "default", "upstream": "local", "validation_attempts": ["0s", "1s", "3s", "10s"]},
        {"name": "bound", "upstream": "local", "eab": "required"}], **conf))


def devices(t, lab, gate):
    for name in ("a.test", "b.test"):
        lab.resolve(name, gate.address)
    device = lab.device(gate)
    order, chain = device.obtain(["a.test"])
    device.acme.new_order(["forbidden.test"])
    device.acme.post(gate.url + "/revoke-cert", {"certificate": acme.b64(ssl.PEM_cert_to_DER_cert(re.search("-----BEGIN.*?-----END CERTIFICATE-----", chain, re.S).group())), "reason": 4})
    account = device.acme.kid.rsplit("/", 1)[1]
    stranger = gate.acme(gate.url + "/p/bound/directory")
    stranger.new_account(externalAccountBinding=acme.eab("nobody", b"k" * 32, stranger.directory["newAccount"], stranger.key))
    device.acme.post(device.acme.kid, {"status": "deactivated"})
    settle(gate)
    told = {e["event"]: e for e in search(gate, "--account", account)}
    t.equal(sorted(told), ["account.create", "account.deactivate", "authz.valid", "certificate.download", "certificate.issue", "certificate.revoke", "order.create",
                           "order.refuse"], "what a device did and had is on record")
    t.equal((told["order.refuse"]["outcome"], told["order.refuse"]["rule"], told["order.refuse"]["names"]), ("refused", "refused", "dns:forbidden.test"),
            "and what it was refused, by which rule")
    issued = told["certificate.issue"]
    serial = gate.sql("select serial, sha256 from cert")[0]
    t.equal((issued["serial"], issued["sha256"], issued["names"], issued["upstream"]), (*serial, "dns:a.test", "local"), "which certificate it got")
    t.ok(issued["order"] == told["order.create"]["order"] == told["authz.valid"]["order"] and told["order.create"]["address"] == "127.0.0.1", "for which order, from where")
    t.ok(len(told["authz.valid"]["evidence"]) == 43 and told["authz.valid"]["challenge"] == "http-01", "on which evidence")
    refused = search(gate, "--what", "eab.use_refused")
    t.equal([(e["kid"], e["problem"]) for e in refused], [("nobody", "unauthorized")], "who tries a key that nobody has is on record")
    t.ok({"service.start", "config.load", "secret.create"} <= {e["event"] for e in search(gate)}, "and so is the gateway itself")
    return account


def operators(t, gate):
    """Each command that changes something leaves an entry, be it that it was refused."""
    key = gate.lab.path("marker.key")
    with open(key, "w") as out:
        out.write(MARKER + "\n")
    table = gate.lab.path("devices.csv")
    with open(table, "w") as out:
        out.write("identifier,kind\nx1,nobody\n")
    fleet = gate.lab.path("fleet.csv")
    with open(fleet, "w") as out:
        out.write("kid\nfleet-1\n")
    id_ = "A" * 22
    changing = {
        "cert revoke": [id_, "--yes"], "eab create": ["--kid", "mdm", "--import", key, "--note", "printers"], "eab create-fleet": [fleet, "--output", fleet + ".keys"], "eab disable": ["mdm"], "eab enable": ["mdm"],
        "eab rotate": ["mdm", "--kid", "mdm-2"], "eab revoke": ["mdm", "--yes"], "device add": ["x1", "--kind", "nobody"], "device import": [table],
        "device block": ["x1", "--kind", "nobody", "--yes"], "device allow": [id_], "device remove": [id_, "--yes"], "upstream test": ["ca"],
        "upstream rotate-key": ["ca"], "upstream set-eab": ["ca", "--kid", "k", "--key-file", key], "upstream deactivate": ["ca", "--yes"],
        "upstream register": ["ca"], "reload": [], "log level": ["debug"], "audit export": [gate.lab.path("first.jsonl")], "audit checkpoint": [],
        "audit erase": ["--entry", "0", "--ground", "trial", "--yes"], "backup": [gate.lab.path("backup"), "--config", gate.conf_path],
        "incident open": ["--ca", "nobody", "--explanation", "https://corp.test/why"], "incident close": [id_, "--yes"],
        "billing correct": ["1", "--amount", "-0.90", "--note", "trial"], "billing close": ["--month", "2026-01", "--yes"],
        "drain": None,
    }
    t.equal(sorted(set(commands()) - READING - set(changing)), [], "of each command it is known whether it changes something, and then it is tried here")
    for command, words in changing.items():
        if words is None:
            continue
        before = gate.sql("select (select size from audit_state) + (select count(*) from audit_pending)")[0][0]
        run = gate.run_ctl([*command.split(), *words])
        if run.returncode in (2, 3):
            t.ok(False, "%s can be tried: %s" % (command, run.stderr))
        after = gate.sql("select (select size from audit_state) + (select count(*) from audit_pending)")[0][0]
        t.ok(after > before, "%s leaves an entry (%s)" % (command, "done" if run.returncode == 0 else run.stderr.strip()))
    settle(gate)
    done = {e.get("command"): e for e in search(gate) if e["actor"] == "operator"}
    made = done["POST /eab"]
    t.equal((made["uid"], made["operator"], made["kid"], json.loads(made["arguments"])["note"], json.loads(made["arguments"])["withheld"]),
            (str(os.getuid()), "root" if os.getuid() == 0 else made["operator"], "mdm", "printers", ["key"]), "who did it, with which arguments, but for the secret")
    t.ok(all(e["actor"] != "operator" or (e["uid"] and e["operator"]) for e in search(gate)), "each says who")


def secrets(t, gate):
    text = export(gate, "secrets.jsonl")[1]
    kept = "".join(str(row) for table in ("audit", "audit_pending") for row in gate.sql("select * from " + table))
    t.ok("printers" in text and "printers" in kept, "what may be there is found")
    t.ok(MARKER not in text + kept + gate.process.text(), "a secret is nowhere in the trail, nor in the log")


def rewrite(path, change):
    """A copy of an export with its lines changed."""
    with open(path) as text:
        lines = text.read().splitlines()
    changed = path + ".changed"
    with open(changed, "w") as out:
        out.write("\n".join(change(lines)) + "\n")
    return changed


def at(lines, seq):
    return next(i for i, line in enumerate(lines) if '"{\\"seq\\":%d,' % seq in line)


def swapped(lines):
    a, b = at(lines, 2), at(lines, 3)
    lines[a], lines[b] = lines[b], lines[a]
    return lines


def forged(lines):
    """As who knows how it works would do it: the entry and its hash fit each other."""
    i = at(lines, 4)
    row = json.loads(lines[i])
    row["entry"] = row["entry"].replace('"outcome":"ok"', '"outcome":"failed"')
    row["hash"] = base64.b64encode(digest(b"\0", row["entry"].encode())).decode()
    lines[i] = json.dumps(row, separators=(",", ":"))
    return lines


def tampering(t, gate):
    earlier = gate.lab.path("earlier.checkpoint")
    with open(earlier, "w") as out:
        out.write(settle(gate))
    path, text = export(gate, "trail.jsonl")
    check_export(t, text, "an export")
    run = verify(gate, path, "--checkpoint", earlier)
    t.equal((run.returncode, run.stderr), (0, ""), "an export is verified, with a checkpoint that was kept") or t.note(run.stdout)
    ways = [("changed", lambda ls: [l.replace("eab.create", "eab.suspend") for l in ls], r"entry \d+ was changed"),
            ("changed with its hash", forged, r"of the entries \d+ to \d+ at least one"),
            ("removed", lambda ls: ls[:at(ls, 5)] + ls[at(ls, 5) + 1:], r"entry 5 is missing"),
            ("inserted", lambda ls: ls[:at(ls, 6)] + [ls[at(ls, 1)]] + ls[at(ls, 6):], r"entry 1 is there twice"),
            ("re-ordered", swapped, r"entry 2 stands after entry 3"),
            ("cut off", lambda ls: [re.sub(r'"size":\d+', '"size":1', ls[0])] + ls[1:3], r"entries \d+ to \d+ are missing at the end")]
    for name, change, says in ways:
        run = verify(gate, rewrite(path, change), "--checkpoint", earlier)
        t.ok(run.returncode == 1 and re.search(says, run.stdout), "%s: it is found out, and where" % name) or t.note(run.stdout + run.stderr)
    other = "localhost/audit/x+" + gate.ctl("audit", "checkpoint", "--public-key").strip().split("+", 1)[1]
    t.equal(gate.run_ctl(["audit", "verify", path, "--key", other]).returncode, 2, "a key whose id is not its own is none")
    t.equal(gate.run_ctl(["audit", "verify", path]).returncode, 2, "without a key there is nothing to verify by")
    size = int(open(earlier).read().split("\n")[1])
    for name, words in (("entry.json", ["audit", "show", "3"]), ("since.json", ["audit", "checkpoint", "--from", str(size)])):
        with open(gate.lab.path(name), "w") as out:
            out.write(gate.ctl("--json", *words))
        run = verify(gate, gate.lab.path(name), "--proof")
        t.equal(run.returncode, 0, "%s: a proof of its own is verified" % name) or t.note(run.stderr)
        with open(gate.lab.path(name)) as proof:
            broken = proof.read().replace('"checkpoint":"l', '"checkpoint":"L')
        with open(gate.lab.path("broken.json"), "w") as out:
            out.write(broken)
        t.equal(verify(gate, gate.lab.path("broken.json"), "--proof").returncode, 1, "%s: and not when it was changed" % name)
    return earlier


def erasing(t, gate, account):
    before = search(gate, "--account", account)
    t.ok(all("address" in e or e["actor"] != "acme" for e in before) and before, "addresses are there")
    out = gate.ctl("audit", "erase", "--account", account, "--ground", "asked for", "--yes")
    t.ok(re.search(r"gone: %d$" % len(before), out.strip()), "all entries of an account are erased")
    after = search(gate, "--account", account)
    t.equal((len(after), [e for e in after if "address" in e or "names" in e]), (len(before), []), "they are there without what they said of persons")
    path, text = export(gate, "erased.jsonl")
    t.ok("forbidden.test" not in text, "it is in no export")
    check_export(t, text, "an export with erased values")
    run = verify(gate, path)
    t.ok(run.returncode == 0 and "personal values were erased" in run.stdout, "which is verified, and says so") or t.note(run.stdout + run.stderr)
    told = search(gate, "--who", search(gate)[0]["operator"])
    t.ok(any("asked for" in e.get("arguments", "") and account not in json.dumps(e) for e in told), "that they were erased is an entry, without whose they were")


def syslog(t, gate, receiver):
    size = gate.sql("select size from audit_state")[0][0]
    lines = []

    def all_came():
        try:
            while True:
                lines.append(receiver.recv(65536).decode())
        except BlockingIOError:
            pass
        return len(lines) >= size

    wait_until("syslog to have all", all_came, 60)
    seqs = [int(re.search(r' seq="(\d+)"', line).group(1)) for line in lines]
    t.equal(seqs, list(range(len(lines))), "syslog has each entry, in their order")
    t.ok(all(re.match(r"<1(09|08|07)>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ acmegated \d+ [a-z_]+\.[a-z_]+ \[acmegate@32473 .*\] \ufeff\{\"seq\":", line) for line in lines),
         "as RFC 5424 wants it")
    t.ok(not any("forbidden.test" in line for line in lines), "without personal values")


def killed(t, gate):
    """In the middle of numbering, again and again."""
    made = {}
    for turn in range(2):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            work = [pool.submit(many, gate, 400, "k%d-%d" % (turn, n)) for n in range(4)]
            first = gate.sql("select size from audit_state")[0][0]
            wait_until("entries to be numbered", lambda: gate.sql("select size from audit_state")[0][0] > first + 10 or all(w.done() for w in work), 60, 0.01)
            gate.kill()
            made[turn] = sum(w.result() for w in work)
        gate.start()
    settle(gate)
    path, text = export(gate, "killed.jsonl")
    entries = check_export(t, text, "killed twice")
    t.equal(verify(gate, path).returncode, 0, "it is verified")
    keys = {row[0] for row in gate.sql("select kid from eab_key where kid like 'k%-%'")}
    noted = [e["kid"] for e in entries if e["event"] == "eab.create" and re.fullmatch(r"k\d-\d-\d+", e.get("kid", ""))]
    t.equal((len(noted), set(noted)), (len(keys), keys), "each key that was made is in it once, and none that was not (%d)" % len(keys))
    t.ok(len(keys) >= sum(made.values()), "among them all that operators heard of")
    t.ok([e for e in entries if e["event"] == "service.crash_recovered"], "and that the gateway came back")


def retention(t, gate, earlier):
    many(gate, 300, "more")
    kept = gate.lab.path("kept.checkpoint")
    with open(kept, "w") as out:
        out.write(settle(gate))
    size = int(open(kept).read().split("\n")[1])
    t.equal(gate.stop(), 0, "the gateway stops")
    gate.conf["audit"]["retention"] = "1s"
    time.sleep(1.1)
    gate.start()
    cut = wait_until("entries to be dropped", lambda: gate.sql("select cut from audit_state")[0][0], 60)
    t.ok(cut % 256 == 0 and size - 256 < cut <= gate_size(gate), "all that is old is dropped, in whole parts of the tree")
    wait_until("no more to be dropped", lambda: gate.sql("select min(seq) from audit")[0][0] == gate.sql("select cut from audit_state")[0][0], 60)
    settle(gate)
    path, text = export(gate, "cut.jsonl")
    t.equal(json.loads(text.splitlines()[0])["from"], cut, "an export begins there")
    run = verify(gate, path, "--checkpoint", kept)
    t.ok(run.returncode == 0 and "entries before %d were dropped by retention" % cut in run.stdout, "it is verified, with the cut, against what was kept") or t.note(run.stdout + run.stderr)
    t.ok([e for e in search(gate, "--what", "audit.prune") if e["after"] == str(cut)], "the cut is an entry")
    t.ok("\ncut %d\n" % cut in text.splitlines()[-1].encode().decode("unicode_escape"), "and in the checkpoint")
    t.equal(gate.run_ctl(["audit", "show", "0"]).returncode, 4, "what was dropped is not there")


def two_gateways(t, lab):
    first, second = lab.pair("https://localhost:1/dir", lab.database(lab.postgres(), "audit"), rates={"requests_burst": 0})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(lambda n: many((first, second)[n % 2], 40, "g%d" % n), range(4)))
    t.equal(made, 160, "two gateways make keys at once")
    first.kill()
    settle(second)
    path, text = export(second, "pg.jsonl")
    entries = check_export(t, text, "PostgreSQL")
    t.equal(len([e for e in entries if e["event"] == "eab.create"]), made, "each is in the trail once")
    t.equal({e["node"] for e in entries}, {"first", "second"}, "of both gateways")
    t.equal(verify(second, path).returncode, 0, "it is verified")
    more = gate_size(second)
    second.ctl("eab", "disable", "g0-0")
    wait_until("the other gateway to give numbers", lambda: gate_size(second) > more, 120)
    t.ok(True, "when one dies the other goes on with the numbers")


def origin(t, lab):
    """A '+' parts the name of a key from its hash, so a trail's name has none, whatever the URL has."""
    gate = new_gate(lab)
    gate.url = gate.conf["external_url"] = gate.url + "/a+b"
    gate.start()
    name = settle(gate).split("\n")[0]
    t.ok("/a-b/audit/" in name and "+" not in name, "a gateway whose URL has a + has a trail: %s" % name)
    path, _ = export(gate, "plus.jsonl")
    t.equal(verify(gate, path).returncode, 0, "that can be verified")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "it stops in order, and no sanitizer has a complaint")


def gate_size(gate):
    return gate.sql("select size from audit_state where id=1")[0][0]


t = Tap()
with Lab(t) as lab:
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    receiver.bind(lab.path("syslog.sock"))
    gate = new_gate(lab, audit={"syslog": lab.path("syslog.sock")})
    gate.start()
    account = earlier = None
    with t.part("devices"):
        account = devices(t, lab, gate)
    with t.part("operators"):
        operators(t, gate)
    with t.part("secrets"):
        secrets(t, gate)
    with t.part("syslog"):
        syslog(t, gate, receiver)
    with t.part("tampering"):
        earlier = tampering(t, gate)
    with t.part("erasing"):
        erasing(t, gate, account)
    with t.part("killed"):
        killed(t, gate)
    with t.part("retention"):
        retention(t, gate, earlier)
    with t.part("origin"):
        origin(t, lab)
    with t.part("PostgreSQL"):
        two_gateways(t, lab)
    t.equal(gate.stop(), 0, "the gateway stops in order")
    t.equal(gate.sanitizer_report(), "", "no sanitizer has a complaint")
sys.exit(t.done())
