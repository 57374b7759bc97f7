"""Two real CAs of different behaviour behind one gateway: `a` is flaky, behind a proxy that fails in every way, `b` wants external account
binding."""

import json
import os

EAB = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
PROBLEM = "urn:ietf:params:acme:error:"


class World:
    """The CAs, and their entries in a configuration."""

    def __init__(self, lab, folder="/usr/bin"):
        self.lab = lab
        self.a = lab.pebble(folder=folder, env={"PEBBLE_WFE_NONCEREJECT": "30", "PEBBLE_VA_SLEEPTIME": "3"},
                            domainBlocklist=["blocked.test"])
        self.b = lab.pebble(http_port=self.a.http_port, externalAccountBindingRequired=True, externalAccountMACKeys=EAB)
        with open(lab.path("eab.key"), "w") as out:
            out.write(EAB["kid-1"])
        with open(lab.path("wrong.key"), "w") as out:
            out.write("d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n")
        for name in ("eab.key", "wrong.key"):
            os.chmod(lab.path(name), 0o600)

    def entry(self, name, directory, **more):
        return dict({"name": name, "driver": "acme", "renewal_info": False, "directory": directory, "ca_file": self.lab.path("web_root.pem"),
                     "contact": "mailto:pki@corp.test", "accept_terms": True, "request": "5s", "limits": "none",
                     "overrides": [{"limit": "orders_acct", "count": 1000, "period": "1000d"}]}, **more)

    def bound(self, name, directory, key):
        return self.entry(name, directory, eab_kid="kid-1", eab_key="file:" + self.lab.path(key))

    def gate(self, front_a, front_b, profiles, more=(), **options):
        """A gateway whose profiles are {name: keys}."""
        gate = self.lab.gate(front_a.directory, http_port=self.a.http_port, **options)
        gate.conf["upstreams"] = [self.entry("a", front_a.directory), self.bound("b", front_b.directory, "eab.key"),
                                  *more, {"name": "local", "driver": "local"}]
        gate.conf["profiles"] = [dict({"name": name, "http01_port": gate.device_port, "failover_outage": "1s",
                                       "validation_attempts": ["0s", "1s", "3s", "10s", "20s"]}, **keys) for name, keys in profiles.items()]
        return gate


def answer(kind, status, type_, detail):
    """The CA's first face says this to every request of a kind."""
    body = json.dumps({"type": PROBLEM + type_, "detail": detail, "status": status}).encode()

    def rule(exchange, stage):
        if exchange.kind == kind and stage == "before":
            return status, [("Content-Type", "application/problem+json")], body
        return None
    return rule
