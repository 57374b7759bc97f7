"""Zones that the gateway updates: BIND or Knot as primary, the other as secondary, on loopback, with TSIG keys.

    zones = Zones(lab, "bind")            # or "knot": who is primary
    zones.corp                            # "corp.test", at ns1 (primary) and ns2 (secondary); keys.test likewise
    zones.values("_acme-challenge.one.corp.test")

The gateway's key `gw-key` may change TXT records only, and none below closed.corp.test; `lab-key` may change everything."""

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading

from cryptography import x509

import acme
from lab import PORTS, LabError, Process, listens, wait_until
from nameserver import Bind

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYS = ("gw-key", "lab-key", "xfer-key")
HOSTS = {"bind": "127.0.0.1", "knot": "127.0.0.2"}  # BIND listens on addresses of interfaces alone
ZONES = ("corp.test", "keys.test")
HEAD = """$TTL 1
@ SOA ns1.%(zone)s. root.%(zone)s. 1 3600 600 86400 1
@ NS ns1.%(zone)s.
@ NS ns2.%(zone)s.
ns1 A %(primary)s
ns2 A %(secondary)s
"""

BIND = """
options {
	directory "%(folder)s"; pid-file none; session-keyfile "%(folder)s/session.key";
	listen-on port %(port)d { %(address)s; }; listen-on-v6 { none; };
	recursion no; allow-query { any; }; dnssec-validation no; notify-delay 0; notify-rate 1000; serial-query-rate 1000;
	max-refresh-time 3600; tcp-idle-timeout %(idle)d;
};
controls { };
logging { channel all { stderr; severity info; print-time no; }; category default { all; }; category queries { all; }; };
"""


class Zones:
    def __init__(self, lab, primary="bind", algorithm="hmac-sha256", notify=True, idle=300, secret=SECRET):
        self.lab, self.kind, self.algorithm, self.notify, self.idle, self.secret = lab, primary, algorithm, notify, idle, secret
        self.port = PORTS.take()
        self.host, self.other = HOSTS[primary], HOSTS["knot" if primary == "bind" else "bind"]
        self.address = "%s:%d" % (self.host, self.port)
        self.folder = lab.path("zones%d" % self.port)
        for part in ("primary", "secondary"):
            os.makedirs(os.path.join(self.folder, part))
        for zone in ZONES:
            with open(os.path.join(self.folder, "primary", zone), "w") as out:
                out.write(HEAD % {"zone": zone, "primary": self.host, "secondary": self.other})
        self.primary = self.start(primary, True)
        self.secondary = self.start("knot" if primary == "bind" else "bind", False)
        for host in (self.host, self.other):
            wait_until("%s to have the zones" % host, lambda h=host: all(self.serial(z, h) for z in ZONES))

    def resolver(self):
        """HOST:PORT of one that follows aliases, as the servers of the zones do not."""
        return Bind(self.lab, {}, forward={zone: self for zone in ZONES}).address

    def start(self, kind, is_primary):
        folder = os.path.join(self.folder, "primary" if is_primary else "secondary")
        address = HOSTS[kind]
        text = (self.bind if kind == "bind" else self.knot)(folder, address, is_primary)
        path = os.path.join(folder, kind + ".conf")
        with open(path, "w") as out:
            out.write(text)
        argv = ["/usr/sbin/named", "-f", "-c", path] if kind == "bind" else ["/usr/sbin/knotd", "-c", path]
        process = Process(self.lab, "%s%d-%s" % (kind, self.port, address), argv)
        wait_until("%s to listen" % kind, lambda: listens(self.port, address))
        return process

    def bind(self, folder, address, is_primary):
        text = BIND % {"folder": folder, "port": self.port, "address": address, "idle": self.idle}
        text += "".join('key "%s" { algorithm %s; secret "%s"; };\n' % (key, self.algorithm, self.secret) for key in KEYS)
        for zone in ZONES:
            if is_primary:
                text += ('zone "%s" { type primary; file "%s"; notify %s; also-notify { %s port %d; }; allow-transfer { key xfer-key; };\n'
                         "\tupdate-policy { grant lab-key zonesub ANY; deny gw-key subdomain closed.%s. ANY; grant gw-key zonesub TXT; }; };\n" % (
                             zone, zone, "explicit" if self.notify else "no", self.other, self.port, zone))
            else:
                text += 'zone "%s" { type secondary; file "%s"; primaries { %s port %d key xfer-key; }; allow-notify { 127.0.0.0/8; }; notify no; };\n' % (
                    zone, zone, self.host, self.port)
        return text

    def knot(self, folder, address, is_primary):
        text = "server:\n  listen: %s@%d\n  rundir: %s\ndatabase:\n  storage: %s\nlog:\n  - target: stderr\n    any: info\nkey:\n" % (
            address, self.port, folder, folder)
        for key in KEYS:
            text += "  - id: %s\n    algorithm: %s\n    secret: %s\n" % (key, self.algorithm, self.secret)
        text += "remote:\n  - id: other\n    address: %s@%d\n%s" % (self.other if is_primary else self.host, self.port,
                                                                    "" if is_primary else "    key: xfer-key\n")
        if is_primary:
            text += ("acl:\n  - id: shut\n    key: gw-key\n    action: update\n    deny: on\n    update-owner: name\n    update-owner-match: sub-or-equal\n"
                     "    update-owner-name: [closed]\n"
                     "  - id: gateway\n    key: gw-key\n    action: update\n    update-type: TXT\n"
                     "  - id: lab\n    key: lab-key\n    action: update\n  - id: transfer\n    key: xfer-key\n    action: transfer\n")
        else:
            text += "acl:\n  - id: notify\n    address: 127.0.0.0/8\n    action: notify\n"
        text += "template:\n  - id: default\n    storage: %s\n    semantic-checks: off\nzone:\n" % folder
        for zone in ZONES:
            text += "  - domain: %s\n    file: %s\n" % (zone, zone)
            text += ("%s    acl: [shut, gateway, lab, transfer]\n" % ("    notify: other\n" if self.notify else "")) if is_primary else \
                "    master: other\n    acl: notify\n"
        return text

    def dig(self, host, name, kind):
        run = subprocess.run(["/usr/bin/dig", "+short", "+norecurse", "+time=2", "+tries=1", "@" + host, "-p", str(self.port), name, kind],
                             capture_output=True, text=True, timeout=30)
        return [line for line in run.stdout.splitlines() if not line.startswith(";")]

    def serial(self, zone, host):
        soa = self.dig(host, zone, "SOA")
        return int(soa[0].split()[2]) if soa else 0

    def values(self, name, host=None):
        return sorted(re.sub(r'^"|"$', "", line) for line in self.dig(host or self.host, name, "TXT"))

    def update(self, *commands):
        text = "server %s %d\n%s\nsend\n" % (self.host, self.port, "\n".join(commands))
        run = subprocess.run(["/usr/bin/nsupdate", "-y", "%s:lab-key:%s" % (self.algorithm, self.secret)], input=text, capture_output=True,
                             text=True, timeout=30)
        if run.returncode != 0:
            raise LabError("nsupdate: %s%s" % (run.stdout, run.stderr))

    def add(self, name, kind, data, ttl=60):
        self.update("update add %s. %d %s %s" % (name, ttl, kind, data))


class AcmeDns:
    """What acme-dns does, with a zone of ours: POST /update, accounts, the two newest values of each name."""

    def __init__(self, zones):
        self.zones, self.values, self.lock = zones, {}, threading.Lock()
        self.accounts, self.is_ill, outer = {}, False, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                account = outer.accounts.get(body.get("subdomain"))
                good = self.path == "/update" and account and len(body["txt"]) == 43 and (
                    self.headers["X-Api-User"], self.headers["X-Api-Key"]) == (account["username"], account["password"])
                if good:
                    outer.put(account["fulldomain"], body["txt"])
                reply = json.dumps({"txt": body["txt"]} if good else {"error": "forbidden"}).encode()
                self.send_response(200 if good else 401)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def do_GET(self):
                self.send_response(200 if self.path == "/health" and not outer.is_ill else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def register(self, subdomain, fulldomain):
        self.accounts[subdomain] = {"fulldomain": fulldomain, "subdomain": subdomain, "username": "u-" + subdomain, "password": "p-" + subdomain}

    def put(self, name, value):
        with self.lock:
            kept = self.values.setdefault(name, [])
            if value in kept:
                return
            if len(kept) == 2:
                self.zones.update('update delete %s. TXT "%s"' % (name, kept.pop(0)))
            kept.append(value)
            self.zones.add(name, "TXT", value, ttl=1)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class DnsDevice(acme.Device):
    """Proves its names to the gateway by dns-01; `lay` puts the record where the test wants it."""

    def __init__(self, acme_, lay):
        super().__init__(acme_, None)
        self.lay = lay

    def respond(self, authz_url):
        authz = self.acme.want("authz", self.acme.post(authz_url), 200).json
        if authz["status"] != "pending":
            return
        chall = [c for c in authz["challenges"] if c["type"] == "dns-01"][0]
        digest = hashlib.sha256(("%s.%s" % (chall["token"], acme.thumbprint(self.acme.key))).encode()).digest()
        self.lay(authz["identifier"]["value"], base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
        self.acme.want("challenge", self.acme.post(chall["url"], {}), 200)


def names_of(chain):
    return sorted(acme.leaf_of(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


def solver_conf(lab, zones, name="corp", secret=SECRET, **more):
    handle, path = tempfile.mkstemp(".secret", name, lab.folder)
    os.write(handle, (secret + "\n").encode())
    os.close(handle)
    conf = {"name": name, "kind": "rfc2136", "key": "gw-key", "secret": "file:" + path, "algorithm": zones.algorithm, "ns_port": zones.port,
            "propagation_timeout": "20s"}
    conf.update(more)
    return conf
