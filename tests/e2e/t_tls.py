#!/usr/bin/python3
"""The TLS of the devices' face, as testssl.sh sees it, and what testssl.sh does not look at: ALPN, names, tickets, renegotiation.

testssl.sh may find nothing above LOW but what KNOWN explains."""

import json
import os
import socket
import ssl
import subprocess
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, wait_until
from lines import request
from tap import Tap

warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is why TLS 1.0 is tried

# Findings above LOW that are as they must be.
KNOWN = {
    "cert_revocation": "the certificate is signed by the gateway's own root: it is replaced with its key, and a list of revoked ones"
                       " would be fetched over the very connection that it is to judge",
}
# About the machine that the test runs on.
NOT_OURS = {"engine_problem"}
WEIGHTS = ("OK", "INFO", "WARN", "LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")


def testssl(t, lab, gate):
    out = lab.path("testssl.json")
    env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    run = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "--jsonfile", out, "--add-ca",
                          gate.root, "--protocols", "--std", "--fs", "--server-preference", "--server-defaults", "--headers",
                          "--vulnerable", "--grease", gate.directory],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400, env=env)
    with open(out) as text:
        findings = json.load(text)
    t.ok(len(findings) > 60, "testssl.sh looked at %d things" % len(findings))
    if len(findings) <= 60:
        t.note(run.stdout[-2000:] + run.stderr[-1000:])
    by_id = {f["id"]: f for f in findings}
    for one in findings:
        if one["severity"] not in ("OK", "INFO") and one["id"] not in NOT_OURS:
            t.note("%s: %s: %s%s" % (one["severity"], one["id"], one["finding"],
                                     " -- " + KNOWN[one["id"]] if one["id"] in KNOWN else ""))
    grave = {one["id"]: one["finding"] for one in findings if one["id"] not in KNOWN and one["id"] not in NOT_OURS and
             WEIGHTS.index(one["severity"]) > WEIGHTS.index("LOW")}
    t.equal(grave, {}, "testssl.sh finds nothing above LOW, but what is known")
    for what in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        t.ok("not offered" in by_id[what]["finding"], "testssl.sh: %s is not offered" % what)
    for what in ("TLS1_2", "TLS1_3"):
        t.ok(by_id[what]["finding"].startswith("offered"), "testssl.sh: %s is offered" % what)
    for what in ("PFS", "cipherlist_STRONG", "cipher_order", "secure_renego", "secure_client_renego"):
        t.equal(by_id[what]["severity"], "OK", "testssl.sh: %s: %s" % (what, by_id[what]["finding"]))


def context(gate, version=None, alpn=None):
    trust = ssl.create_default_context(cafile=gate.root)
    if version:
        # what the system would not even offer
        if version < ssl.TLSVersion.TLSv1_2:
            trust.set_ciphers("ALL:@SECLEVEL=0")
        trust.minimum_version = trust.maximum_version = version
    if alpn is not None:
        trust.set_alpn_protocols(alpn)
    return trust


def connect(gate, trust, name="localhost", session=None):
    plain = socket.create_connection(("127.0.0.1", gate.port), 20)
    try:
        return trust.wrap_socket(plain, server_hostname=name, session=session)
    except Exception:
        plain.close()
        raise


def speak(link, gate):
    """Status line of a GET, the whole reply read: with TLS 1.3 the ticket has come then."""
    link.sendall(request("GET", "/directory", fields="Connection: close\r\n"))
    got = b""
    while True:
        octets = link.recv(65536)
        if not octets:
            return got.split(b"\r\n")[0]
        got += octets


def attempt(gate, trust, name="localhost"):
    try:
        with connect(gate, trust, name) as link:
            return link.version(), link.selected_alpn_protocol(), speak(link, gate)
    except (ssl.SSLError, OSError) as fault:
        return getattr(fault, "reason", None) or type(fault).__name__


def s_client(gate, *options):
    return subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % gate.port, "-CAfile", gate.root, *options],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def versions(t, gate):
    good = b"HTTP/1.1 200 OK"
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        t.equal(attempt(gate, context(gate, version)), "TLSV1_ALERT_PROTOCOL_VERSION", "%s is refused with the right alert" % version.name)
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        t.equal(attempt(gate, context(gate, version)), (name, None, good), "%s is served" % name)
    t.equal(attempt(gate, context(gate, alpn=["http/1.1"])), ("TLSv1.3", "http/1.1", good), "ALPN: http/1.1 is taken")
    t.equal(attempt(gate, context(gate, alpn=["h2", "http/1.1"])), ("TLSv1.3", "http/1.1", good), "ALPN: of h2 and http/1.1 the latter")
    for offer in ("h2", "http/1.1x,ttp/1.1"):
        out = s_client(gate, "-alpn", offer).communicate("", timeout=30)[0]
        t.ok("alert number 120" in out, "ALPN: %s is refused with no_application_protocol (RFC 7301)" % offer)
    weak = context(gate, ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0")
    t.ok("HANDSHAKE_FAILURE" in str(attempt(gate, weak)), "suites without AEAD or forward secrecy are refused")


def names(t, gate):
    """One certificate, whatever name is asked for: links come from external_url, and clients judge the certificate."""
    blind = context(gate)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    seen = set()
    for name in ("localhost", "LOCALHOST", "unknown.example", "x" * 63 + ".example", None):
        with connect(gate, blind, name) as link:
            seen.add((link.getpeercert(True), speak(link, gate)))
    t.equal(len(seen), 1, "an unknown server name, an odd one or none is served with the one certificate")
    t.ok("CERTIFICATE_VERIFY_FAILED" in str(attempt(gate, context(gate), "unknown.example")), "which a client refuses that asked for another")


def tickets(t, lab, gate):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trust = context(gate, version)
        with connect(gate, trust) as link:
            first = link.session_reused
            speak(link, gate)
            session = link.session
        with connect(gate, trust, session=session) as link:
            again, status = link.session_reused, speak(link, gate)
        t.equal((first, again, status), (False, True, b"HTTP/1.1 200 OK"), "%s: a session is resumed by its ticket" % version.name)
    out = s_client(gate, "-tls1_3", "-ign_eof").communicate(request("GET", "/directory", fields="Connection: close\r\n").decode(),
                                                            timeout=30)[0]
    t.ok("Max Early Data: 0" in out, "no early data, which could be replayed")
    gate.stop()
    gate.start()
    with connect(gate, trust, session=session) as link:
        t.equal((link.session_reused, speak(link, gate)), (False, b"HTTP/1.1 200 OK"),
                "a ticket from before a restart is no fault: the handshake is a full one")


def renegotiation(t, gate):
    child = s_client(gate, "-tls1_2")
    try:
        wait = child.stdout.readline()
        while wait and "---" not in wait:
            wait = child.stdout.readline()
        child.stdin.write("R\n")
        child.stdin.flush()
        out = child.communicate(timeout=30)[0]
    finally:
        child.kill()
    t.ok("RENEGOTIATING" in out and "no renegotiation" in out, "renegotiation is refused")
    if "no renegotiation" not in out:
        t.note(out[-1500:])


def garbage(t, gate):
    """What is no TLS at all, and TLS that stops half way, costs a connection and nothing else."""
    letters = {
        "plain HTTP": b"GET /directory HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "random octets": os.urandom(4096),
        "an empty record": b"\x16\x03\x01\x00\x00" * 50,
        "a record that is too long": b"\x16\x03\x01\xff\xff" + b"\0" * 70000,
        "a ClientHello that says it is 16 MiB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\0" * 16380,
        "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
        "application data before the handshake": b"\x17\x03\x03\x00\x20" + b"a" * 32,
    }
    for what, octets in letters.items():
        got = None
        with socket.create_connection(("127.0.0.1", gate.port), 20) as plain:
            try:
                plain.sendall(octets)
                got = plain.recv(65536)
                while got[:1] not in (b"", b"\x15"):
                    got = plain.recv(65536)
            except ConnectionError:
                got = b""
        t.ok(got == b"" or got[:1] == b"\x15", "%s: an alert, or the end" % what)
    t.equal(attempt(gate, context(gate))[2], b"HTTP/1.1 200 OK", "and others are served")


t = Tap()
with Lab(t) as lab:
    gate = lab.gate("https://localhost:1/dir", rates={"requests_burst": 0}, log_level="info")
    gate.conf["profiles"] = [{"name": "default", "upstream": "local"}]
    gate.conf["upstreams"] = gate.conf["upstreams"][1:]
    gate.start()
    for part in (versions, names, renegotiation, garbage):
        with t.part(part.__name__):
            part(t, gate)
    with t.part("tickets"):
        tickets(t, lab, gate)
    with t.part("testssl.sh"):
        testssl(t, lab, gate)
    t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
