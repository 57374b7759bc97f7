#!/usr/bin/python3
"""Where validation may connect (V1), with hosts of their own: the gateway, a device in a network that is listed, and a trap in one that
is not, each in a network namespace, on the true ports. Redirects, names that change while they are looked at, name servers, listeners
of the gateway itself: the trap must not hear of any."""

import ctypes
import http.server
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import Lab, LabError, wait_until
from nameserver import Bind
from t_tlsalpn01 import TlsDevice, TlsServer
from tap import Tap

NEWNET = 0x40000000
GATEWAY, DEVICE, TRAP, BEFORE_TRAP = "10.77.0.1", "10.77.0.2", "10.88.0.2", "10.88.0.1"


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError("%s: %s" % (" ".join(words), done.stderr))


class Host:
    """A network namespace with one interface, joined to ours."""

    def __init__(self, name, near, far):
        self.holder = subprocess.Popen(["/usr/bin/unshare", "-n", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        pid = str(self.holder.pid)
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run("ip", "address", "add", near + "/24", "dev", name)
        run("ip", "link", "set", name, "up")
        for words in (("link", "set", "lo", "up"), ("address", "add", far + "/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            run("nsenter", "-t", pid, "-n", "ip", *words)
        self.address, self.closers = far, []

    def inside(self, make):
        """A socket belongs to the namespace of the thread that makes it."""
        made = []

        def work():
            with open("/proc/%d/ns/net" % self.holder.pid) as ns:
                if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), NEWNET) != 0:
                    return
            made.append(make())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if not made:
            raise LabError("cannot enter the namespace")
        return made[0]

    def listen(self, port):
        return self.inside(lambda: socket.create_server((self.address, port)))

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Trap:
    """Listens on all that the gateway could be led to, and counts."""

    def __init__(self, host):
        self.heard = []
        for port in (80, 443, 53):
            threading.Thread(target=self.serve, args=(port, host.listen(port)), daemon=True).start()
        udp = host.inside(lambda: socket.socket(type=socket.SOCK_DGRAM))
        udp.bind((host.address, 53))
        threading.Thread(target=self.serve_udp, args=(udp,), daemon=True).start()

    def serve(self, port, listener):
        while True:
            link, _ = listener.accept()
            self.heard.append("tcp %d" % port)
            link.close()

    def serve_udp(self, udp):
        while True:
            udp.recv(4096)
            self.heard.append("udp 53")


class Web:
    """The device's web server: an answer, or `turn(path)`, where to go to."""

    def __init__(self, host):
        self.tokens, self.turn, self.crowd = {}, None, None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if outer.crowd:
                    outer.crowd.wait(8)
                to = outer.turn and outer.turn(self.path)
                body = outer.tokens.get(self.path.rpartition("/")[2], "").encode()
                self.send_response(302 if to else 200)
                if to:
                    self.send_header("Location", to)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer((host.address, 80), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = host.listen(80)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


def outcome(device, name, **payload):
    """(status of the order, type of the challenge's problem, its detail)"""
    device.start([name], **payload)
    device.respond(device.order["authorizations"][0])
    order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    error = next((c["error"] for c in device.acme.post(order["authorizations"][0]).json["challenges"] if "error" in c), {})
    return order["status"], error.get("type", "").rpartition(":")[2], error.get("detail", "")


def http01(t, lab, gate, web, trap):
    device = acme.Device(gate.acme(), web)
    lab.resolve("device.test", DEVICE)
    t.equal(outcome(device, "device.test")[0], "ready", "a device in a listed network proves its name on port 80")
    lab.manage_dns("add-a", {"host": "both.test.", "addresses": [TRAP, DEVICE]})
    t.equal(outcome(device, "both.test")[0], "ready", "of two addresses the listed one is used")
    for name, address in (("trap.test", TRAP), ("metadata.test", "169.254.169.254"), ("any.test", "0.0.0.0"), ("loop.test", "127.0.0.1"),
                          ("all.test", "255.255.255.255"), ("near.test", BEFORE_TRAP)):
        lab.resolve(name, address)
        got = outcome(device, name)
        t.ok(got[:2] == ("invalid", "connection") and "not one this gateway validates" in got[2] and address not in got[2],
             "%s: %s" % (address, got[2]))
    # a name may be in the way of its own redirect
    for what, to in (("an address", "http://%s/x" % TRAP), ("an address by https", "https://%s/x" % TRAP), ("a name", "http://trap.test/x"),
                     ("an address mapped", "http://[::ffff:%s]/x" % TRAP), ("a number", "http://%d/x" % int.from_bytes(socket.inet_aton(TRAP), "big")),
                     ("loopback", "http://127.0.0.1/x")):
        web.turn = lambda path, to=to: to
        got = outcome(device, "to-%s.test" % what.replace(" ", "-"))
        t.ok(got[0] == "invalid", "a redirect to %s: %s" % (what, got[2]))
    lab.resolve("turns.test", DEVICE)

    def turn(path):
        lab.manage_dns("clear-a", {"host": "turns.test."})
        lab.resolve("turns.test", TRAP)
        return "http://turns.test/.well-known/again"

    web.turn = turn
    got = outcome(device, "turns.test")
    t.ok(got[:2] == ("invalid", "connection") and "not one this gateway validates" in got[2], "a name that turns to the trap between two hops: %s" % got[2])
    web.turn = None


def crowd(t, _lab, gate, web, _trap):
    """Many names at one address, as behind one proxy: no answer comes before all have been asked for."""
    device = acme.Device(gate.acme(), web)
    device.start(["host%d.test" % n for n in range(40)])
    web.crowd = threading.Barrier(40)
    for url in device.order["authorizations"]:
        device.respond(url)
    order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    t.equal((order["status"], web.crowd.broken), ("ready", False), "forty names at one address are asked for at once")
    web.crowd = None


def own_faces(t, lab, gate, web, _trap):
    lab.resolve("gate.test", GATEWAY)
    device = acme.Device(gate.acme(), web)
    web.turn = lambda path: "https://%s/directory" % GATEWAY
    got = outcome(device, "own-1.test")
    t.ok(got[:2] == ("invalid", "connection") and "not one this gateway validates" in got[2], "a redirect to a face of the gateway: %s" % got[2])
    web.turn = lambda path: "https://gate.test/directory"
    t.equal(outcome(device, "own-2.test")[1], "connection", "by its name")
    web.turn = lambda path: "http://%s/" % GATEWAY
    got = outcome(device, "own-3.test")
    t.ok(got[1] == "connection" and "cannot connect" in got[2], "another port of its machine is nobody's: %s" % got[2])
    web.turn = None


def tlsalpn01(t, lab, gate, server, _trap):
    device = TlsDevice(gate.acme(), lab.folder, server)
    t.equal(outcome(device, "tls.test", profile="tls")[0], "ready", "tls-alpn-01 on port 443")
    for name, address in (("tls-trap.test", TRAP), ("tls-gate.test", GATEWAY), ("tls-loop.test", "127.0.0.1")):
        lab.resolve(name, address)
        got = outcome(device, name, profile="tls")
        t.ok(got[:2] == ("invalid", "connection") and "not one this gateway validates" in got[2], "not at %s: %s" % (address, got[2]))


def authority(t, gate):
    device = acme.Device(gate.acme(), None)

    def respond(url):
        chall = device.acme.post(url).json["challenges"][0]
        device.acme.want("challenge", device.acme.post(chall["url"], {}), 200)

    device.respond = respond
    got = outcome(device, "a.far.test", profile="dns")
    t.ok(got[:2] == ("invalid", "dns") and "has no address that this gateway asks" in got[2], "a name server in the trap's place: %s" % got[2])


def main():
    if "--inside" not in sys.argv:
        os.execv("/usr/bin/unshare", ["unshare", "-n", sys.executable, os.path.abspath(__file__), "--inside"])
    run("ip", "link", "set", "lo", "up")
    t = Tap()
    hosts = [Host("device", GATEWAY, DEVICE), Host("trap", BEFORE_TRAP, TRAP)]
    try:
        with Lab(t) as lab:
            lab.manage_dns("set-default-ipv4", {"ip": DEVICE})
            bind = Bind(lab, {"far.test": ["@ NS outside", "outside A " + TRAP]})
            bind.update("update delete far.test. NS ns.far.test.")
            profile = {"upstream": "local", "validation_attempts": ["0s"], "validity": "7d"}
            profiles = [dict(profile, name="default"), dict(profile, name="tls", challenges=["tls-alpn-01"]),
                        dict(profile, name="dns", challenges=["dns-01"], authoritative_dns=True, resolvers=[bind.address])]
            gates = []
            for networks in (["10.77.0.0/24"], ["10.77.0.0/24", "10.88.0.0/24"]):
                gate = lab.gate("", profiles=profiles, upstreams=[{"name": "local", "driver": "local"}])
                gate.conf.update(networks=networks, rates={"failed_burst": 0})
                gate.conf["listen"] = gate.conf["listen"] + ([GATEWAY + ":443"] if not gates else [])
                gate.start()
                gates.append(gate)
            web, trap = Web(hosts[0]), Trap(hosts[1])
            tls = TlsServer(443, listener=hosts[0].listen(443))
            for part, argument in ((http01, web), (crowd, web), (own_faces, web), (tlsalpn01, tls)):
                with t.part(part.__name__):
                    part(t, lab, gates[0], argument, trap)
            with t.part("authority"):
                authority(t, gates[0])
            t.equal(trap.heard, [], "the trap has heard nothing")
            with t.part("the trap is real"):
                outcome(acme.Device(gates[1].acme(), web), "trap.test")
                wait_until("the trap to be found", lambda: "tcp 80" in trap.heard)
                t.ok(True, "where its network is listed it is found")
            for gate in gates:
                t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    finally:
        for host in hosts:
            host.close()
    return t.done()


sys.exit(main())
