"""Where one client works, and what is asked of it."""

import functools
import http.server
import os
import re
import signal
import subprocess
import threading
import time

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CHALLENGES = os.path.join(".well-known", "acme-challenge")


class Place:
    """A folder, a directory URL, a port where http-01 is answered, a name, perhaps a key (kid, MAC key) to be bound to."""

    def __init__(self, lab, gate, profile, port, eab=None):
        self.lab, self.gate, self.port, self.eab = lab, gate, port, eab
        self.folder = lab.path(profile)
        os.makedirs(self.folder)
        self.url = "%s/p/%s/directory" % (gate.url, profile)
        self.host = profile + ".device.test"
        self.email = profile + "@corp.test"
        self.servers, self.children = [], []

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

    def environment(self, env):
        """Nothing of what the machine has set for its own clients: trust anchors, proxies."""
        whole = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        whole.update(env, HOME=self.folder)
        return whole

    def run(self, *argv, **env):
        """To its end; what it wrote. Raises if it fails."""
        run = subprocess.run(argv, cwd=self.folder, env=self.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=240)
        if run.returncode != 0:
            raise RuntimeError("%s ended with %d:\n%s" % (" ".join(argv), run.returncode, run.stdout[-3000:]))
        return run.stdout

    def run_trusting(self, *argv, **env):
        """The same for a program that knows the system's trust anchors alone: it gets its own view of that one file."""
        if not os.path.exists(self.path("bundle.pem")):
            with open(self.gate.root) as root, open(SYSTEM_BUNDLE) as system:
                self.write("bundle.pem", root.read() + system.read(), 0o644)
        script = 'mount --bind "$1" %s && shift && exec "$@"' % SYSTEM_BUNDLE
        return self.run("unshare", "-m", "sh", "-c", script, "sh", self.path("bundle.pem"), *argv, **env)

    def start(self, *argv, **env):
        """A server of the client's; its output goes to FOLDER/log."""
        with open(self.path("log"), "ab") as out:
            child = subprocess.Popen(argv, cwd=self.folder, env=self.environment(env), stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child

    def stop(self, child):
        child.terminate()
        try:
            child.wait(30)
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.children.remove(child)

    def wait(self, what, child, condition):
        """Until the condition has a value; the child must live so long."""
        end = time.monotonic() + 120
        while True:
            value = condition()
            if value:
                return value
            if child.poll() is not None or time.monotonic() > end:
                raise RuntimeError("%s: no %s:\n%s" % (child.args[0], what, self.read("log")[-3000:]))
            time.sleep(0.1)

    def serve(self):
        """A web server on the client's port, for clients that only lay files; the folder where they go."""
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        folder = self.path("web", CHALLENGES)
        if not self.servers:
            os.makedirs(folder, exist_ok=True)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port),
                                                     functools.partial(Quiet, directory=self.path("web")))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self.servers.append(server)
        return folder

    def close(self):
        for child in list(self.children):
            self.stop(child)
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.servers.clear()


# The life of an account, step by step, and the words by which a client's own manual would tell that it can do one.
STEPS = {
    "account": None,
    "eab": r"\beab\b|external.?account",
    "issue": None,
    "rollover": r"rollover|key.?change|new.?account.?key|newkey|update.?account.?key",
    "renew": None,
    "revoke": r"revo[ck]",
    "deactivate": r"deactivat|unregister",
}


class Client:
    """A client in its place. A method for each step that it can do; issue and renew answer with the chain (PEM)."""

    name = label = ""  # of its profile; as the table of all clients calls it
    takes_eab = False
    makes_account = False  # before its first order
    slow = False           # has long pauses of its own
    names_predecessor = False  # in newOrder, when it renews (RFC 9773 section 5)
    vain = ()              # steps that it has, and that come to nothing
    validity = "20d"       # of its certificates: so short that it finds them to be renewed

    def __init__(self, place):
        self.place = place

    def account(self):
        """Make an account, if makes_account."""

    def issue(self):
        raise NotImplementedError

    def manual(self):
        """What the client says of itself; '' if there is nothing that it cannot do."""
        return ""

    def obtain(self):
        self.account()
        return self.issue()

    @classmethod
    def can(cls, step):
        return cls.takes_eab if step == "eab" else hasattr(cls, step) and step not in cls.vain

    def hidden(self):
        """Steps that it has not, and that are in its manual all the same."""
        manual = self.manual()
        return [step for step, words in STEPS.items()
                if not self.can(step) and step not in self.vain and (not words or re.search(words, manual, re.I))]
