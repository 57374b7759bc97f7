"""A gateway that trusts the makers of stand-in devices, and their devices."""

import json
import os
import subprocess
import tempfile

from attest import standin
from attest.prover import Prover
from lab import BUILD

IDS = {"apple": "TMWFWWWP67", "android-key": "R5CT1234567", "step": "10203040"}
RULES = [{"name": "devices", "names": ["permanent-identifier:*", "hardware-module:*"]}]


class World:
    """`profiles` are made of the world's own, "default" first; `more` of other top-level keys."""

    def __init__(self, lab, profiles=(), trust=(), **more):
        self.folder = tempfile.mkdtemp(dir=lab.folder)
        self.makers = {fmt: standin.Maker(fmt) for fmt in IDS}
        self.status = self.write("status.json", json.dumps({"entries": {}}))
        entries = []
        for fmt, maker in self.makers.items():
            entry = {"name": fmt, "format": fmt, "roots": [self.write(fmt + ".pem", maker.root_pem())]}
            entry.update({"android-key": {"revoked": self.status}, "apple": {"udid_modules": True}}.get(fmt, {}))
            entries.append(entry)
        self.profile = {"name": "default", "upstream": "local", "identifier_types": ["permanent-identifier", "hardware-module"],
                        "validity": "7d", "challenges": ["device-attest-01"], "attestation": list(IDS), "eab": "none"}
        conf = {"profiles": [self.profile] + [dict(self.profile, **p) for p in profiles], "rules": RULES,
                "upstreams": [{"name": "local", "driver": "local"}], "attestation_trust": entries + [{k: [self.path(f) for f in v] if isinstance(v, list) else v for k, v in e.items()} for e in trust]}
        conf.update(more)
        self.gate = lab.gate("https://localhost:1/none", **conf)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def age(self, path, seconds):
        """As if it had been written then."""
        then = os.stat(path).st_mtime - seconds
        os.utime(path, (then, then))

    def reload(self, check=True):
        self.gate.write_conf()
        return self.gate.ctl("reload", check=check)

    def ctl(self, *words):
        """acmegatectl, whatever becomes of it: the finished process."""
        return subprocess.run([os.path.join(BUILD, "acmegatectl"), "--socket", self.gate.socket, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def device(self, fmt, ident=None, variant="good", maker=None, **options):
        """A Prover; its hardware is .hardware, and .variant what it does."""
        hardware = (maker or self.makers[fmt]).device(ident or IDS[fmt])
        prover = Prover(self.gate, hardware.ident, lambda key_auth: hardware.attest(key_auth, prover.variant), **options)
        prover.hardware, prover.variant = hardware, variant
        return prover
