"""A whole lab on loopback, for the end-to-end tests: a CA (pebble), its DNS, a proxy in front of it that can fail in every
way, the gateway, and a folder that goes when the test ends.

    with Lab(t) as lab:
        pebble = lab.pebble()
        gate = lab.gate(pebble.directory)
        gate.start()
        device = lab.device(gate)                 # answers http-01 where the gateway asks for it
        order, chain = device.obtain(["one.test"])

Every name ends in .test and resolves to 127.0.0.1, unless lab.resolve() says otherwise.

Environment: ACMEGATE_BUILD, folder where acmegated was built (./build); PEBBLE_NEW, folder of a newer pebble than Debian's;
LAB_KEEP=1 keeps the folder."""

import datetime
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acme import Acme, Device, Responder
from proxy import Proxy

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ACMEGATE_BUILD") or os.path.join(TOP, "build")


class LabError(Exception):
    pass


class Ports:
    """Free loopback ports, below those that the kernel gives out itself. Each test file has a block of them for itself while it
    runs (a lock on a file says so), since a port that is free now is not yet bound when the next file looks."""

    FIRST, BLOCK, BLOCKS = 10000, 400, 50

    def __init__(self):
        self.lock, self.count = threading.Lock(), 0
        for number in range(self.BLOCKS):
            self.held = open(os.path.join(tempfile.gettempdir(), "acmegate-e2e-ports.%d" % number), "w")
            try:
                fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.first = self.FIRST + number * self.BLOCK
                return
            except OSError:
                self.held.close()
        raise RuntimeError("all blocks of ports are in use")

    def take(self):
        with self.lock:
            while True:
                port = self.first + self.count % self.BLOCK
                self.count += 1
                with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                    try:
                        tcp.bind(("127.0.0.1", port))
                        udp.bind(("127.0.0.1", port))
                        return port
                    except OSError:
                        continue


PORTS = Ports()


def wait_until(what, condition, seconds=60, every=0.05):
    """Wait for an event; its value if it comes, else LabError."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError("waited %d s for: %s" % (seconds, what))
        time.sleep(every)


def listens(port, address="127.0.0.1"):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


class Process:
    """A child of the lab, in a process group of its own; its output goes to FOLDER/NAME.log."""

    def __init__(self, lab, name, argv, env=None, cwd=None, fds=()):
        self.name, self.log = name, os.path.join(lab.folder, name + ".log")
        whole = dict(os.environ)
        for key in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            whole.pop(key, None)
        whole.update(env or {})
        self.out = open(self.log, "ab")
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT, env=whole,
                                      cwd=cwd, start_new_session=True, pass_fds=fds)
        lab.processes.append(self)

    def running(self):
        return self.child.poll() is None

    def kill(self):
        """SIGKILL to the process alone, not to its children."""
        self.child.kill()
        self.child.wait()

    def stop(self, seconds=20):
        """SIGTERM; the exit status."""
        if self.running():
            self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError("%s does not end on SIGTERM" % self.name)

    def group_is_empty(self):
        """Has everything that it started ended? One that is dead and not yet reaped has."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as stat:
                    state, _, group = stat.read().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == self.child.pid and state not in "ZX":
                return False
        return True

    def end(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.out.close()

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()


def make_key():
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                             serialization.NoEncryption())


def make_web_certificate(folder):
    """A root and a server certificate for localhost, as a CA's web server has: web_root.pem, web.pem, web.key."""
    now = datetime.datetime.utcnow()
    root_key, key = make_key(), make_key()
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab web root")])

    def build(subject, public, ca):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=30))
                   .add_extension(x509.BasicConstraints(ca, None), True))
        if not ca:
            names = [x509.DNSName("localhost"), x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))]
            builder = (builder.add_extension(x509.SubjectAlternativeName(names), False)
                       .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
        return builder.sign(root_key, hashes.SHA256())

    root = build(root_name, root_key.public_key(), True)
    leaf = build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), key.public_key(), False)
    pem = serialization.Encoding.PEM
    for name, octets in (("web_root.pem", root.public_bytes(pem)), ("web.pem", leaf.public_bytes(pem)), ("web.key", key_pem(key))):
        with open(os.path.join(folder, name), "wb") as out:
            out.write(octets)


def conf_text(value, depth=0):
    """libconfig's language from Python values: dicts are groups, lists of dicts are lists, other lists arrays."""
    tabs = "\t" * depth
    if isinstance(value, dict):
        return "{\n%s%s}" % ("".join("%s\t%s = %s;\n" % (tabs, k, conf_text(v, depth + 1)) for k, v in value.items()), tabs)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(conf_text(v, depth) for v in value)
        return "(%s)" % inner if value and isinstance(value[0], dict) else "[%s]" % inner
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')


class Pebble:
    """The CA. Rejects good nonces and validates at random moments, as it does by default."""

    KINDS = (("/dir", "directory"), ("/nonce-plz", "nonce"), ("/sign-me-up", "newAccount"), ("/my-account/", "account"),
             ("/order-plz", "newOrder"), ("/my-order/", "order"), ("/finalize-order/", "finalize"), ("/authZ/", "authz"),
             ("/chalZ/", "challenge"), ("/certZ/", "certificate"), ("/revoke-cert", "revoke"), ("/list-orderz/", "orders"),
             ("/rollover-account-key", "keyChange"),
             ("/draft-ietf-acme-ari-03/renewalInfo/", "renewalInfo"))

    def __init__(self, lab, folder="/usr/bin", http_port=None, env=None, dns=None, **conf):
        self.lab, self.folder = lab, folder
        self.dns = dns or "127.0.0.1:%d" % lab.dns_port
        self.port, self.management = PORTS.take(), PORTS.take()
        self.http_port = http_port or PORTS.take()
        self.name = "pebble%d" % self.port
        # what comes through proxies is let in one at a time: pebble deadlocks for good when orders are made while
        # authorizations are read
        self.lock = threading.Lock()
        self.conf = {"listenAddress": "127.0.0.1:%d" % self.port, "managementListenAddress": "127.0.0.1:%d" % self.management,
                     "certificate": lab.path("web.pem"), "privateKey": lab.path("web.key"), "httpPort": self.http_port,
                     "tlsPort": PORTS.take(), "ocspResponderURL": "", "externalAccountBindingRequired": False,
                     "retryAfter": {"authz": 1, "order": 1}}
        self.conf.update(conf)
        self.env = {"PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_VA_SLEEPTIME": "2", "PEBBLE_ALTERNATE_ROOTS": "2"}
        self.env.update(env or {})
        self.directory = "https://localhost:%d/dir" % self.port
        self.before = ""  # log of earlier runs
        self.process = None
        self.start()

    def start(self):
        with open(self.lab.path(self.name + ".json"), "w") as out:
            json.dump({"pebble": self.conf}, out)
        self.process = Process(self.lab, self.name, [
            os.path.join(self.folder, "pebble"), "-config", self.lab.path(self.name + ".json"),
            "-dnsserver", self.dns], self.env)
        wait_until("pebble to listen", lambda: listens(self.port) and listens(self.management))
        self.roots = [self.fetch("/roots/%d" % n) for n in range(1 + int(self.env["PEBBLE_ALTERNATE_ROOTS"]))]

    def kill(self):
        """Dies, and forgets everything: accounts, orders, its keys."""
        self.process.kill()

    def fetch(self, path, body=None):
        link = http.client.HTTPSConnection("localhost", self.management, timeout=20, context=self.lab.web_trust)
        link.request("POST" if body else "GET", path, body, {"User-Agent": "lab"})
        reply = link.getresponse()
        text = reply.read().decode()
        link.close()
        if reply.status != 200:
            raise LabError("pebble: %s: %d %s" % (path, reply.status, text))
        return text

    def set_renewal_info(self, chain, text):
        """Whatever it is, it is what a current pebble says of the certificate from now on."""
        leaf = chain[:chain.index("-----END CERTIFICATE-----\n")] + "-----END CERTIFICATE-----\n"
        self.fetch("/set-renewal-info/", json.dumps({"Certificate": leaf, "ARIResponse": text}).encode())

    def issued(self):
        """Order id of each certificate it made, once per certificate."""
        return re.findall(r"Issued certificate serial \S+ for order (\S+)", self.process.text())

    def proxy(self, **options):
        return Proxy(self.lab.path("web.pem"), self.lab.path("web.key"), PORTS.take(), self.port, self.KINDS, self.lock,
                     self.lab.web_trust, **options)


def psql(url, text):
    """Lines of the answer, a tab between the fields."""
    run = subprocess.run(["psql", "-X", "-A", "-t", "-F", "\t", "-c", text, url], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise LabError("psql: " + run.stderr)
    return run.stdout.splitlines()


class Gate:
    """One gateway. `conf` overrides top-level keys; profiles and rules have working defaults."""

    def __init__(self, lab, directory, name=None, http_port=None, address="127.0.0.1", upstream=None, profiles=None, **conf):
        self.lab, self.name = lab, name or "gate%d" % len(lab.gates)
        name = self.name
        lab.gates.append(self)
        self.port, self.device_port = PORTS.take(), PORTS.take()
        self.address = address
        self.state = lab.path(name)
        self.url = "https://localhost:%d" % self.port
        self.directory = self.url + "/directory"
        self.root = os.path.join(self.state, "tls", "root.pem")
        self.socket = lab.path(name + ".sock")
        self.conf_path = lab.path(name + ".conf")
        self.process = None
        os.makedirs(self.state, exist_ok=True)
        ca = {"name": "ca", "driver": "acme", "directory": directory, "ca_file": lab.path("web_root.pem"),
              "contact": "mailto:pki@corp.test", "accept_terms": True,
              # requests that come by themselves are no test's that counts requests; t_lookups.py asks for them
              "renewal_info": False}
        ca.update(upstream or {})
        self.conf = {
            "external_url": self.url, "state_dir": self.state, "listen": ["127.0.0.1:%d" % self.port],
            "admin_socket": self.socket, "networks": ["127.0.0.0/8"], "resolvers": ["127.0.0.1:%d" % lab.dns_port],
            "worker_threads": 4, "log_level": "debug", "default_profile": "default",
            "profiles": profiles or [{"name": "default", "upstream": "ca", "http01_port": self.device_port,
                                      "validation_attempts": ["0s", "1s", "3s", "10s", "20s"]}],
            "upstreams": [ca, {"name": "local", "driver": "local"}],
            "rules": [{"name": "refused", "action": "refuse", "names": ["forbidden.test"], "say": "ask pki@corp.test"},
                      {"name": "all", "names": ["*.test", "127.0.0.0/8"]}],
        }
        if http_port:
            self.conf["http01_listen"] = ["%s:%d" % (address, http_port)]
        self.conf.update(conf)

    def write_conf(self):
        text = "".join("%s = %s;\n" % (k, conf_text(v)) for k, v in self.conf.items())
        with open(self.conf_path, "w") as out:
            out.write(text)
        os.chmod(self.conf_path, 0o600)

    def start(self, env=None, wait=True, under=(), seconds=60):
        """Start it, perhaps under another program, and wait until it answers, or has died."""
        self.write_conf()
        self.process = Process(self.lab, self.name, [*under, os.path.join(BUILD, "acmegated"), "-c", self.conf_path], env)
        if wait:
            wait_until("the gateway to listen", lambda: (listens(self.port) and self.hears_operators()) or not self.process.running(), seconds)
            if not self.process.running() and not env:
                raise LabError("the gateway ended with status %d" % self.process.child.returncode)

    def hears_operators(self):
        with socket.socket(socket.AF_UNIX) as link:
            return link.connect_ex(self.socket) == 0

    def stop(self):
        """SIGTERM; its exit status. What a sanitizer had to say is a fault too."""
        return self.process.stop(60)

    def kill(self):
        self.process.kill()

    def sanitizer_report(self):
        """What AddressSanitizer, LeakSanitizer or UBSan wrote, or ''."""
        found = re.search(r"(==\d+==ERROR|runtime error:|SUMMARY: \w+Sanitizer)", self.process.text())
        return self.process.text()[max(0, found.start() - 200):found.start() + 3000] if found else ""

    def acme(self, directory=None, **options):
        return Acme(directory or self.directory, self.root, **options)

    def sql(self, text, *values):
        """Rows of its store; of PostgreSQL as psql prints them, numbers as such."""
        if self.conf.get("store", "").startswith("postgresql:"):
            return [tuple(int(v) if re.fullmatch(r"-?\d+", v) else v for v in row.split("\t")) for row in psql(self.conf["store"], text)]
        db = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.state, "acmegate.db"), uri=True, timeout=20)
        try:
            return db.execute(text, values).fetchall()
        finally:
            db.close()

    def change(self, text):
        """A change in its store that no gateway makes: of time that has passed, mostly."""
        if self.conf.get("store", "").startswith("postgresql:"):
            psql(self.conf["store"], text)
            return
        db = sqlite3.connect(os.path.join(self.state, "acmegate.db"), timeout=20, isolation_level=None)
        try:
            db.execute(text)
        finally:
            db.close()

    def left_over(self):
        """What an order that has ended must not leave: {table: rows}, empty when clean."""
        counts = {"job": self.sql("select count(*) from job where kind not in (4, 6, 7, 8, 9, 10)")[0][0]}
        for table in ("upstream_order", "upstream_authz"):
            counts[table] = self.sql("select count(*) from " + table)[0][0]
        return {table: n for table, n in counts.items() if n}

    def run_ctl(self, words, stdin=""):
        return subprocess.run([os.path.join(BUILD, "acmegatectl"), "--socket", self.socket, *words], input=stdin, capture_output=True,
                              text=True, timeout=120)

    def ctl(self, *words, check=True, stdin=""):
        """acmegatectl; its standard output."""
        run = self.run_ctl(words, stdin)
        if check and run.returncode != 0:
            raise LabError("acmegatectl %s: status %d: %s%s" % (" ".join(words), run.returncode, run.stdout, run.stderr))
        return run.stdout

    def try_ctl(self, *words):
        """acmegatectl; its exit status, and all that it says."""
        run = self.run_ctl(words)
        return run.returncode, run.stdout + run.stderr


class Lab:
    def __init__(self, t):
        self.t, self.processes, self.gates, self.servers, self.pg_folders = t, [], [], [], []
        self.folder = tempfile.mkdtemp(prefix="acmegate-e2e.")
        os.chmod(self.folder, 0o755)
        make_web_certificate(self.folder)
        self.web_trust = ssl.create_default_context(cafile=self.path("web_root.pem"))
        self.dns_port, self.dns_management = PORTS.take(), PORTS.take()
        Process(self, "dns", ["/usr/bin/pebble-challtestsrv", "-dns01", "127.0.0.1:%d" % self.dns_port, "-management",
                              "127.0.0.1:%d" % self.dns_management, "-http01", "", "-https01", "", "-tlsalpn01", "",
                              "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
        wait_until("the DNS server to listen", lambda: listens(self.dns_port) and listens(self.dns_management))

    def __enter__(self):
        return self

    def __exit__(self, kind, fault, trace):
        bad = self.t.bad or kind
        for process in self.processes:
            process.end()
        for server in self.servers:
            server.close()
        for folder in self.pg_folders:
            subprocess.run([os.path.join(TOP, "tests", "pg.sh"), "stop", folder], check=False)
        if bad:
            for process in self.processes:
                lines = process.text().splitlines()
                self.t.note("%s, the last of %d lines:" % (os.path.basename(process.log), len(lines)))
                self.t.note("\n".join("  " + line[:400] for line in lines[-40:]))
        if os.environ.get("LAB_KEEP"):
            self.t.note("kept: " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def manage_dns(self, command, body):
        link = http.client.HTTPConnection("127.0.0.1", self.dns_management, timeout=10)
        link.request("POST", "/" + command, json.dumps(body))
        status = link.getresponse().status
        link.close()
        if status != 200:
            raise LabError("challtestsrv %s: %d" % (command, status))

    def resolve(self, name, address):
        """An A record of its own for a name."""
        self.manage_dns("add-a", {"host": name + ".", "addresses": [address]})

    def pebble(self, **options):
        return Pebble(self, **options)

    def proxy(self, pebble, **options):
        proxy = pebble.proxy(**options)
        self.servers.append(proxy)
        return proxy

    def gate(self, directory, **options):
        return Gate(self, directory, **options)

    def pair(self, directory, store, addresses=("127.13.0.1", "127.13.0.2"), **options):
        """Two gateways behind one name (a balancer in front would do the same): their devices see one external_url. One key seals what
        is in the store they share. Both started, and the first leads the queue of orders. An option may be a function of the address."""
        first, second = (self.gate(directory, address=address, store=store, node=node,
                                   **{key: value(address) if callable(value) else value for key, value in options.items()})
                         for address, node in zip(addresses, ("first", "second")))
        second.conf["master_key"] = "file:" + os.path.join(first.state, "master.key")
        for key in ("external_url", "profiles"):
            second.conf[key] = first.conf[key]
        first.start()
        wait_until("the first to lead the queue", lambda: json.loads(first.ctl("--json", "queue", "ca"))["leader"] == "first", 60)
        second.start()
        return first, second

    def responder(self, port, address="127.0.0.1"):
        server = Responder(port, address)
        self.servers.append(server)
        return server

    def device(self, gate, **options):
        """A device of its own, with a new account key, that answers where the default profile asks."""
        if not getattr(gate, "responder", None):
            gate.responder = self.responder(gate.device_port, gate.address)
        return Device(gate.acme(**options), gate.responder)

    def postgres(self):
        """URL of a private PostgreSQL for the configuration's `store`."""
        run = subprocess.run([os.path.join(TOP, "tests", "pg.sh"), "start", "-w", str(os.getpid())], capture_output=True, text=True,
                             timeout=120, check=True)
        folder = re.match(r"host=(\S+)", run.stdout).group(1)
        self.pg_folders.append(folder)
        return "postgresql:///postgres?host=%s&user=gate" % folder.replace("/", "%2F")

    def database(self, server, name):
        """URL of a new database at a PostgreSQL of ours."""
        psql(server, "create database " + name)
        return server.replace("///postgres?", "///%s?" % name)

    def verify(self, chain, roots):
        """Does the PEM chain end at one of these PEM roots? '' or what openssl says."""
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", chain, re.S)
        if not blocks:
            return "no certificate"
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for name, text in (("leaf", blocks[0]), ("rest", "".join(blocks[1:])), ("roots", "".join(roots))):
                with open(os.path.join(folder, name), "w") as out:
                    out.write(text)
            argv = ["openssl", "verify", "-no-CApath", "-no-CAfile", "-no-CAstore", "-trusted", "roots"]
            if len(blocks) > 1:
                argv += ["-untrusted", "rest"]
            run = subprocess.run(argv + ["leaf"], cwd=folder, capture_output=True, text=True)
        return "" if run.returncode == 0 else run.stdout + run.stderr


def pebbles():
    """(what, folder) of each pebble to test with."""
    yield "Debian's pebble", "/usr/bin"
    if os.environ.get("PEBBLE_NEW"):
        yield "a current pebble", os.environ["PEBBLE_NEW"]
