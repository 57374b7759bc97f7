"""Clients that are not Debian's, or libraries in a small program of ours: python3-acme, certbot of today, npm's acme-client, and
Go's lego, acmez and x/crypto/acme."""

import functools
import json
import os
import re
import subprocess

from clients.commands import Certbot
from clients.place import Client

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")


@functools.lru_cache(None)
def installed():
    """The folder with what programs/install has made; it is made if it is not there."""
    return subprocess.run([os.path.join(SOURCES, "install")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def version(name, pattern):
    """Which version of a library the programs are built with."""
    with open(os.path.join(SOURCES, name)) as text:
        return re.search(pattern, text.read()).group(1)


class Program(Client):
    takes_eab = makes_account = True

    def argv(self):
        raise NotImplementedError

    def step(self, name):
        place = self.place
        text = json.dumps({"Folder": place.folder, "Directory": place.url, "Root": place.gate.root, "Email": place.email,
                           "Host": place.host, "Port": place.port, "EAB": place.eab})
        self.place.run(*self.argv(), place.write("place.json", text), name, REQUESTS_CA_BUNDLE=place.gate.root,
                       NODE_EXTRA_CA_CERTS=place.gate.root, NODE_PATH=os.path.join(installed(), "node_modules"))

    def account(self):
        self.step("register")

    def issue(self):
        self.step("issue")
        return self.place.read("chain.pem")

    def renew(self):
        self.step("renew")
        return self.place.read("chain.pem")

    def revoke(self):
        self.step("revoke")

    def deactivate(self):
        self.step("deactivate")


class Python3Acme(Program):
    name = "python3-acme"
    label = "Debian's python3-acme"

    def argv(self):
        return "/usr/bin/python3", os.path.join(SOURCES, "python3_acme.py")

    def manual(self):
        return self.place.run("/usr/bin/python3", "-c", "import acme.client as c; print(*dir(c.ClientV2), sep='\\n')")


class Rolling(Program):
    """One that can do everything."""

    def rollover(self):
        self.step("rollover")


class AcmeClient(Rolling):
    name = "acme-client"
    slow = True
    label = "npm's acme-client %s" % version("node/package.json", r'"acme-client": "([0-9.]+)"')

    def argv(self):
        return "node", os.path.join(SOURCES, "node", "life.js")


class CurrentLego(Rolling):
    name = "current-lego"
    names_predecessor = True
    label = "lego %s" % version("go/go.mod", r"go-acme/lego/v\d+ v([0-9.]+)")

    def argv(self):
        return (os.path.join(installed(), "lego"),)


class Acmez(Rolling):
    name = "acmez"
    names_predecessor = True
    label = "acmez %s" % version("go/go.mod", r"mholt/acmez/v\d+ v([0-9.]+)")

    def argv(self):
        return (os.path.join(installed(), "acmez"),)


class XCrypto(Rolling):
    name = "xcrypto"
    label = "golang.org/x/crypto/acme %s" % version("go/go.mod", r"golang.org/x/crypto v([0-9.]+)")

    def argv(self):
        return (os.path.join(installed(), "xcrypto"),)


class CurrentCertbot(Certbot):
    name = "current-certbot"
    label = "certbot %s" % version("python/requirements.txt", r"(?m)^certbot==([0-9.]+)")
    renewal = ("renew", "--force-renewal", "--no-random-sleep-on-renew")  # else at a third of the lifetime

    def program(self):
        return os.path.join(installed(), "python", "bin", "certbot")
