"""A real DNS server for the end-to-end tests: BIND, on loopback, with zones that a test writes and updates (RFC 2136).

    bind = Bind(lab, {"corp.test": ["one A 127.0.0.1", "_acme-challenge.two CNAME two.keys.test."], "broken.test": None})
    bind.add("_acme-challenge.one.corp.test", "TXT", '"..."')

A zone of None is one that BIND cannot load, so that it answers SERVFAIL for its names."""

import os
import subprocess

from lab import PORTS, LabError, Process, wait_until

CONF = """
options {
	directory "%(folder)s";
	pid-file none;
	session-keyfile "%(folder)s/session.key";
	listen-on port %(port)d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	allow-query { any; };
	dnssec-validation no;
	max-udp-size 1232;
	minimal-responses yes;
};
controls { };
logging { channel all { stderr; severity info; print-time no; }; category default { all; }; category queries { all; }; };
"""
HEAD = "$TTL 1\n@ SOA ns.%(zone)s. root.%(zone)s. 1 3600 600 86400 1\n@ NS ns.%(zone)s.\nns A 127.0.0.1\n"


class Bind:
    def __init__(self, lab, zones):
        self.port, self.folder = PORTS.take(), lab.path("bind")
        os.makedirs(self.folder, exist_ok=True)
        text = CONF % {"folder": self.folder, "port": self.port}
        for zone, lines in zones.items():
            text += 'zone "%s" { type primary; file "%s"; allow-update { %s; }; };\n' % (
                zone, zone, "127.0.0.1" if lines is not None else "none")
            with open(os.path.join(self.folder, zone), "w") as out:
                out.write("this is no zone\n" if lines is None else HEAD % {"zone": zone} + "".join(line + "\n" for line in lines))
        with open(os.path.join(self.folder, "named.conf"), "w") as out:
            out.write(text)
        self.address = "127.0.0.1:%d" % self.port
        self.process = Process(lab, "named%d" % self.port, ["/usr/sbin/named", "-f", "-c", os.path.join(self.folder, "named.conf")])
        wait_until("BIND to have its zones", lambda: "\nrunning" in self.process.text() or " running" in self.process.text())

    def update(self, *commands):
        text = "server 127.0.0.1 %d\n%s\nsend\n" % (self.port, "\n".join(commands))
        run = subprocess.run(["/usr/bin/nsupdate"], input=text, capture_output=True, text=True, timeout=30)
        if run.returncode != 0:
            raise LabError("nsupdate: %s%s" % (run.stdout, run.stderr))

    def add(self, name, kind, data):
        self.update("update add %s. 1 %s %s" % (name, kind, data))

    def remove(self, name, kind):
        self.update("update delete %s. %s" % (name, kind))

    def queries(self):
        """(name, type, over TCP) of what was asked."""
        found = []
        for line in self.process.text().splitlines():
            words = line.partition(": query: ")[2].split()
            if len(words) >= 4:
                found.append((words[0].lower(), words[2], "T" in words[3].strip("+-")))
        return found
