"""Web servers that get their certificates themselves: Caddy, Apache with mod_md, as Debian has them."""

import json
import os
import re

from clients.place import Client
from lab import PORTS


class Caddy(Client):
    name = "caddy"
    label = "Debian's Caddy"
    takes_eab = True

    def manual(self):
        return self.place.run("/usr/bin/caddy", "help")

    def run(self, window):
        """Until there is another certificate; it renews at its start what is in the window, a part of the lifetime."""
        place = self.place
        issuer = {"module": "acme", "ca": place.url, "email": place.email, "trusted_roots_pem_files": [place.gate.root],
                  "challenges": {"http": {"alternate_port": place.port}, "tls-alpn": {"disabled": True}, "bind_host": "127.0.0.1"}}
        if place.eab:
            issuer["external_account"] = dict(zip(("key_id", "mac_key"), place.eab))
        conf = {"admin": {"disabled": True}, "storage": {"module": "file_system", "root": place.path("data")},
                "apps": {"tls": {"certificates": {"automate": [place.host]},
                                 "automation": {"policies": [{"issuers": [issuer], "disable_ocsp_stapling": True,
                                                              "renewal_window_ratio": window}]}}}}
        before = self.chain()
        child = place.start("/usr/bin/caddy", "run", "--config", place.write("caddy.json", json.dumps(conf)))
        chain = place.wait("certificate", child, lambda: self.chain() not in (before, None) and self.chain())
        place.stop(child)
        return chain

    def chain(self):
        for folder, _, files in os.walk(self.place.path("data", "certificates")):
            if self.place.host + ".json" in files:  # written last
                return self.place.read(folder, self.place.host + ".crt")
        return None

    def issue(self):
        return self.run(0.01)

    def renew(self):
        return self.run(0.9999)


class ModMd(Client):
    name = "mod-md"
    label = "Debian's Apache, mod_md"
    takes_eab = True
    modules = "mpm_event", "authz_core", "socache_shmcb", "ssl", "md"

    def manual(self):
        """Names of its directives."""
        listed = self.place.run("/usr/sbin/apache2", "-L", "-f", self.conf("1d"))
        return "\n".join(re.findall(r"^(MD\w+)", listed, re.M))

    def conf(self, window):
        place = self.place
        lines = ["LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so" % (m, m) for m in self.modules]
        lines += ["ServerRoot " + place.folder, "PidFile " + place.path("pid"), "DefaultRuntimeDir " + place.folder, "User www-data",
                  "ErrorLog " + place.path("log"), "LogLevel warn md:debug", "ServerName localhost", "Listen 127.0.0.1:%d" % place.port,
                  "Listen 127.0.0.1:%d https" % self.https, "MDStoreDir " + place.path("md"), "MDomain " + place.host,
                  "MDCertificateAuthority " + place.url, "MDCACertificateFile " + place.gate.root, "MDCertificateAgreement accepted",
                  "MDContactEmail " + place.email, "MDPortMap http:%d https:%d" % (place.port, self.https), "MDCAChallenges http-01",
                  "MDRenewMode always", "MDRenewWindow " + window, "MDInitialDelay 0s", "MDCheckInterval 1s"]
        if place.eab:
            lines.append("MDExternalAccountBinding %s %s" % place.eab)
        lines += ["<VirtualHost 127.0.0.1:%d>" % self.https, "ServerName " + place.host, "SSLEngine on", "</VirtualHost>"]
        return place.write("apache.conf", "\n".join(lines) + "\n", 0o644)

    def __init__(self, place):
        super().__init__(place)
        self.https = PORTS.take()

    def run(self, window):
        """Until it has staged a certificate; at its next start it puts that in force."""
        place, before = self.place, self.staged()
        os.chmod(place.folder, 0o755)
        child = place.start("/usr/sbin/apache2", "-D", "FOREGROUND", "-f", self.conf(window))
        chain = place.wait("certificate", child, lambda: self.staged() not in (before, None) and self.staged())
        place.stop(child)
        return chain

    def staged(self):
        folder = self.place.path("md", "staging", self.place.host)
        names = [n for n in os.listdir(folder)] if os.path.isdir(folder) else []
        try:
            if "job.json" in names and json.loads(self.place.read(folder, "job.json")).get("finished"):
                return self.place.read(folder, "pubcert.pem")
        except FileNotFoundError:
            pass  # what was staged is just being put in force
        return None

    def issue(self):
        return self.run("1d")

    def renew(self):
        return self.run("30d")
