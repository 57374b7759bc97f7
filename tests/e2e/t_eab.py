#!/usr/bin/python3
"""External account binding from the operator's hand to the device: certbot, lego and uacme with keys of `acmegatectl eab`; what a
suspended key stops; what accounts of one key share; and where the key is afterwards: with its owner alone."""

import base64
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from clients import Certbot, Lego, Place, Uacme
from lab import BUILD, PORTS, Lab, pebbles
from tap import Tap

EAB = {kind.name: kind for kind in (Certbot, Lego, Uacme)}


def create(gate, *words):
    """(kid, key) of a new one."""
    made = json.loads(gate.ctl("--json", "eab", "create", *words))
    return made["id"], made["key"]


def octets(key):
    return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))


def memory_has(pid, needle):
    """Is it anywhere in what the process may write to?"""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            at, end = int(begin, 16), int(end, 16)
            if "w" not in rights or end - at > 1 << 32:  # a sanitizer's shadow has terabytes, and nothing to read
                continue
            while at < end:
                try:
                    memory.seek(at)
                    piece = memory.read(min(end - at, 1 << 24))
                except (OSError, ValueError, OverflowError):
                    break
                if needle in piece:
                    return True
                if not piece:
                    break
                at += len(piece)
    return False


def processes_of(gate):
    """The gateway and its keeper."""
    pid = gate.process.child.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        return [pid] + [int(p) for p in children.read().split()]


def where_the_key_is(t, gate):
    kid, key = create(gate, "--note", "only once")
    t.ok(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", kid) and re.fullmatch(r"[A-Za-z0-9_-]{43}", key),
         "a key is 43 characters of base64url")
    shown = gate.ctl("eab", "show", kid) + gate.ctl("--json", "eab", "show", kid) + gate.ctl("eab", "list") + gate.process.text()
    t.ok(kid in shown and key not in shown, "it is shown that once, and not logged")
    t.equal(subprocess.run(["grep", "-rqF", "--", key, gate.state]).returncode, 1, "it is in no file of the gateway's")
    t.ok(memory_has(gate.process.child.pid, gate.url.encode()), "what is in the memory of a process is found there")
    found = [pid for pid in processes_of(gate) if memory_has(pid, key.encode())]
    t.equal(found, [], "nor in the memory of its processes")
    # the keeper may hold it to check MACs with; the process that parses what comes from outside may not
    t.ok(not memory_has(gate.process.child.pid, octets(key)), "nor are its octets in the one that talks to the network")


def clients(t, lab, gate, ports, pebble):
    keys, chains, refused = {}, {}, {}
    for name in EAB:
        keys[name] = create(gate, "--kid", name, "--profiles", name, "--accounts", "1", "--note", "the %s that is tested" % name)
        gate.ctl("eab", "disable", name)

    def work(name):
        place = Place(lab, gate, name, ports[name], keys[name])
        try:
            try:
                EAB[name](place).obtain()
                refused[name] = "served"
            except RuntimeError as fault:
                refused[name] = str(fault)
                place.close()
            gate.ctl("eab", "enable", name)
            chains[name] = EAB[name](place).obtain()
        except Exception as fault:
            chains[name] = "%s: %s" % (type(fault).__name__, fault)
        finally:
            place.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in EAB]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in EAB:
        said = re.sub(r"\s+", " ", refused[name])
        t.ok('external account key "%s" is suspended' % name in said.replace("\\", "") or "unauthorized" in said,
             "%s is refused while its key is suspended, and hears why" % name) or t.note(refused[name])
        if not t.equal(lab.verify(chains[name], pebble.roots[:1]), "", "%s gets a certificate when it is enabled" % name):
            t.note(chains[name])
        shown = json.loads(gate.ctl("--json", "eab", "show", name))
        t.equal((shown["status"], shown["uses"], shown["accounts"]), ("active", 1, 1), "that is one use, one account")


def states(t, lab, gate):
    kid, key = create(gate, "--kid", "states", "--uses", "3")

    def device(kid=kid, key=key):
        d = lab.device(gate)
        d.reply = d.acme.new_account(externalAccountBinding=acme.eab(kid, octets(key), d.acme.directory["newAccount"], d.acme.key))
        return d

    first = device()
    t.equal(first.reply.status, 201, "a device is bound")
    first.start(["states.test"], profile="strict")
    first.prove()
    gate.ctl("eab", "disable", kid)
    t.equal((device().reply.status, device().reply.type()), (403, "unauthorized"), "disabled: no new account")
    again = first.acme.new_order(["more.states.test"], profile="strict")
    t.equal((again.status, again.type()), (403, "unauthorized"), "disabled: no new order")
    reply = first.acme.finalize(first.order, acme.make_csr(first.cert_key, ["states.test"]))
    t.equal((reply.status, reply.type()), (403, "unauthorized"), "disabled: nothing is finalized")
    gate.ctl("eab", "enable", kid)
    first.finalize()
    t.ok("BEGIN CERTIFICATE" in first.collect(), "enabled: the order goes on where it was")
    t.equal((device().reply.status, device().reply.status, device().reply.status), (201, 201, 403), "three uses are three")
    t.ok("used-up" in gate.ctl("eab", "show", kid), "then it is used up")
    # a successor, and the old one's end
    made = json.loads(gate.ctl("--json", "eab", "rotate", kid, "--kid", "states-2", "--overlap", "0"))
    t.equal((made["uses_max"], made["uses"]), (3, 0), "its successor has the same limits")
    t.equal(device("states-2", made["key"]).reply.status, 201, "and binds devices")
    t.ok("expired" in gate.ctl("eab", "show", kid), "the old one is over")
    t.equal(first.acme.new_order(["after.states.test"], profile="strict").status, 201, "its accounts go on")
    run = subprocess.run([os.path.join(BUILD, "acmegatectl"), "--socket", gate.socket, "eab", "revoke", kid, "--yes"],
                         capture_output=True, text=True, timeout=60)
    t.equal((run.returncode, "revoked" in run.stdout), (0, True), "it is revoked")
    t.equal(first.acme.new_order(["end.states.test"], profile="strict").status, 403, "they do not go on then")
    # somebody else's key
    path = lab.path("imported")
    with open(path, "w") as out:
        out.write(base64.urlsafe_b64encode(b"0123456789abcdef").decode() + "\n")
    out = gate.ctl("eab", "create", "--kid", "imported", "--import", path)
    text = base64.urlsafe_b64encode(b"0123456789abcdef").decode().rstrip("=")
    t.ok(text not in out and text not in gate.process.text(), "an imported key is not shown")
    t.ok(not memory_has(gate.process.child.pid, text.encode()), "nor does it stay in the gateway's memory")
    t.equal(device("imported", base64.urlsafe_b64encode(b"0123456789abcdef").decode()).reply.status, 201, "and binds devices")


def principals(t, lab, gate, pebble):
    """E5: what one account of a key has ordered, another may have."""
    kid, key = create(gate, "--kid", "fleet")
    other, other_key = create(gate, "--kid", "others")
    cert_key = acme.new_key()

    def device(kid, key):
        d = lab.device(gate)
        d.cert_key = cert_key
        d.acme.want("newAccount", d.acme.new_account(externalAccountBinding=acme.eab(
            kid, octets(key), d.acme.directory["newAccount"], d.acme.key)), 201)
        return d

    before = len(pebble.issued())
    one, two, foreign = device(kid, key), device(kid, key), device(other, other_key)
    chain = one.obtain(["fleet.test"], profile="strict")[1]
    t.equal(two.obtain(["fleet.test"], profile="strict")[1], chain, "a second account of the key is given the same certificate")
    t.equal(len(pebble.issued()) - before, 1, "which the CA made once")
    t.ok(foreign.obtain(["fleet.test"], profile="strict")[1] != chain, "one of another key is not")
    t.equal(len(pebble.issued()) - before, 2, "it has one of its own")


def limits(t, lab, gate):
    """The limit that needs a real validation: what fails too often must wait."""
    unbound = lab.device(gate)
    reply = unbound.acme.new_account()
    t.equal((reply.status, reply.json.get("externalAccountBinding")), (201, None), "where it is optional a device may be unbound")
    t.equal(unbound.acme.new_order(["x.test"], profile="strict").type(), "externalAccountRequired",
            "but it orders nothing by the profile that needs a binding")
    for _ in range(2):
        unbound.start(["wrong.test"])
        for url in unbound.order["authorizations"]:
            chall = unbound.acme.post(url).json["challenges"][0]
            unbound.responder.tokens[chall["token"]] = "something else"
            unbound.acme.post(chall["url"], {})
        unbound.acme.poll(unbound.order_url, lambda o: o["status"] == "invalid", 60)
    reply = unbound.acme.new_order(["wrong.test"])
    t.equal((reply.status, reply.type()), (429, "rateLimited"), "a name that has failed twice where it may must wait")
    t.ok(0 < (reply.retry_after() or 0) <= 3600 and "failed validations" in reply.json["detail"], "for so long, and is told why")
    t.equal(unbound.acme.new_order(["right.test"]).status, 201, "others need not")
    shown = {l["name"]: l for l in json.loads(gate.ctl("--json", "limits", "local"))["limits"]}
    failed = shown["failed-validation"]
    t.equal((failed["burst"], failed["taken"], failed["refused"] >= 1, failed["keys"]), (2, 2, True, 1), "acmegatectl limits local tells")
    t.ok(shown["requests"]["taken"] > 10 and shown["new-account"]["taken"] >= 3, "of the others, too")
    gate.conf["rates"] = {"failed_burst": 0}
    gate.write_conf()
    gate.ctl("reload")
    t.equal(unbound.acme.new_order(["wrong.test"]).status, 201, "without the limit, after a reload, it need not either")


def everything(t, what, folder):
    with Lab(t) as lab:
        t.note("with " + what)
        pebble = lab.pebble(folder=folder)
        proxy = lab.proxy(pebble)
        gate = lab.gate(proxy.directory, http_port=pebble.http_port)
        ports = {name: PORTS.take() for name in EAB}
        common = {"upstream": "ca", "validation_attempts": ["0s", "1s", "3s"]}
        gate.conf["profiles"] = [dict(common, name="default", http01_port=gate.device_port),
                                 dict(common, name="strict", eab="required", http01_port=gate.device_port)]
        gate.conf["profiles"] += [dict(common, name=name, eab="required", http01_port=port) for name, port in ports.items()]
        gate.conf["rates"] = {"failed_burst": 2, "failed_every": "1h"}
        gate.start()
        with t.part("where the key is"):
            where_the_key_is(t, gate)
        with t.part("clients"):
            clients(t, lab, gate, ports, pebble)
        with t.part("states"):
            states(t, lab, gate)
        with t.part("principals"):
            principals(t, lab, gate, pebble)
        with t.part("limits"):
            limits(t, lab, gate)
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
for what, folder in pebbles():
    everything(t, what, folder)
sys.exit(t.done())
