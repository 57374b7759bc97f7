"""Clients that are commands: certbot, lego, uacme, dehydrated, acme-tiny, acmetool, lacme, as Debian has them."""

import json
import os

from clients.place import Client
from lab import key_pem, make_key


class Certbot(Client):
    name = "certbot"
    label = "Debian's certbot"
    takes_eab = makes_account = True

    renewal = ("renew", "--no-random-sleep-on-renew")

    def program(self):
        return "/usr/bin/certbot"

    def certbot(self, *words):
        place = self.place
        return place.run(self.program(), *words, "-n", "--server", place.url, "--config-dir", place.path("etc"), "--work-dir",
                         place.path("work"), "--logs-dir", place.path("logs"), REQUESTS_CA_BUNDLE=place.gate.root)

    def manual(self):
        return self.place.run(self.program(), "--help", "all")

    def chain(self):
        return self.place.read("etc", "live", self.place.host, "fullchain.pem")

    def account(self):
        eab = self.place.eab
        self.certbot("register", "--agree-tos", "-m", self.place.email,
                     *(("--eab-kid", eab[0], "--eab-hmac-key", eab[1]) if eab else ()))

    def issue(self):
        self.certbot("certonly", "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", str(self.place.port), "-d",
                     self.place.host)
        return self.chain()

    def renew(self):
        self.certbot(*self.renewal)
        return self.chain()

    def revoke(self):
        self.certbot("revoke", "--cert-name", self.place.host, "--no-delete-after-revoke")

    def deactivate(self):
        self.certbot("unregister")


class Lego(Client):
    name = "lego"
    label = "Debian's lego"
    takes_eab = True

    def lego(self, *words):
        place, eab = self.place, self.place.eab
        return place.run("/usr/bin/lego", "--server", place.url, "--email", place.email, "--accept-tos", "--path", place.path("etc"),
                         "--domains", place.host, "--http", "--http.port", "127.0.0.1:%d" % place.port,
                         *(("--eab", "--kid", eab[0], "--hmac", eab[1]) if eab else ()), *words,
                         LEGO_CA_CERTIFICATES=place.gate.root)

    def manual(self):
        return self.place.run("/usr/bin/lego", "--help")

    def chain(self):
        return self.place.read("etc", "certificates", self.place.host + ".crt")

    def issue(self):
        self.lego("run")
        return self.chain()

    def renew(self):
        self.lego("renew", "--no-random-sleep")
        return self.chain()

    def revoke(self):
        self.lego("revoke", "--keep")


class Uacme(Client):
    name = "uacme"
    label = "Debian's uacme"
    takes_eab = makes_account = True

    def uacme(self, *words):
        place = self.place
        return place.run_trusting("/usr/bin/uacme", "-v", "-a", place.url, "-c", place.path("etc"), *words)

    def account(self):
        eab = self.place.eab
        self.uacme("-y", *(("-e", "%s:%s" % eab) if eab else ()), "new", self.place.email)

    def issue(self):
        hook = self.place.write("hook", """#!/bin/sh
# method type identifier token auth
[ "$2" = http-01 ] || exit 1
case $1 in
begin) printf %%s "$5" >"%(web)s/$4" ;;
done | failed) rm -f "%(web)s/$4" ;;
esac
""" % {"web": self.place.serve()}, 0o755)
        self.uacme("-h", hook, "issue", self.place.host)
        return self.place.read("etc", self.place.host, "cert.pem")

    renew = issue

    def rollover(self):
        self.uacme("newkey")

    def revoke(self):
        self.uacme("revoke", self.place.path("etc", self.place.host, "cert.pem"))

    def deactivate(self):
        self.uacme("deactivate")


class Dehydrated(Client):
    name = "dehydrated"
    label = "Debian's dehydrated"
    takes_eab = makes_account = True

    def dehydrated(self, *words):
        return self.place.run("/usr/bin/dehydrated", "-f", self.place.path("conf"), *words)

    def manual(self):
        return self.place.run("/usr/bin/dehydrated", "--help")

    def account(self):
        place = self.place
        os.mkdir(place.path("etc"))
        conf = {"CA": place.url, "BASEDIR": place.path("etc"), "WELLKNOWN": place.serve(), "CURL_OPTS": "--cacert " + place.gate.root,
                "CONTACT_EMAIL": place.email}
        if place.eab:
            conf["EAB_KID"], conf["EAB_HMAC_KEY"] = place.eab
        place.write("conf", "".join('%s="%s"\n' % item for item in conf.items()))
        self.dehydrated("--register", "--accept-terms")

    def issue(self):
        self.dehydrated("--cron", "--domain", self.place.host)
        return self.place.read("etc", "certs", self.place.host, "fullchain.pem")

    renew = issue

    def revoke(self):
        self.dehydrated("--revoke", self.place.path("etc", "certs", self.place.host, "cert.pem"))

    def deactivate(self):
        self.dehydrated("--deactivate")


class AcmeTiny(Client):
    name = "acme-tiny"
    label = "Debian's acme-tiny"

    def manual(self):
        return self.place.run("/usr/bin/acme-tiny", "--help")

    def issue(self):
        place = self.place
        web = place.serve()
        if not os.path.exists(place.path("device.csr")):
            place.run("openssl", "genrsa", "-out", "account.key", "2048")
            place.write("device.key", key_pem(make_key()).decode())
            place.run("openssl", "req", "-new", "-key", "device.key", "-subj", "/", "-addext", "subjectAltName=DNS:" + place.host,
                      "-out", "device.csr")
        return place.run("/usr/bin/acme-tiny", "--quiet", "--account-key", "account.key", "--csr", "device.csr", "--acme-dir", web,
                         "--contact", "mailto:" + place.email, "--directory-url", place.url, "--disable-check",
                         SSL_CERT_FILE=place.gate.root)

    renew = issue


class Acmetool(Client):
    """It renews when a third of the lifetime is left."""

    name = "acmetool"
    label = "Debian's acmetool"
    slow = True
    validity = "10m"
    vain = ("revoke",)  # 0.2.2 ends well, and has sent nothing

    def acmetool(self, *words):
        # it listens on port 80, too, where it may
        return self.place.run("setpriv", "--bounding-set", "-net_bind_service", "/usr/bin/acmetool", "--state",
                              self.place.path("etc"), "--hooks", self.place.path("hooks"), "--batch", *words,
                              SSL_CERT_FILE=self.place.gate.root)

    def manual(self):
        return self.place.run("/usr/bin/acmetool", "--help-long")

    def chain(self):
        return self.place.read("etc", "live", self.place.host, "fullchain")

    def issue(self):
        place = self.place
        for folder in ("hooks", "etc/conf", "etc/desired"):
            os.makedirs(place.path(folder))
        place.write("etc/conf/responses", '"acme-enter-email": "%s"\n' % place.email)
        challenge = {"http-ports": ["127.0.0.1:%d" % place.port], "http-self-test": False}
        place.write("etc/conf/target", json.dumps({"request": {"provider": place.url, "challenge": challenge}}))  # YAML, too
        self.acmetool("want", place.host)
        return self.chain()

    def renew(self):
        self.acmetool("reconcile")
        return self.chain()

    def revoke(self):
        self.acmetool("revoke", os.path.basename(os.path.realpath(self.place.path("etc", "live", self.place.host))))


class Lacme(Client):
    name = "lacme"
    label = "Debian's lacme"
    makes_account = True

    def lacme(self, *words):
        return self.place.run_trusting("/usr/sbin/lacme", "--config=" + self.place.path("lacme.conf"), *words)

    def manual(self):
        """Its help speaks of nothing."""
        return self.place.run("cat", "/usr/sbin/lacme", "/usr/libexec/lacme/client")

    def account(self):
        place = self.place
        os.chmod(place.folder, 0o755)
        place.run("openssl", "genrsa", "-out", "account.key", "2048")
        place.run("openssl", "genrsa", "-out", "device.key", "2048")
        place.write("lacme.conf", "config-certs = lacme-certs.conf\n[client]\nserver = %s\ntimeout = 100\n[webserver]\nlisten = 127.0.0.1:%d\n[accountd]\nconfig = %s\n"
                    % (place.url, place.port, place.write("accountd.conf", "privkey = file:%s\n" % place.path("account.key"))))
        place.write("lacme-certs.conf", "[device]\ncertificate-key = %s\ncertificate-chain = %s\nsubject = /CN=%s\nsubjectAltName = DNS:%s\n"
                    "CAfile =\n" % (place.path("device.key"), place.path("chain.pem"), place.host, place.host))
        self.lacme("account", "--register", "--tos-agreed", "mailto:" + place.email)

    def issue(self):
        self.lacme("newOrder")
        return self.place.read("chain.pem")

    renew = issue

    def revoke(self):
        self.lacme("revokeCert", self.place.path("chain.pem"))

    def deactivate(self):
        self.lacme("account", "--deactivate")
