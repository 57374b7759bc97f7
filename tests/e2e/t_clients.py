#!/usr/bin/python3
"""The clients that are in the field, as Debian has them, unchanged: certbot, lego, uacme, dehydrated, acme-tiny.

Each has a profile with a port of its own where it answers http-01, and reaches it by the profile's directory."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from lab import PORTS, Lab, key_pem, make_key, pebbles
from tap import Tap

CLIENTS = {}


def client(function):
    CLIENTS[function.__name__.replace("_", "-")] = function
    return function


class Place:
    """Where one client works: a folder, its directory URL, its port, its name."""

    def __init__(self, lab, gate, name, port):
        self.lab, self.gate, self.port = lab, gate, port
        self.folder = lab.path(name)
        os.mkdir(self.folder)
        self.url = "%s/p/%s/directory" % (gate.url, name)
        self.host = name + ".device.test"
        self.servers = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w") as out:
            out.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, *names):
        with open(self.path(*names)) as text:
            return text.read()

    def run(self, *argv, **env):
        """To its end; what it wrote goes to FOLDER/log. Raises if it fails."""
        whole = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        whole.update(env, HOME=self.folder)
        run = subprocess.run(argv, cwd=self.folder, env=whole, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=240)
        if run.returncode != 0:
            raise RuntimeError("%s ended with %d:\n%s" % (argv[0], run.returncode, run.stdout[-3000:]))
        return run.stdout

    def serve(self, folder):
        """A web server on the client's port, for clients that only lay files."""
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        os.makedirs(folder, exist_ok=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.servers.append(server)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


@client
def certbot(place):
    place.run("/usr/bin/certbot", "certonly", "-n", "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port",
              str(place.port), "--server", place.url, "--agree-tos", "-m", "device@corp.test", "-d", place.host,
              "--config-dir", place.path("etc"), "--work-dir", place.path("work"), "--logs-dir", place.path("logs"),
              REQUESTS_CA_BUNDLE=place.gate.root)
    return place.read("etc", "live", place.host, "fullchain.pem")


@client
def lego(place):
    place.run("/usr/bin/lego", "--server", place.url, "--email", "device@corp.test", "--accept-tos", "--path", place.path("etc"),
              "--domains", place.host, "--http", "--http.port", "127.0.0.1:%d" % place.port, "run",
              LEGO_CA_CERTIFICATES=place.gate.root)
    return place.read("etc", "certificates", place.host + ".crt")


@client
def uacme(place):
    """It knows only the system's trust anchors: it gets its own view of that one file."""
    place.serve(place.path("web"))
    hook = place.write("hook", """#!/bin/sh
# method type identifier token auth
[ "$2" = http-01 ] || exit 1
case $1 in
begin) mkdir -p "%(web)s" && printf %%s "$5" >"%(web)s/$4" ;;
done | failed) rm -f "%(web)s/$4" ;;
esac
""" % {"web": place.path("web", ".well-known", "acme-challenge")}, 0o755)
    with open(place.gate.root) as root, open("/etc/ssl/certs/ca-certificates.crt") as system:
        bundle = place.write("bundle.pem", root.read() + system.read(), 0o644)
    script = 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"'
    common = ["unshare", "-m", "sh", "-c", script, "sh", bundle, "/usr/bin/uacme", "-v", "-a", place.url, "-c", place.path("etc")]
    place.run(*common, "-y", "new", "device@corp.test")
    place.run(*common, "-h", hook, "issue", place.host)
    return place.read("etc", place.host, "cert.pem")


@client
def dehydrated(place):
    place.serve(place.path("web"))
    web = place.path("web", ".well-known", "acme-challenge")
    os.makedirs(web)
    conf = place.write("conf", 'CA="%s"\nBASEDIR="%s"\nWELLKNOWN="%s"\nCURL_OPTS="--cacert %s"\nCONTACT_EMAIL=device@corp.test\n'
                       % (place.url, place.path("etc"), web, place.gate.root))
    os.mkdir(place.path("etc"))
    place.run("/usr/bin/dehydrated", "-f", conf, "--register", "--accept-terms")
    place.run("/usr/bin/dehydrated", "-f", conf, "-c", "-d", place.host)
    return place.read("etc", "certs", place.host, "fullchain.pem")


@client
def acme_tiny(place):
    place.serve(place.path("web"))
    web = place.path("web", ".well-known", "acme-challenge")
    os.makedirs(web)
    place.run("openssl", "genrsa", "-out", "account.key", "2048")
    place.write("device.key", key_pem(make_key()).decode())
    place.run("openssl", "req", "-new", "-key", "device.key", "-subj", "/", "-addext", "subjectAltName=DNS:" + place.host,
              "-out", "device.csr")
    return place.run("/usr/bin/acme-tiny", "--quiet", "--account-key", "account.key", "--csr", "device.csr", "--acme-dir", web,
                     "--directory-url", place.url, "--disable-check", SSL_CERT_FILE=place.gate.root)


def trace(t, gate, name, host):
    """The whole story of its order, as acmegatectl tells it."""
    orders = json.loads(gate.ctl("--json", "order", "list"))["items"]
    mine = [o for o in orders if host in json.dumps(o)]
    t.equal(len(mine), 1, "%s: acmegatectl lists its order" % name)
    story = gate.ctl("order", "show", "--trace", mine[0]["id"])
    t.ok(host in story and len(story.splitlines()) > 8, "%s: acmegatectl tells the order's whole way" % name)
    t.note(story)


def everything(t, what, folder):
    with Lab(t) as lab:
        t.note("with " + what)
        pebble = lab.pebble(folder=folder)
        proxy = lab.proxy(pebble)
        gate = lab.gate(proxy.directory, http_port=pebble.http_port)
        ports = {name: PORTS.take() for name in CLIENTS}
        gate.conf["profiles"] = [{"name": name, "upstream": "ca", "http01_port": port} for name, port in ports.items()]
        gate.conf["default_profile"] = "certbot"
        gate.start()
        chains, faults = {}, {}

        def work(name):
            place = Place(lab, gate, name, ports[name])
            try:
                chains[name] = CLIENTS[name](place)
            except Exception as fault:
                faults[name] = "%s: %s" % (type(fault).__name__, fault)
            finally:
                place.close()

        threads = [threading.Thread(target=work, args=(name,)) for name in CLIENTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in CLIENTS:
            if not t.ok(name in chains, "%s gets a certificate" % name):
                t.note(faults.get(name))
                continue
            with t.part(name):
                t.equal(lab.verify(chains[name], pebble.roots[:1]), "", "%s: its chain ends at the CA's root" % name)
                trace(t, gate, name, name + ".device.test")
        t.equal(len(pebble.issued()), len(chains), "the CA issued one certificate for each")
        t.equal(gate.left_over(), {}, "nothing is left over")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")


t = Tap()
for what, folder in pebbles():
    everything(t, what, folder)
sys.exit(t.done())
