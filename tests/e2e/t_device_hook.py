#!/usr/bin/python3
"""Hooks: a program, or a server, is asked whether a device may have what it orders. What it says counts; what is no answer does not."""

import http.server
import json
import os
import re
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attest.prover import make_csr
from attest.world import World
from lab import Lab, wait_until
from supervisor import Supervisor, side_by_side
from tap import Tap

DENY = "#!/bin/sh\necho '{\"allow\": false, \"say\": \"ask Ann: 4711\"}'\n"


def program(world, name, text):
    path = world.write(name, text)
    os.chmod(path, 0o700)
    return path


class Server:
    """Answers as .answer(path) says: (status, headers, body); keeps what it was asked."""

    def __init__(self, cert=None, key=None):
        self.asked, outer = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, dict(self.headers), json.loads(body)))
                status, headers, text = outer.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                try:
                    self.end_headers()
                    self.wfile.write(text)
                except ConnectionError:
                    pass  # it was not waited for

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_port
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            self.url = "https://localhost:%d" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, path):
        if path == "/slow":
            time.sleep(3)
        return {"/allow": (200, {}, b'{"allow": true}'), "/deny": (200, {}, b'{"allow": false, "say": "not this one"}'),
                "/created": (201, {}, b'{"allow": true, "more": [1]}'), "/403": (403, {}, b'{"allow": true}'),
                "/500": (500, {}, b'{"allow": true}'), "/moved": (302, {"Location": self.url + "/allow"}, b'{"allow": true}'),
                "/garbage": (200, {}, b"<html>"), "/huge": (200, {}, b'{"allow": true, "x": "' + b"x" * 20000 + b'"}'),
                "/word": (200, {}, b'{"allow": "true"}'), "/empty": (200, {}, b""), "/slow": (200, {}, b'{"allow": true}')}[path]


def outcome(device, seconds=40):
    """(status, type, detail) of the challenge when it is over."""
    chall = device.acme.poll(device.chall["url"], lambda c: c["status"] not in ("pending", "processing"), seconds)
    error = chall.get("error", {})
    return chall["status"], error.get("type", "").rpartition(":")[2], error.get("detail", "")


def verdict(world, profile, ident="10203040"):
    device = world.device("step", ident, profile=profile)
    device.begin().answer()
    return outcome(device)


def world_of(lab, name, hooks, **more):
    """`hooks`: {profile: keys}."""
    world = World(lab, name=name, **more)
    base = dict(world.profile, validation_attempts=["0s"], device_hook_timeout="1s")
    world.gate.conf["profiles"] = [world.profile] + [dict(base, name=n, **keys) for n, keys in hooks.items()]
    return world


def programs(t, lab):
    folder = World(lab, name="scripts")
    seen = folder.path("question.json")
    texts = {
        "allow": "#!/bin/sh\ncat >%s.new && mv %s.new %s\necho '{\"allow\": true}'\n" % (seen, seen, seen),
        "deny": DENY,
        "silent-deny": "#!/bin/sh\necho '{\"allow\": false}'\n",
        "status": "#!/bin/sh\necho '{\"allow\": true}'; echo no database >&2; exit 3\n",
        "crash": "#!/bin/sh\necho '{\"allow\": true}'; kill -SEGV $$\n",
        "slow": "#!/bin/sh\necho '{\"allow\": true}'; sleep 5\n",
        "garbage": "#!/bin/sh\necho yes\n",
        "empty": "#!/bin/sh\nexit 0\n",
        "two": "#!/bin/sh\necho '{\"allow\": true}{\"allow\": true}'\n",
        "huge": "#!/bin/sh\nprintf '{\"allow\": true}'; head -c 20000 /dev/zero | tr '\\0' ' '\n",
        "endless": "#!/bin/sh\nexec yes\n",
        "control": "#!/bin/sh\nprintf '{\"allow\": false, \"say\": \"a\\\\u001b[31mb\"}'\n",
    }
    hooks = {name: {"device_hook": program(folder, name, text)} for name, text in texts.items()}
    hooks["missing"] = {"device_hook": folder.path("nothing")}
    hooks["again"] = {"device_hook": program(folder, "again-hook", "#!/bin/sh\nn=%s\necho x >>$n\n[ $(wc -l <$n) -gt 2 ] && echo '{\"allow\": true}'\n" %
                                             folder.path("again.count")), "validation_attempts": ["0s", "1s", "2s", "3s"]}
    world = world_of(lab, "programs", hooks)
    world.gate.start()
    device = world.device("step", "10203040", profile="allow")
    reply = device.begin().answer()
    t.equal((reply.status, reply.json["status"]), (200, "processing"), "the challenge waits for the hook's word (V17)")
    t.ok(reply.retry_after(), "its reply says when to look again")
    t.equal(outcome(device)[0], "valid", "allowed")
    t.equal(device.states(), ("valid", "valid", "ready"), "authorization and order follow")
    with open(seen) as text:
        asked = json.load(text)
    t.equal((asked["version"], asked["profile"], asked["identifier"], asked["address"]),
            (1, "allow", {"type": "permanent-identifier", "value": "10203040"}, "127.0.0.1"), "it was asked about this device")
    t.equal((asked["proven"]["format"], asked["device"]["kind"], asked["device"]["status"], asked["device"]["seen"]), ("step", "step", "seen", 1), "what it has proven, what is on record")
    t.equal((asked["orders"][0]["identifiers"], asked["orders"][0]["id"]), ([asked["identifier"]], device.order_url.rpartition("/")[2]), "what it orders")
    t.ok(asked["account"]["id"] == device.acme.kid.rpartition("/")[2] and "eab_kid" not in asked["account"], "and by which account")
    device.order = device.acme.post(device.order_url).json
    t.equal(device.ask_for(make_csr(device.hardware.key))[1], "valid", "it gets its certificate")
    order = json.loads(world.gate.ctl("order", "show", device.order_url.rpartition("/")[2], "--trace", "--json"))
    t.ok([hooks["allow"]["device_hook"]] == [e["detail"] for e in order["trace"] if e["event"] == "asked"], "the order's story says who was asked")
    t.equal(order["authorizations"][0]["device"]["status"], "seen", "and the order names the record")
    t.equal(verdict(world, "deny"), ("invalid", "rejectedIdentifier", "ask Ann: 4711"), "denied, in the hook's words")
    got = verdict(world, "silent-deny")
    t.ok(got[:2] == ("invalid", "rejectedIdentifier") and "10203040" in got[2], "denied without words")
    for name in ("status", "crash", "slow", "garbage", "empty", "two", "huge", "endless", "control", "missing"):
        got = verdict(world, name)
        t.ok(got[:2] == ("invalid", "serverInternal") and "could not be found out" in got[2], "%s: no answer, so it may not" % name)
    t.ok("no database" in world.gate.process.text() and "event=device_hook" in world.gate.process.text(), "the log says why, with what it complained of")
    t.equal(verdict(world, "again")[0], "valid", "it is asked again at the times of validation_attempts")
    with open(folder.path("again.count")) as text:
        t.equal(len(text.readlines()), 3, "until it answers")
    t.equal(world.gate.left_over(), {}, "nothing is left over")
    t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def servers(t, lab):
    server = Server()
    names = ("allow", "deny", "created", "403", "500", "moved", "garbage", "huge", "word", "empty", "slow")
    folder = World(lab, name="token")
    token = folder.write("token", "s3cr3t.t0ken\n")
    hooks = {name: {"device_webhook": server.url + "/" + name} for name in names}
    tls = Server(lab.path("web.pem"), lab.path("web.key"))
    hooks["tls"] = {"device_webhook": tls.url + "/allow", "device_webhook_ca": lab.path("web_root.pem")}
    hooks["tls-unknown"] = {"device_webhook": tls.url + "/allow"}
    hooks["nobody"] = {"device_webhook": "http://127.0.0.1:1/allow"}
    hooks["token"] = {"device_webhook": server.url + "/allow", "device_webhook_token": token}
    hooks["no-token"] = {"device_webhook": server.url + "/allow", "device_webhook_token": folder.path("nothing")}
    world = world_of(lab, "servers", hooks)
    world.gate.start()
    t.equal(verdict(world, "allow")[0], "valid", "a server may be asked")
    path, head, body = server.asked[-1]
    t.equal((head["Content-Type"], body["identifier"]["value"], body["profile"]), ("application/json", "10203040", "allow"), "by POST, the same")
    t.ok("Authorization" not in head, "without a token")
    t.equal(verdict(world, "token")[0], "valid", "or with one")
    t.equal(server.asked[-1][1].get("Authorization"), "Bearer s3cr3t.t0ken", "as it stands in the file")
    t.equal(verdict(world, "created")[0], "valid", "any 2xx is good, other members are passed over")
    t.equal(verdict(world, "deny"), ("invalid", "rejectedIdentifier", "not this one"), "denied, in its words")
    before = len(server.asked)
    t.equal(verdict(world, "no-token")[1], "serverInternal", "a token that cannot be read: no answer")
    t.equal(len(server.asked), before, "and nobody was asked")
    t.equal((verdict(world, "tls")[0], len(tls.asked)), ("valid", 1), "by HTTPS, with its trust anchors")
    t.equal((verdict(world, "tls-unknown")[1], len(tls.asked)), ("serverInternal", 1), "which others do not vouch for: nothing is sent")
    for name in ("403", "500", "moved", "garbage", "huge", "word", "empty", "slow", "nobody"):
        got = verdict(world, name)
        t.ok(got[:2] == ("invalid", "serverInternal") and "could not be found out" in got[2], "%s: no answer, so it may not" % name)
    t.equal([path for path, _, _ in server.asked].count("/allow"), 2, "a redirect is not followed")
    t.ok("s3cr3t" not in world.gate.process.text(), "the token is in no log")
    t.equal(world.gate.left_over(), {}, "nothing is left over")
    t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


GATED = "#!/bin/sh\ncat >/dev/null\necho x >>%(count)s\nwhile [ ! -e %(gate)s ]; do sleep 0.05; done\necho '{\"allow\": true}'\n"


class Gated:
    """A hook that answers when it is told to."""

    def __init__(self, world):
        self.world = world
        self.gate, self.count = world.path("gate"), world.path("count")
        self.program = program(world, "gated", GATED % {"gate": self.gate, "count": self.count})

    def asked(self):
        try:
            with open(self.count) as text:
                return len(text.readlines())
        except FileNotFoundError:
            return 0

    def open(self):
        self.world.write("gate", "")


def between(t, lab):
    """What happens while the hook thinks."""
    hook = Gated(World(lab, name="gated"))
    world = world_of(lab, "between", {"gated": {"device_hook": hook.program, "device_hook_timeout": "30s"}})
    world.gate.start()
    blocked, left, stays = [world.device("step", ident, profile="gated") for ident in ("1001", "1002", "1003")]
    for device in (blocked, left, stays):
        device.begin().answer()
    wait_until("all to be asked about", lambda: hook.asked() == 3)
    t.equal(blocked.answer().json["status"], "processing", "a repeated response changes nothing")
    t.equal(hook.asked(), 3, "and asks nobody")
    world.gate.ctl("device", "block", "1001")
    left.acme.post(left.authz_url, {"status": "deactivated"})
    hook.open()
    t.equal(outcome(blocked)[:2], ("invalid", "rejectedIdentifier"), "a device that is blocked meanwhile is refused, whatever the hook says")
    t.equal(outcome(stays)[0], "valid", "another is not")
    t.equal(left.acme.post(left.authz_url).json["status"], "deactivated", "an authorization that was deactivated stays so")
    world.gate.conf["profiles"][1].pop("device_hook")
    world.reload()
    device = world.device("step", "1004", profile="gated")
    t.equal(device.begin().answer().json["status"], "valid", "without a hook the verdict is in the reply")
    t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def killed(t, lab, name, **more):
    hook = Gated(World(lab, name=name + "-gated"))
    world = world_of(lab, name, {"gated": {"device_hook": hook.program, "device_hook_timeout": "30s"}}, **more)
    world.gate.start()
    device = world.device("step", "2001", profile="gated", patient=60)
    device.begin().answer()
    wait_until("the question", lambda: hook.asked() == 1)
    world.gate.kill()
    rows = world.gate.sql("select c.state, a.state, count(e.authz_id) from challenge c join authz a on a.id=c.authz_id left join evidence e on e.authz_id=a.id group by c.state, a.state")
    t.equal(rows, [(1, 0, 1)], "killed while the hook thinks: the challenge is processing, and the evidence is there")
    world.gate.start()
    wait_until("the question again", lambda: hook.asked() == 2)
    t.equal(device.states(), ("processing", "pending", "pending"), "the next start asks again")
    world.gate.stop()
    t.equal(device_state(world), 1, "stopped while it thinks, as well")
    world.gate.start()
    wait_until("the question again", lambda: hook.asked() == 3)
    hook.open()
    t.equal(outcome(device, 60)[0], "valid", "and its answer counts")
    t.equal(device.states(), ("valid", "valid", "ready"), "for all of it")
    t.equal(world.gate.left_over(), {}, "nothing is left over")
    t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


# Of a challenge: pending, and its authorization and order, without evidence; asked about, with it; all of it over.
WHOLE = {(0, 0, 0, 0), (1, 0, 0, 1), (2, 1, 1, 1)}


def attempt(lab, number, plan):
    """One statement by a patient device and a hook that allows at once, the gateway killed as planned."""
    name = "crash%d" % number
    world = World(lab, name=name)
    world.gate.conf["profiles"].append(dict(world.profile, name="hooked", device_hook=program(world, "hook", "#!/bin/sh\necho '{\"allow\": true}'\n")))
    seen = set()

    def look():
        try:
            seen.update(world.gate.sql("select c.state, a.state, o.state, count(e.authz_id) from challenge c join authz a on a.id=c.authz_id"
                                       " join order_authz oa on oa.authz_id=a.id join orders o on o.id=oa.order_id"
                                       " left join evidence e on e.authz_id=a.id group by c.id, a.id, o.id"))
        except Exception:
            pass  # there is no schema yet

    supervisor = Supervisor(world.gate, plan, look)
    device = world.device("step", "3001", profile="hooked", patient=60)
    device.begin().answer()
    over = outcome(device, 90)
    result = (over[0], device.states(), supervisor.end(), world.gate.sanitizer_report())
    look()
    return {"result": result, "seen": seen, "deaths": supervisor.deaths, "log": world.gate.process.text(), "left": world.gate.left_over()}


def everywhere(t, lab):
    good = ("valid", ("valid", "valid", "ready"), 0, "")
    calm = attempt(lab, 0, [])
    t.equal((calm["result"], calm["left"]), (good, {}), "without a crash")
    places = re.findall(r"crash_point (\d+) (.*)", calm["log"])
    chosen = list(range(1, len(places) + 2))
    results = side_by_side([lambda n=n: attempt(lab, n, [n]) for n in chosen])
    for n, result in zip(chosen, results):
        if not t.ok(result.get("result") == good and result["seen"] <= WHOLE and not result["left"], "killed at place %d: allowed in the end, and never by halves" % n):
            t.note({k: v for k, v in result.items() if k != "log"})
    t.ok(sum(r.get("deaths") == [-9] for r in results) > len(chosen) / 2, "it was killed in most of %d runs" % len(results))


def resolver_without_records():
    """Its address: every name is there, and has nothing."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve():
        while True:
            query, client = sock.recvfrom(4096)
            end = 12
            while query[end]:
                end += query[end] + 1
            sock.sendto(query[:2] + b"\x85\x80\0\1\0\0\0\0\0\0" + query[12:end + 5], client)
    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1:%d" % sock.getsockname()[1]


def apart(t, lab):
    """Programs that prove names to a CA may be many and slow: no device waits for them."""
    pebble, world = lab.pebble(), World(lab, name="apart")
    began = world.path("began")
    world.gate.conf.update(
        profiles=[world.profile, dict(world.profile, name="asked", validation_attempts=["0s"], device_hook_timeout="5s",
                                      device_hook=program(world, "allow", "#!/bin/sh\necho '{\"allow\": true}'\n")),
                  {"name": "outside", "upstream": "ca", "http01_port": world.gate.device_port}],
        upstreams=world.gate.conf["upstreams"] + [{"name": "ca", "driver": "acme", "directory": pebble.directory, "contact":
                                                   "mailto:pki@corp.test", "ca_file": lab.path("web_root.pem"), "accept_terms": True}],
        public_resolvers=[resolver_without_records()], rules=world.gate.conf["rules"] + [{"name": "all", "names": ["*.test"]}],
        solvers=[{"name": "slow", "kind": "exec", "zone": "test", "program_timeout": "2m",
                  "program": program(world, "solve", "#!/bin/sh\necho >>%s\nexec sleep 100\n" % began)}])
    world.gate.start()
    device = lab.device(world.gate)
    device.start(["n%d.test" % n for n in range(20)], profile="outside")
    device.prove()
    device.finalize()

    def running():
        with open(began) as lines:
            return len(lines.read().splitlines())
    wait_until("the programs", lambda: os.path.exists(began) and running() == 16, 60)
    t.equal(verdict(world, "asked")[0], "valid", "sixteen programs prove names to a CA, and a hook is asked all the same")
    t.equal((world.gate.stop(), world.gate.sanitizer_report()), (0, ""), "the gateway ends with 0")


def device_state(world):
    return world.gate.sql("select state from challenge")[0][0]


def main():
    t = Tap()
    with Lab(t) as lab:
        for part in (programs, servers, between, apart):
            with t.part(part.__name__):
                part(t, lab)
        with t.part("killed everywhere"):
            everywhere(t, lab)
        with t.part("killed, SQLite"):
            killed(t, lab, "killed")
        with t.part("killed, PostgreSQL"):
            killed(t, lab, "killed-pg", store=lab.database(lab.postgres(), "hook"))
    return t.done()


sys.exit(main())
