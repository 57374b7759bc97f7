#!/usr/bin/python3
"""The gateway's own TLS certificate: from files, changed while it runs; from the CA behind it, ordered once, renewed in time."""

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509

from lab import Lab, make_web_certificate, pebbles, wait_until
from tap import Tap


def served(gate):
    """The certificate that a new connection is shown; None while nobody listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as raw, context.wrap_socket(raw) as link:
            return x509.load_der_x509_certificate(link.getpeercert(True))
    except OSError:
        return None


def issuer(gate):
    cert = served(gate)
    return cert.issuer.rfc4514_string() if cert else ""


def serial(gate):
    cert = served(gate)
    return cert.serial_number if cert else 0


def trust(lab, name, pem):
    with open(lab.path(name), "w") as out:
        out.write(pem)
    return lab.path(name)


def connect(gate, ca_file):
    """A connection as a device has it, that stays open."""
    link = http.client.HTTPSConnection("localhost", gate.port, timeout=20, context=ssl.create_default_context(cafile=ca_file))
    link.connect()
    return link


def status(link):
    link.request("GET", "/directory")
    reply = link.getresponse()
    reply.read()
    return reply.status


def show(gate):
    return json.loads(gate.ctl("--json", "tls", "show"))


def hup(gate):
    os.kill(gate.process.child.pid, signal.SIGHUP)


# ---- from files ----

def files(t, lab):
    folders = [lab.path("one"), lab.path("two")]
    for folder in folders:
        os.mkdir(folder)
        make_web_certificate(folder)
    place = lab.path("place")
    os.symlink(folders[0], place)

    def turn(to):
        os.symlink(to, place + ".new")
        os.rename(place + ".new", place)

    gate = lab.gate("https://localhost:1/dir", tls_cert=place + "/web.pem", tls_key=place + "/web.key")
    gate.start()
    first, old = served(gate), connect(gate, folders[0] + "/web_root.pem")
    t.equal(status(old), 200, "the certificate of the files is served")
    told = show(gate)
    t.equal((told["source"], told["renewal"]["state"], told["file_differs"]), ("files", "manual", False), "acmegatectl tls show says so")
    t.equal(int(told["certificate"]["serial"], 16), first.serial_number, "with its serial")
    turn(folders[1])
    t.equal((serial(gate), show(gate)["file_differs"]), (first.serial_number, True), "other files are not served by themselves, but told")
    hup(gate)
    wait_until("the new certificate", lambda: serial(gate) != first.serial_number)
    t.equal(status(connect(gate, folders[1] + "/web_root.pem")), 200, "after SIGHUP they are")
    t.equal(status(old), 200, "connections of before live on")
    t.equal(show(gate)["file_differs"], False, "and file and face agree")
    second = serial(gate)
    os.mkdir(lab.path("mixed"))
    os.symlink(folders[0] + "/web.pem", lab.path("mixed") + "/web.pem")
    os.symlink(folders[1] + "/web.key", lab.path("mixed") + "/web.key")
    for bad in (lab.path("mixed"), lab.path("nowhere")):
        faults = gate.process.text().count("tls_not_loaded")
        turn(bad)
        hup(gate)
        wait_until("the refusal", lambda: gate.process.text().count("tls_not_loaded") > faults)
        t.equal(serial(gate), second, "files that do not fit are not put in force (%s)" % os.path.basename(bad))
    t.equal(status(old), 200, "and nothing else changes")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


# ---- from the CA ----

def from_the_ca(t, lab, folder):
    pebble = lab.pebble(folder=folder)
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, tls_upstream="ca")
    gate.start()
    t.ok(not issuer(gate).startswith("CN=Pebble"), "it serves at once, by a certificate of its own making")
    told = show(gate)
    t.ok(told["source"] == "own-ca" and told["upstream"] == "ca" and told["renewal"]["state"] in ("due", "ordered"),
         "acmegatectl tls show: another is on its way") or t.note(told)
    wait_until("the CA's certificate", lambda: issuer(gate).startswith("CN=Pebble"), 60, 0.3)
    roots = trust(lab, "pebble.pem", "".join(pebble.roots))
    t.equal(status(connect(gate, roots)), 200, "then the CA's is served, with its chain")
    told = show(gate)
    t.equal((told["source"], told["renewal"]["state"], told["file_differs"], told["certificate"]["identifiers"]),
            ("upstream", "scheduled", False, [{"type": "dns", "value": "localhost"}]), "acmegatectl tls show: from the CA")
    t.ok(told["renewal"]["due"] < told["certificate"]["not_after"], "and when it is due")
    t.equal((proxy.count("newOrder", 201), len(pebble.issued())), (1, 1), "ordered once")
    gate.root = roots
    device = lab.device(gate)
    chain = device.obtain(["one.test"])[1]
    t.equal(lab.verify(chain, pebble.roots), "", "devices that trust the CA alone are served")
    orders = json.loads(gate.ctl("--json", "order", "list"))["items"]
    t.ok("_gateway" in [o["profile"] for o in orders], "its own order is in the list")
    first = serial(gate)
    t.equal(gate.stop(), 0, "it is stopped")
    gate.start()
    t.equal(serial(gate), first, "a restart serves it from the start")
    gate.kill()
    gate.start()
    t.equal(serial(gate), first, "so does one after a kill -9")
    time.sleep(4)  # it looks every 3 s while it waits for something
    t.equal((proxy.count("newOrder", 201), len(pebble.issued())), (2, 2), "none orders it again: two are ours and the device's")
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def killed_meanwhile(t, lab, folder):
    """kill -9 at each request of the way: in all, one order and one certificate."""
    pebble = lab.pebble(folder=folder, env={"PEBBLE_WFE_NONCEREJECT": "0"})
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, tls_upstream="ca")
    killed, guard = [], threading.Lock()

    def rule(exchange, stage):
        # lost answers to newOrder are t_lost.py's, and who is dead while the CA looks at it has not proven its name
        wanted = ("authz", "finalize", "certificate")
        if stage == "after" and exchange.kind in wanted:
            with guard:
                if exchange.kind not in killed:
                    killed.append(exchange.kind)
                    gate.kill()
        return None

    proxy.rule = rule
    gate.start()
    for _ in range(5):
        wait_until("the CA's certificate, or the gateway's death",
                   lambda: not gate.process.running() or issuer(gate).startswith("CN=Pebble"), 60, 0.3)
        if gate.process.running():
            break
        gate.start()
    t.equal(killed, ["authz", "finalize", "certificate"], "killed at three places of the way")
    t.ok(issuer(gate).startswith("CN=Pebble"), "it has its certificate in the end")
    t.equal((proxy.count("newOrder", 201), len(pebble.issued())), (1, 1), "for which it ordered once")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def renewed(t, lab, folder):
    life = 30
    pebble = lab.pebble(folder=folder, certificateValidityPeriod=life,
                        profiles={"default": {"description": "short", "validityPeriod": life}})
    proxy = lab.proxy(pebble)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, tls_upstream="ca")
    gate.start()
    wait_until("the CA's certificate", lambda: issuer(gate).startswith("CN=Pebble"), 60, 0.3)
    began, first = time.monotonic(), serial(gate)
    roots = trust(lab, "short.pem", "".join(pebble.roots))
    old = connect(gate, roots)
    t.equal(status(old), 200, "a certificate of %d s is served" % life)
    early = 0
    while time.monotonic() < began + life / 2:
        hup(gate)  # each makes it look
        time.sleep(0.5)
        early = max(early, proxy.count("newOrder", 201))
    t.equal((early, serial(gate)), (1, first), "in its first half it is not renewed, however often one looks")

    def another():
        hup(gate)
        time.sleep(0.3)
        return serial(gate) != first

    wait_until("the renewal", another, life)
    t.ok(time.monotonic() < began + life, "in its last third it is, before it ends")
    t.equal(proxy.count("newOrder", 201), 2, "by one order")
    t.equal((status(old), status(connect(gate, roots))), (200, 200), "old connections live on, new ones see the new one")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def refused(t, lab):
    pebble = lab.pebble()
    words = {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not this name", "status": 400}

    def rule(exchange, stage):
        if exchange.kind != "newOrder" or stage == "before" or exchange.status != 201:
            return None
        return 400, [(k, v) for k, v in exchange.headers if k.lower() not in ("location", "content-type")] + [
            ("Content-Type", "application/problem+json")], json.dumps(words).encode()

    proxy = lab.proxy(pebble, rule=rule)
    gate = lab.gate(proxy.directory, http_port=pebble.http_port, tls_upstream="ca")
    gate.start()
    wait_until("the refusal", lambda: show(gate)["renewal"]["state"] == "failed", 60)
    told = show(gate)
    t.ok("not this name" in json.dumps(told["renewal"]["error"]) and told["renewal"]["due"] and told["source"] == "own-ca",
         "what a CA refuses is told, in its words, and when it is asked again") or t.note(told)
    t.ok("not this name" in gate.ctl("tls", "show"), "to people, too")
    asked = proxy.count("newOrder")
    for _ in range(5):
        hup(gate)
        time.sleep(1)
    t.equal(proxy.count("newOrder"), asked, "which is not soon")
    t.equal(status(connect(gate, gate.root)), 200, "its own making serves meanwhile")
    # another CA by a reload is asked at once
    second = lab.pebble(http_port=pebble.http_port)
    gate.conf["upstreams"].append(dict(gate.conf["upstreams"][0], name="second", directory=second.directory))
    t.equal(gate.stop(), 0, "a second CA needs a restart")
    gate.start()
    gate.conf["tls_upstream"] = "second"
    gate.write_conf()
    gate.ctl("reload")
    wait_until("the second CA's certificate", lambda: issuer(gate).startswith("CN=Pebble"), 60, 0.3)
    t.equal((len(second.issued()), show(gate)["upstream"]), (1, "second"), "the certificate is ordered there, without waiting")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def part(t, what, function, *args):
    with Lab(t) as lab, t.part(what):
        function(t, lab, *args)


t = Tap()
part(t, "files", files)
for what, folder in pebbles():
    t.note("with " + what)
    part(t, "from the CA", from_the_ca, folder)
    part(t, "killed meanwhile", killed_meanwhile, folder)
    part(t, "renewed", renewed, folder)
part(t, "refused", refused)
sys.exit(t.done())
