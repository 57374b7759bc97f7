"""The clients that are in the field, as Debian has them, unchanged: certbot, lego, uacme, dehydrated, acme-tiny.

    place = Place(lab, gate, "certbot", port)   # works by /p/certbot/directory, answers http-01 on that port
    chain = CLIENTS["certbot"](place)           # PEM; with eab=(kid, key) bound to that key, where the client can (EAB)"""

import functools
import http.server
import os
import subprocess
import threading

from lab import key_pem, make_key

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


EAB = ("certbot", "lego", "uacme")


@client
def certbot(place, eab=None):
    place.run("/usr/bin/certbot", "certonly", "-n", "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port",
              str(place.port), "--server", place.url, "--agree-tos", "-m", "device@corp.test", "-d", place.host,
              "--config-dir", place.path("etc"), "--work-dir", place.path("work"), "--logs-dir", place.path("logs"),
              *(("--eab-kid", eab[0], "--eab-hmac-key", eab[1]) if eab else ()), REQUESTS_CA_BUNDLE=place.gate.root)
    return place.read("etc", "live", place.host, "fullchain.pem")


@client
def lego(place, eab=None):
    place.run("/usr/bin/lego", "--server", place.url, "--email", "device@corp.test", "--accept-tos", "--path", place.path("etc"),
              "--domains", place.host, "--http", "--http.port", "127.0.0.1:%d" % place.port,
              *(("--eab", "--kid", eab[0], "--hmac", eab[1]) if eab else ()), "run",
              LEGO_CA_CERTIFICATES=place.gate.root)
    return place.read("etc", "certificates", place.host + ".crt")


@client
def uacme(place, eab=None):
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
    place.run(*common, "-y", *(("-e", "%s:%s" % eab) if eab else ()), "new", "device@corp.test")
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
