"""A real DNS server for the end-to-end tests: BIND, on loopback, with zones that a test writes and updates (RFC 2136).

    bind = Bind(lab, {"corp.test": ["one A 127.0.0.1", "_acme-challenge.two CNAME two.keys.test."], "broken.test": None})
    bind.add("_acme-challenge.one.corp.test", "TXT", '"..."')

A zone of None is one that BIND cannot load, so that it answers SERVFAIL for its names. With `forward`, {zone: other Bind}, it is a
resolver, which asks that one and remembers."""

import os
import subprocess

from lab import PORTS, LabError, Process, wait_until

CONF = """
options {
	directory "%(folder)s";
	pid-file none;
	session-keyfile "%(folder)s/session.key";
	listen-on port %(port)d { %(v4)s; };
	listen-on-v6 port %(port)d { %(v6)s; };
	recursion %(recursion)s;
	allow-query { any; };
	dnssec-validation no;
	max-udp-size 1232;
	minimal-responses yes;
	notify no;
};
controls { };
logging { channel all { stderr; severity info; print-time no; }; category default { all; }; category queries { all; }; };
"""
HEAD = "$TTL 1\n@ SOA ns.%(zone)s. root.%(zone)s. 1 3600 600 86400 1\n@ NS ns.%(zone)s.\nns %(kind)s %(host)s\n"


class Bind:
    def __init__(self, lab, zones, host="127.0.0.1", port=0, forward=None):
        self.port = port or PORTS.take()
        self.host, self.folder = host, lab.path("bind%d" % len(lab.processes))
        os.makedirs(self.folder, exist_ok=True)
        text = CONF % {"folder": self.folder, "port": self.port, "v4": "none" if ":" in host else host, "v6": host if ":" in host else "none",
                       "recursion": "yes" if forward else "no"}
        for zone, other in (forward or {}).items():
            text += 'zone "%s" { type forward; forward only; forwarders { %s port %d; }; };\n' % (zone, other.host, other.port)
        for zone, lines in zones.items():
            text += 'zone "%s" { type primary; file "%s"; allow-update { %s; }; };\n' % (
                zone, zone, "localhost" if lines is not None else "none")
            with open(os.path.join(self.folder, zone), "w") as out:
                out.write("this is no zone\n" if lines is None else
                          HEAD % {"zone": zone, "host": host, "kind": "AAAA" if ":" in host else "A"} + "".join(line + "\n" for line in lines))
        with open(os.path.join(self.folder, "named.conf"), "w") as out:
            out.write(text)
        self.address = "%s:%d" % (host, self.port)
        self.process = Process(lab, "named%d-%d" % (self.port, len(lab.processes)),
                               ["/usr/sbin/named", "-f", "-c", os.path.join(self.folder, "named.conf")])
        wait_until("BIND to have its zones", lambda: "\nrunning" in self.process.text() or " running" in self.process.text())

    def update(self, *commands):
        text = "server %s %d\n%s\nsend\n" % (self.host, self.port, "\n".join(commands))
        run = subprocess.run(["/usr/bin/nsupdate"], input=text, capture_output=True, text=True, timeout=30)
        if run.returncode != 0:
            raise LabError("nsupdate: %s%s" % (run.stdout, run.stderr))

    def add(self, name, kind, data):
        self.update("update add %s. 1 %s %s" % (name, kind, data))

    def remove(self, name, kind):
        self.update("update delete %s. %s" % (name, kind))

    def queries(self):
        """(name, type, over TCP, recursion wanted) of what was asked."""
        found = []
        for line in self.process.text().splitlines():
            words = line.partition(": query: ")[2].split()
            if len(words) >= 4:
                found.append((words[0].lower(), words[2], "T" in words[3].strip("+-"), words[3][0] == "+"))
        return found
