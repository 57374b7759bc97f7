#!/usr/bin/python3
"""Kind exec with the program for acme.sh's scripts: a stand-in for acme.sh, which has a script for BIND in the form of those, proves a
wildcard to a real CA; and what the program says when it cannot."""

import concurrent.futures
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import TOP, Lab, pebbles, wait_until
from tap import Tap
from zones import DnsDevice, Zones, names_of

PROGRAM = os.path.join(TOP, "etc", "acme-sh-dnsapi")
ACME_SH = """#!/usr/bin/env sh
_initpath() {
  LE_WORKING_DIR="${LE_WORKING_DIR:-$HOME/.acme.sh}"
  [ ! -f "$LE_WORKING_DIR/account.conf" ] || . "$LE_WORKING_DIR/account.conf"
}
_info() { echo "$@"; }
_err() { echo "$@" >&2; return 1; }
_saveaccountconf() {
  cp "$LE_WORKING_DIR/account.conf" "$HOME/copy"; : >"$LE_WORKING_DIR/account.conf"; sleep 0.2; cat "$HOME/copy" >"$LE_WORKING_DIR/account.conf"
}
_savedomainconf() { echo "$1=$2" >>"$HOME/seen.conf"; }
main() { [ -z "$1" ] && echo "Usage: acme.sh <command>" && return; echo "command $1"; }
main "$@"
"""
DNS_LAB = """#!/usr/bin/env sh
dns_lab_add() {
  _saveaccountconf
  _info "adding $1"; _savedomainconf add "$1 $2 $#"
  _lab_update "add $1. 60 TXT \\"$2\\""
}
dns_lab_rm() {
  _savedomainconf rm "$1 $2 $#"
  _lab_update "delete $1. TXT \\"$2\\""
}
_lab_update() {
  printf 'server %s\\nupdate %s\\nsend\\n' "$LAB_SERVER" "$1" | nsupdate -y "$LAB_KEY" || { _err "the update failed"; return 1; }
}
"""


def folder_of(lab, zones):
    """As acme.sh's own, with the link."""
    home = lab.path("acme-sh-home")
    os.makedirs(os.path.join(home, "dnsapi"))
    for name, text in (("acme.sh", ACME_SH), ("dnsapi/dns_lab.sh", DNS_LAB),
                       ("account.conf", "LAB_SERVER='%s %d'\nLAB_KEY='%s:lab-key:%s'\n" % (zones.host, zones.port, zones.algorithm, zones.secret))):
        with open(os.path.join(home, name), "w") as out:
            out.write(text)
    os.symlink(PROGRAM, os.path.join(home, "dns_lab"))
    os.symlink(PROGRAM, os.path.join(home, "dns_none"))
    return home


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    return done.returncode, done.stdout, done.stderr


t = Tap()
with Lab(t) as lab:
    with t.part("acme.sh's scripts"):
        zones = Zones(lab, "bind")
        home = folder_of(lab, zones)
        program = os.path.join(home, "dns_lab")
        t.equal(run(program, "add", "_acme-challenge.by-hand.corp.test.", "value"), (0, "adding _acme-challenge.by-hand.corp.test\n", ""),
                "a record is added; the name has no dot at its end, and acme.sh's usage is not told")
        t.equal(zones.values("_acme-challenge.by-hand.corp.test"), ["value"], "it is there")
        t.equal((run(program, "cleanup", "_acme-challenge.by-hand.corp.test", "value")[0], zones.values("_acme-challenge.by-hand.corp.test")), (0, []),
                "and removed, by the other verbs, too")
        t.equal(os.stat(os.path.join(home, "seen.conf")).st_mode & 0o777, 0o600, "what a script writes is for its user alone")
        t.equal([run(program, *argv)[0] for argv in ((), ("add",), ("add", "name"), ("what", "name", "value"))], [64] * 4, "wrong arguments: 64")
        names = ["_acme-challenge.side%d.corp.test" % n for n in range(6)]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            codes = list(pool.map(lambda name: run(program, "add", name, "value")[0], names))
        t.equal((codes, [zones.values(name) for name in names]), ([0] * len(names), [["value"]] * len(names)),
                "several at a time: none sees account.conf while another one writes it")
        code, _, words = run(os.path.join(home, "dns_none"), "add", "name", "value")
        t.ok(code == 78 and "no script dns_none.sh in " in words, "no such script: 78, and which")
        t.equal(run(PROGRAM, "add", "name", "value")[0], 78, "without a link, and without acme.sh: 78")
        code, _, words = run(program, "add", "_acme-challenge.elsewhere.test", "value")
        t.ok(code == 1 and "the update failed" in words, "a script that fails: its status, and its words")
        resolver = zones.resolver()
        pebble = lab.pebble(folder=list(pebbles())[-1][1], dns=resolver)
        profile = {"name": "default", "upstream": "ca", "challenges": ["dns-01"], "wildcard": True, "validation_attempts": ["0s", "1s", "3s", "10s"]}
        gate = lab.gate(pebble.directory, profiles=[profile], resolvers=[zones.address], public_resolvers=[resolver],
                        solvers=[{"name": "cloud", "kind": "exec", "program": program, "ns_port": zones.port}])
        gate.start()
        device = DnsDevice(gate.acme(), lambda name, value: zones.add("_acme-challenge." + name, "TXT", value))
        t.equal(names_of(device.obtain(["*.cloud.corp.test"])[1]), ["*.cloud.corp.test"], "a wildcard is proven to the CA")
        wait_until("the journal to be empty", lambda: gate.sql("select count(*) from proof_record") == [(0,)], 90, 0.3)
        t.equal(len(zones.values("_acme-challenge.cloud.corp.test")), 1, "the record is removed, the device's own stays")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
