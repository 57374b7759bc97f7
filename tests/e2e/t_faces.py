#!/usr/bin/python3
"""What CAs ask the gateway itself: a real CA validates by tls-alpn-01; who else shakes hands there gets an alert, whatever it tries; two
orders for one name, one after the other; a crash in the middle; and two gateways on one PostgreSQL that answer for each other, by
http-01 and by tls-alpn-01."""

import hashlib
import os
import re
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

import acme
from lab import Lab, pebbles, psql, wait_until
from proxy import DROP
from tap import Tap

PROTOCOL = "acme-tls/1"
ACME_IDENTIFIER = ObjectIdentifier("1.3.6.1.5.5.7.1.31")
TLS = [{"name": "tls", "kind": "tls-alpn-01"}]
ALPN01_CONNS_MAX = 256
NO_REUSE = {"PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}


class Hold:
    """A rule of the proxy: challenges are kept before the CA has them, until `over`; then they go there, or are lost."""

    def __init__(self, verdict=None):
        self.verdict, self.reached, self.over = verdict, threading.Event(), threading.Event()

    def __call__(self, exchange, stage):
        if exchange.kind != "challenge" or stage != "before" or self.over.is_set():
            return None
        self.reached.set()
        self.over.wait(100)
        return self.verdict


def gate_of(lab, pebble, proxy, address, **conf):
    gate = lab.gate(proxy.directory, address=address, solvers=TLS, tls_alpn01_listen=["%s:%d" % (address, pebble.conf["tlsPort"])],
                    upstream={"request": "2m"}, **conf)
    gate.conf["profiles"][0]["identifier_types"] = ["dns", "ip"]
    gate.start()
    return gate


def shake(where, name, protocols=(PROTOCOL,), version=None):
    """Connect and shake hands: the certificate, what was chosen, and what came then; or the words of the alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if version:
        context.maximum_version = version
    with socket.create_connection(where, 60) as link:
        try:
            with context.wrap_socket(link, server_hostname=name) as tls:
                return x509.load_der_x509_certificate(tls.getpeercert(True)), tls.selected_alpn_protocol(), tls.recv(100)
        except ssl.SSLError as fault:
            return fault.reason or str(fault)
        except ConnectionError:
            return "closed"


def waiting_order(lab, gate, names):
    device = lab.device(gate)
    device.start(names)
    device.prove()
    device.finalize()
    return device


def good(t, lab, pebble, address):
    proxy = lab.proxy(pebble)
    gate = gate_of(lab, pebble, proxy, address)
    for name in ("one.test", "two.test"):
        lab.resolve(name, address)
    device = lab.device(gate)
    chain = device.obtain(["one.test", "two.test"])[1]
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "two names, proven to the CA by tls-alpn-01")
    device.cert_key = acme.new_key()
    chain = device.obtain([address])[1]
    t.equal(lab.verify(chain, pebble.roots[:1]), "", "and an address (RFC 8738)")
    story = gate.ctl("order", "show", device.order_url.rpartition("/")[2], "--trace")
    t.ok("tls-alpn-01 proof of %s, by tls" % address in story, "the order's story says so")
    t.ok("acmegate_dns_updates_total" in gate.ctl("metrics") and 'solver="tls"' not in gate.ctl("metrics"), "no records are counted for it")
    status = gate.ctl("status")
    t.ok("tls-alpn-01" in status, "acmegatectl status has the solver")
    t.equal(gate.left_over(), {}, "nothing is left over")
    where = (address, pebble.conf["tlsPort"])
    t.equal(shake(where, "one.test"), "TLSV1_UNRECOGNIZED_NAME", "who asks for a name that is proven gets an alert")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def strangers(t, lab, pebble, address):
    """While a name waits for its CA."""
    proxy = lab.proxy(pebble, rule=Hold())
    gate = gate_of(lab, pebble, proxy, address)
    lab.resolve("held.test", address)
    where = (address, pebble.conf["tlsPort"])
    device = waiting_order(lab, gate, ["held.test"])
    t.ok(proxy.rule.reached.wait(100), "the CA is about to be told of a proof")
    key_auth = gate.sql("select key_auth from upstream_authz")[0][0]
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        cert, chosen, data = shake(where, "HELD.test", version=version)
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        proof = cert.extensions.get_extension_for_oid(ACME_IDENTIFIER)
        t.equal((chosen, data, [n.value for n in names], len(names)), (PROTOCOL, b"", ["held.test"], 1), "%s: its certificate has the name alone, "
                "and the connection ends" % version.name)
        t.equal((proof.critical, proof.value.value), (True, b"\x04\x20" + hashlib.sha256(key_auth.encode()).digest()), "and the digest, critical")
        t.ok(cert.issuer == cert.subject and b"held" not in cert.subject.public_bytes(), "its subject says nothing")
    t.ok(cert.public_key().public_numbers() != shake(where, "held.test")[0].public_key().public_numbers(), "each handshake has a key of its own")
    t.equal([shake(where, name) for name in ("other.test", "one.test", "localhost", None)], ["TLSV1_UNRECOGNIZED_NAME"] * 4,
            "another name, or none, gets an alert")
    t.equal(["no application protocol" in str(shake(where, "held.test", p)) for p in (("http/1.1",), ("h2", PROTOCOL), (PROTOCOL, "h2"), ())],
            [True] * 4, "so does another protocol, one beside it, or none")
    http = socket.create_connection(where, 60)
    http.sendall(b"GET / HTTP/1.1\r\nHost: held.test\r\n\r\n")
    t.ok(b"HTTP" not in answer_of(http), "HTTP is not spoken")
    idle = [socket.create_connection(where, 60) for _ in range(ALPN01_CONNS_MAX + 10)]
    rejected = re.compile(r'acmegate_http_connections_rejected_total{reason="face"} [1-9]')
    t.ok(wait_until("metrics of what was refused", lambda: rejected.search(gate.ctl("metrics")), 60, 0.3), "connections beyond the bound are refused")
    for link in idle + [http]:
        link.close()
    wait_until("the face to be free again", lambda: isinstance(shake(where, "held.test"), tuple), 60, 0.2)
    t.equal(gate.sql("select count(*) from upstream_authz where token is not null"), [(0,)], "the http01 face does not know the token")
    proxy.rule.over.set()
    t.equal(lab.verify(device.collect(), pebble.roots[:1]), "", "and the order becomes valid")
    t.ok(key_auth not in gate.process.text() and key_auth.partition(".")[0] not in gate.process.text(), "its log has no token")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def answer_of(link):
    try:
        return link.recv(1000)
    except ConnectionError:
        return b""


def in_turn(t, lab, pebble, address):
    """Two orders with a name in common: by its name alone nobody could tell whose certificate is wanted."""
    proxy = lab.proxy(pebble, rule=Hold())
    gate = gate_of(lab, pebble, proxy, address)
    for name in ("shared.test", "first.test", "second.test"):
        lab.resolve(name, address)
    first = waiting_order(lab, gate, ["shared.test", "first.test"])
    t.ok(proxy.rule.reached.wait(100), "an order's proofs are laid out")
    second = waiting_order(lab, gate, ["second.test", "shared.test"])
    words = 'another order proves "shared.test" by tls-alpn-01 now'
    wait_until("the second's story to tell", lambda: words in gate.ctl("order", "show", second.order_url.rpartition("/")[2], "--trace"), 60, 0.3)
    t.equal(gate.sql("select count(*) from upstream_authz where server_name is not null"), [(2,)], "another one waits, with all of its names")
    proxy.rule.over.set()
    t.equal([lab.verify(d.collect(), pebble.roots[:1]) for d in (first, second)], ["", ""], "both become valid, one after the other")
    t.equal(gate.left_over(), {}, "nothing is left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def killed(t, lab, pebble, address):
    proxy = lab.proxy(pebble, rule=Hold(DROP))
    gate = gate_of(lab, pebble, proxy, address)
    lab.resolve("killed.test", address)
    device = waiting_order(lab, gate, ["killed.test"])
    before = len(pebble.issued())
    t.ok(proxy.rule.reached.wait(100), "a proof is laid out")
    gate.kill()
    proxy.rule.over.set()
    gate.start()
    device.acme.patient = 60
    t.equal(lab.verify(device.collect(), pebble.roots[:1]), "", "killed there and started again, the order becomes valid")
    t.equal((len(pebble.issued()) - before, gate.left_over()), (1, {}), "one certificate, nothing left over")
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


def together(t, lab, pebble):
    """The first has the orders, and the CA finds the second under each name."""
    store = lab.postgres()
    solvers = [{"name": "web", "kind": "http-01", "domains": ["web.test"]}, {"name": "tls", "kind": "tls-alpn-01"}]
    first, second = lab.pair(pebble.directory, store, ("127.14.0.1", "127.14.0.2"), http_port=pebble.http_port, solvers=solvers,
                             tls_alpn01_listen=lambda address: ["%s:%d" % (address, pebble.conf["tlsPort"])])
    responder = lab.responder(first.device_port, second.address)
    wait_until("an account at the CA", lambda: psql(store, "select count(*) from upstream where account_url is not null") == ["1"])
    names = ["a.web.test", "b.web.test", "a.tls.test", "b.tls.test"]
    for name in names:
        lab.resolve(name, second.address)
    device = acme.Device(first.acme(), responder)
    t.equal(lab.verify(device.obtain(names)[1], pebble.roots[:1]), "", "of two gateways on one PostgreSQL the other one proves what this one "
            "has ordered, by http-01 and by tls-alpn-01")
    asked = [g.process.text().count("event=proof_asked found=1") for g in (first, second)]
    t.ok(asked[0] == 0 and asked[1] >= 4, "it alone was asked (%d times)" % asked[1])
    t.equal((first.stop(), second.stop(), first.sanitizer_report() + second.sanitizer_report()), (0, 0, ""), "both end with 0")


t = Tap()
with Lab(t) as lab:
    what, folder = list(pebbles())[-1]
    pebble = lab.pebble(folder=folder, env=NO_REUSE)
    t.note(what)
    for number, (words, part) in enumerate((("a CA validates", good), ("strangers", strangers), ("two orders for one name", in_turn),
                                            ("a crash", killed)), 1):
        with t.part(words):
            part(t, lab, pebble, "127.12.%d.%d" % (os.getpid() % 250 + 1, number))
    with t.part("two gateways"):
        together(t, lab, pebble)
sys.exit(t.done())
