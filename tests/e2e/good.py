#!/usr/bin/python3
"""A good device in a process of its own, so that what it measures is the gateway and not the test around it: it gets certificates,
one after the other, until its standard input ends, and prints what came of it as JSON.

    good.py DIRECTORY_URL ROOT_FILE SOURCE_ADDRESS HTTP01_PORT NAME [PROFILE]

As a module: Good(...) runs one; .end() gives its Report."""

import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme

ORDERS_PER_ACCOUNT = 20
PAUSE_S = 0.05


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))] if values else 0


class Report:
    def __init__(self, request_ms=(), issue_ms=(), faults=()):
        self.request_ms, self.issue_ms, self.faults = list(request_ms), list(issue_ms), list(faults)

    def rate(self):
        """Share of issuances that went well, in percent."""
        tries = len(self.issue_ms) + len(self.faults)
        return 100.0 * len(self.issue_ms) / tries if tries else 0.0

    def __str__(self):
        return "%d certificates, %.1f %% of all tries; request p50 %.0f ms, p99 %.0f ms; issuance p50 %.0f ms, p99 %.0f ms" % (
            len(self.issue_ms), self.rate(), percentile(self.request_ms, 50), percentile(self.request_ms, 99),
            percentile(self.issue_ms, 50), percentile(self.issue_ms, 99))


class Good:
    def __init__(self, gate, source, port, name, profile=""):
        self.child = subprocess.Popen([sys.executable, os.path.abspath(__file__), gate.directory, gate.root, source, str(port), name, profile],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        """Its last issuance is let end."""
        out = self.child.communicate(timeout=120)[0]
        return Report(**json.loads(out)) if out else Report(faults=["died"])


class Timed(acme.Acme):
    def __init__(self, report, *args, **options):
        super().__init__(*args, **options)
        self.report, self.impatience = report, 0.05

    def _once(self, *args):
        began = time.monotonic()
        reply = super()._once(*args)
        self.report.request_ms.append((time.monotonic() - began) * 1000)
        return reply


def main(directory, root, source, port, name, profile):
    ended, report = threading.Event(), Report()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    responder = acme.Responder(int(port))
    count = 0
    while not ended.is_set():
        began = time.monotonic()
        try:
            if count % ORDERS_PER_ACCOUNT == 0:
                device = None
            count += 1
            if not device:
                device = acme.Device(Timed(report, directory, root, source=source), responder)
            device.acme.links.clear()  # every issuance on connections of its own
            device.obtain(["%s%d.test" % (name, count)], **({"profile": profile} if profile else {}))
            report.issue_ms.append((time.monotonic() - began) * 1000)
        except Exception as fault:
            report.faults.append("%s: %s" % (type(fault).__name__, fault))
            device = None
            count += -count % ORDERS_PER_ACCOUNT
        ended.wait(PAUSE_S)
    print(json.dumps({"request_ms": report.request_ms, "issue_ms": report.issue_ms, "faults": report.faults}))


if __name__ == "__main__":
    main(*sys.argv[1:7])
