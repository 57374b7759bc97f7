#!/usr/bin/python3
"""tls-alpn-01 (RFC 8737; RFC 8738 for addresses) with real clients and real TLS servers: lego, dehydrated's certificate in
OpenSSL's server, our own device in Python's; and each way to fail with its problem."""

import datetime
import hashlib
import ipaddress
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID, ObjectIdentifier

import acme
from lab import PORTS, Lab, Process, key_pem, listens, make_key, wait_until
from tap import Tap

PROTOCOL = "acme-tls/1"
ACME_IDENTIFIER = ObjectIdentifier("1.3.6.1.5.5.7.1.31")


def proof(folder, name, key_auth, critical=True, protocol_names=(PROTOCOL,), days=0, octets=0):
    """A context with the certificate of RFC 8737 3: valid so many days later, with so many octets more in it."""
    key, now = make_key(), datetime.datetime.utcnow() + datetime.timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proof")])
    try:
        san = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        san = x509.DNSName(name)
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([san]), False)
            .add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, b"\x04\x20" + hashlib.sha256(key_auth.encode()).digest()), critical)
            .add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(octets)), False)
            .sign(key, hashes.SHA256()))
    path = os.path.join(folder, "proof.pem")
    with open(path, "wb") as out:
        out.write(key_pem(key) + cert.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if protocol_names:
        context.set_alpn_protocols(list(protocol_names))
    return context


class TlsServer:
    """Answers with `context`; counts who came."""

    def __init__(self, port, address="127.0.0.1", listener=None):
        self.context, self.came, self.data = None, 0, b""
        self.socket = listener or socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            self.came += 1
            try:
                with self.context.wrap_socket(link, server_side=True) as tls:
                    self.data += tls.recv(1000)
            except OSError:
                link.close()

    def close(self):
        self.socket.close()


class TlsDevice(acme.Device):
    def __init__(self, acme_, folder, server, **options):
        super().__init__(acme_, None)
        self.folder, self.server, self.options = folder, server, options

    def respond(self, authz_url):
        authz = self.acme.want("authz", self.acme.post(authz_url), 200).json
        if authz["status"] != "pending":
            return
        chall = [c for c in authz["challenges"] if c["type"] == "tls-alpn-01"][0]
        key_auth = self.options.get("key_auth") or "%s.%s" % (chall["token"], acme.thumbprint(self.acme.key))
        options = {k: v for k, v in self.options.items() if k not in ("key_auth", "name")}
        self.server.context = proof(self.folder, self.options.get("name") or authz["identifier"]["value"], key_auth, **options)
        self.acme.want("challenge", self.acme.post(chall["url"], {}), 200)


def good(t, lab, gate, server):
    device = TlsDevice(gate.acme(), lab.folder, server)
    device.obtain(["one.test"])
    t.equal(device.order["status"], "valid", "a name is proven by the certificate of a TLS server")
    t.equal(server.data, b"", "to which not an octet of data is sent")
    address = TlsDevice(gate.acme(), lab.folder, server)
    address.obtain(["127.0.0.1"])
    t.equal(address.order["status"], "valid", "so is an address (RFC 8738)")


def refused(t, lab, gate, server):
    cases = (("protocol", {"protocol_names": ("http/1.1",)}, ("tls", "unauthorized"), ""),
             ("critical", {"critical": False}, ("unauthorized",), "is not critical"),
             ("key", {"key_auth": "token.thumbprint"}, ("unauthorized",), "not the digest"),
             ("name", {"name": "other.test"}, ("unauthorized",), "subjectAltName"))
    for what, options, kinds, words in cases:
        device = TlsDevice(gate.acme(), lab.folder, server, **options)
        device.start(["not-%s.test" % what])
        device.respond(device.order["authorizations"][0])
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        error = device.acme.post(order["authorizations"][0]).json["challenges"][0].get("error", {})
        t.ok(order["status"] == "invalid" and error.get("type", "").rpartition(":")[2] in kinds and words in error.get("detail", ""),
             "another %s: %s" % (what, error.get("detail")))


class HostileServer:
    """Looks which name a connection is for, and does to it what that name says: a function of the socket, or a context."""

    def __init__(self, port):
        self.manners = {}
        self.socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(link,), daemon=True).start()

    def one(self, link):
        try:
            hello = link.recv(4096, socket.MSG_PEEK)
            manner = next(manner for name, manner in self.manners.items() if name.encode() in hello)
            if isinstance(manner, ssl.SSLContext):
                with manner.wrap_socket(link, server_side=True) as tls:
                    tls.recv(1000)
            else:
                manner(link)
        except (OSError, StopIteration):
            pass
        link.close()

    def close(self):
        self.socket.close()


def resets(link):
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def waits(link):
    while link.recv(4096):
        pass


def drips(link):
    """A ServerHello, an octet at a time, that would be done in an hour."""
    link.sendall(b"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc\x03\x03")
    while True:
        link.sendall(b"\x00")
        time.sleep(0.3)


def floods(link):
    """Records without end."""
    while True:
        link.sendall(b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff" + bytes(0x4000 - 4))


def says(octets):
    return lambda link: link.sendall(octets)


def hostile(t, lab, gate, server):
    """All at the same time: who is slow is in nobody's way."""
    warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, that it is old
    cases = (("resets", resets, ("tls",)), ("closes", lambda link: None, ("tls",)), ("waits", waits, ("connection",)),
             ("drips", drips, ("connection",)), ("floods", floods, ("tls", "connection")),
             ("http", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("tls",)), ("alert", says(b"\x15\x03\x03\x00\x02\x02\x28"), ("tls",)),
             ("data-first", says(b"\x17\x03\x03\x00\x05hello"), ("tls",)), ("ssl-two", says(b"\x80\x2e\x01\x00\x02" + bytes(40)), ("tls",)),
             ("tls-one-one", dict(version=ssl.TLSVersion.TLSv1_1), ("tls",)), ("no-alpn", dict(protocol_names=()), ("unauthorized",)),
             ("other-alpn", dict(protocol_names=("h2", "http/1.1")), ("tls", "unauthorized")), ("huge", dict(octets=60000), ("tls",)),
             ("expired", dict(days=-1000), None), ("not-yet", dict(days=1000), None), ("large", dict(octets=8000), None),
             ("tls-one-two", dict(version=ssl.TLSVersion.TLSv1_2), None), ("good", {}, None))
    devices = []
    for name, manner, kinds in cases:
        device = acme.Device(gate.acme(), None)
        device.start([name + ".test"])
        authz = device.acme.post(device.order["authorizations"][0]).json
        chall = [c for c in authz["challenges"] if c["type"] == "tls-alpn-01"][0]
        if isinstance(manner, dict):
            options = {k: v for k, v in manner.items() if k != "version"}
            context = proof(lab.folder, name + ".test", "%s.%s" % (chall["token"], acme.thumbprint(device.acme.key)), **options)
            if "version" in manner:
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, manner["version"]
            manner = context
        server.manners[name + ".test"] = manner
        devices.append((name, device, kinds, chall["url"]))
    for _, device, _, url in devices:
        device.acme.want("challenge", device.acme.post(url, {}), 200)
    for name, device, kinds, _ in devices:
        order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
        error = device.acme.post(order["authorizations"][0]).json["challenges"][0].get("error", {})
        t.ok((order["status"] == "ready" and not kinds) or
             (order["status"] == "invalid" and kinds and error.get("type", "").rpartition(":")[2] in kinds),
             "%s: %s" % (name, error.get("detail") or order["status"]))


def s_server(t, lab, gate, port):
    """OpenSSL's own server shows a proof of ours."""
    device = TlsDevice(gate.acme(), lab.folder, TlsServer(0))
    device.start(["openssl.test"])
    authz = device.acme.post(device.order["authorizations"][0]).json
    chall = [c for c in authz["challenges"] if c["type"] == "tls-alpn-01"][0]
    proof(lab.folder, "openssl.test", "%s.%s" % (chall["token"], acme.thumbprint(device.acme.key)))
    peer = Process(lab, "s_server", ["/usr/bin/openssl", "s_server", "-quiet", "-accept", "127.0.0.1:%d" % port, "-alpn", PROTOCOL,
                                     "-cert", lab.path("proof.pem"), "-key", lab.path("proof.pem")])
    wait_until("openssl to listen", lambda: listens(port))
    device.acme.want("challenge", device.acme.post(chall["url"], {}), 200)
    order = device.acme.poll(device.order_url, lambda o: o["status"] != "pending", 60)
    t.equal(order["status"], "ready", "openssl s_server shows it")
    peer.end()
    wait_until("the port to be free", lambda: not listens(port))


def offers(t, gate):
    a = gate.acme()
    a.new_account()

    def kinds(name):
        order = a.new_order([name]).json
        return [c["type"] for c in a.post(order["authorizations"][0]).json["challenges"]]

    t.equal(kinds("host.test"), ["tls-alpn-01", "dns-01"], "a name is offered it")
    t.equal(kinds("127.0.0.2"), ["tls-alpn-01"], "an address, too")
    t.equal(kinds("*.test.test"), ["dns-01"], "a wildcard is not")


def environment(gate):
    env = dict(os.environ, LEGO_CA_CERTIFICATES=gate.root)
    for key in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        env.pop(key, None)
    return env


def lego(t, lab, gate, port):
    run = subprocess.run(["/usr/bin/lego", "--server", gate.directory, "--email", "a@corp.test", "--accept-tos", "--path", lab.path("lego"),
                          "--tls", "--tls.port", "127.0.0.1:%d" % port, "-d", "lego.test", "-d", "lego2.test", "run"],
                         capture_output=True, text=True, env=environment(gate), timeout=120)
    t.equal(run.returncode, 0, "lego proves two names with a server of its own")
    if run.returncode:
        t.note(run.stdout + run.stderr)


def dehydrated(t, lab, gate, port):
    """It makes the certificate; OpenSSL's server shows it."""
    base, certs, hook = lab.path("dehydrated"), lab.path("alpn"), lab.path("hook")
    os.makedirs(base)
    os.makedirs(certs)
    with open(hook, "w") as out:
        out.write("""#!/bin/sh
case $1 in
deploy_challenge)
	openssl s_server -quiet -accept 127.0.0.1:%d -alpn %s -cert "%s/$2.crt.pem" -key "%s/$2.key.pem" >/dev/null 2>&1 </dev/null &
	echo $! > "%s/pid"
	for i in 1 2 3 4 5 6 7 8 9; do
		openssl s_client -connect 127.0.0.1:%d -alpn %s </dev/null >/dev/null 2>&1 && break
		sleep 0.2
	done ;;
clean_challenge) kill $(cat "%s/pid") ;;
esac
exit 0
""" % (port, PROTOCOL, certs, certs, base, port, PROTOCOL, base))
    os.chmod(hook, 0o755)
    with open(lab.path("dehydrated.conf"), "w") as out:
        out.write("CA=%s\nBASEDIR=%s\nCURL_OPTS=--cacert\\ %s\n" % (gate.directory, base, gate.root))
    command = ["/usr/bin/dehydrated", "--config", lab.path("dehydrated.conf")]
    subprocess.run(command + ["--register", "--accept-terms"], capture_output=True, env=environment(gate), timeout=60)
    run = subprocess.run(command + ["--cron", "--challenge", "tls-alpn-01", "--alpn", certs, "--hook", hook, "--domain", "dehydrated.test"],
                         capture_output=True, text=True, env=environment(gate), timeout=120)
    t.equal(run.returncode, 0, "dehydrated makes a certificate that openssl s_server shows")
    if run.returncode:
        t.note(run.stdout + run.stderr)


def main():
    t = Tap()
    with Lab(t) as lab:
        port = PORTS.take()
        gate = lab.gate("", profiles=[{"name": "default", "upstream": "local", "identifier_types": ["dns", "ip"], "wildcard": True,
                                       "challenges": ["tls-alpn-01", "dns-01"], "tls_alpn01_port": port, "validity": "7d",
                                       "validation_attempts": ["0s", "1s"]}],
                        upstreams=[{"name": "local", "driver": "local"}])
        gate.start()
        server = TlsServer(port)
        for part in (good, refused):
            with t.part(part.__name__):
                part(t, lab, gate, server)
        server.close()
        with t.part("offers"):
            offers(t, gate)
        wait_until("the port to be free", lambda: not listens(port))
        server = HostileServer(port)
        with t.part("hostile"):
            hostile(t, lab, gate, server)
        server.close()
        wait_until("the port to be free", lambda: not listens(port))
        for part in (s_server, lego, dehydrated):
            with t.part(part.__name__):
                part(t, lab, gate, port)
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
    return t.done()


if __name__ == "__main__":
    sys.exit(main())
