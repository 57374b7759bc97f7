#!/usr/bin/python3
"""Requests that meet: whatever wins, it is one of the legal ends, and the store holds together afterwards.

Each race is run on SQLite, and on PostgreSQL between two gateways that share it. ACMEGATE_RACES says how often (100 times each if
unset)."""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import serialization

import acme
from invariants import INVARIANTS, broken
from lab import Lab, wait_until
from lines import Lines, Signer
from proxy import DROP
from tap import Tap

TIMES = int(os.environ.get("ACMEGATE_RACES") or 100)
# Finalize is the slow one of two, since it has a CSR to check and perhaps a certificate to sign: seconds, by chance, between it and
# what is to meet it.
APART = 0.02

class Scene:
    """Gateways that share a store, connections to them, and what races need: accounts, names that are proven."""

    def __init__(self, t, lab, gates, sql):
        self.t, self.lab, self.gates, self.sql = t, lab, gates, sql
        self.gate, self.url = gates[0], gates[0].url
        self.lines = Lines(self.url, [g.port for g in gates])
        self.responder = lab.responder(self.gate.device_port)
        self.count = 0

    def name(self):
        self.count += 1
        return "n%d.test" % self.count

    def account(self):
        signer = Signer()
        reply = self.lines.post(signer, "/new-account", {"termsOfServiceAgreed": True}, jwk=True)
        assert reply.status == 201, reply
        signer.kid = reply.headers["Location"]
        return signer

    def new_order(self, signer, names, profile="inside", **more):
        payload = dict(more, profile=profile, identifiers=[{"type": "dns", "value": n} for n in names])
        reply = self.lines.post(signer, "/new-order", payload)
        assert reply.status == 201, reply
        return dict(reply.json, url=reply.headers["Location"])

    def challenges(self, signer, order):
        """Of a new order's authorizations: (authz URL, challenge), their answers laid out."""
        found = []
        for url in order["authorizations"]:
            authz = self.lines.post(signer, url).json
            chall = authz["challenges"][0]
            if chall["status"] == "pending":
                self.responder.tokens[chall["token"]] = "%s.%s" % (chall["token"], acme.thumbprint(signer.key))
                found.append((url, chall))
        return found

    def wait(self, signer, url, *ends):
        def look():
            reply = self.lines.post(signer, url)
            assert reply.status == 200, reply
            return reply.json if reply.json["status"] in ends else None

        return wait_until("%s to be %s" % (url, " or ".join(ends)), look, 60, 0.02)

    def proven(self, signer, names, profile="inside"):
        """An order of these names, ready; later orders of single ones are ready at once."""
        order = self.new_order(signer, names, profile)
        for _, chall in self.challenges(signer, order):
            reply = self.lines.post(signer, chall["url"], {})
            assert reply.status == 200, reply
        self.wait(signer, order["url"], "ready")
        return order

    def each_proven(self, signer, count, profile="inside"):
        """`count` orders of one name each, all ready."""
        names = [self.name() for _ in range(count)]
        for at in range(0, count, 50):
            some = names[at:at + 50]
            order = self.proven(signer, some, profile)
            if len(some) == 1:
                yield dict(order, name=some[0])
                continue
            for name in some:
                yield dict(self.new_order(signer, [name], profile), name=name)

    def csr(self, name, key=None):
        return {"csr": acme.b64(acme.make_csr(key or acme.new_key(), [name]))}

    def race(self, what, rounds, legal):
        """Run each round; its outcome is a tuple, and must be in `legal`, or is judged by it."""
        seen, wrong, began = {}, [], time.monotonic()
        for outcome in rounds:
            seen[outcome] = seen.get(outcome, 0) + 1
            if not (legal(outcome) if callable(legal) else outcome in legal):
                wrong.append(outcome)
        count = sum(seen.values())
        self.t.ok(count and not wrong, "%s (%d times)" % (what, count))
        self.t.note("%.1f s: %s" % (time.monotonic() - began, ", ".join("%dx %s" % (n, list(o)) for o, n in seen.items())))

    def holds(self, when):
        self.t.equal(broken(self.sql), {}, "%s: all %d invariants of the store hold" % (when, len(INVARIANTS)))


def told(reply):
    """Status, and the problem's type: what a race's outcome is made of."""
    return "%d %s" % (reply.status, reply.type()) if reply.status >= 400 else reply.status


# ---- accounts ----

def one_key_many_accounts(s):
    def rounds():
        for _ in range(max(3, TIMES // 20)):
            signer = Signer()
            replies = s.lines.at_once(*[(s.url + "/new-account", signer, {"termsOfServiceAgreed": True}, {"jwk": True})] * 100)
            found = s.sql("select count(*) from account where thumbprint='%s'" % acme.thumbprint(signer.key))
            yield (sorted(told(r) for r in replies) == [200] * 99 + [201], len({r.headers["Location"] for r in replies}),
                   int(found[0][0]))

    s.race("100 newAccount at once with one key: one 201, 99 times 200, one account", rounds(), {(True, 1, 1)})


def one_nonce(s):
    def rounds():
        # a nonce is for the gateway that gave it
        lines = Lines(s.url, [s.gate.port])
        signer = s.account()
        for _ in range(max(10, TIMES // 4)):
            body = signer.sign(lines.nonce(0), signer.kid)
            replies = lines.at_once(*[(signer.kid, body)] * 50)
            yield tuple(sorted((told(r) for r in replies), key=str)) == (200,) + ("400 badNonce",) * 49,
        lines.close()

    s.race("one nonce in 50 requests at once is good for one", rounds(), {(True,)})


def key_change(s, signer, new):
    """(url, payload) of keyChange to `new`."""
    url = s.url + "/key-change"
    return url, acme.jws(new, {"alg": acme.alg_of(new), "jwk": acme.jwk_of(new), "url": url},
                         {"account": signer.kid, "oldKey": acme.jwk_of(signer.key)})


def key_change_and_order(s):
    def rounds():
        signer = s.account()
        for n in range(TIMES):
            new, name = acme.new_key(), s.name()
            url, inner = key_change(s, signer, new)
            letters = [(url, signer, inner, {}), (s.url + "/new-order", signer, {
                "profile": "inside", "identifiers": [{"type": "dns", "value": name}]}, {})]
            changed, made = s.lines.at_once(*(letters if n % 2 else letters[::-1]), apart=APART / 10)[::1 if n % 2 else -1]
            old, signer.key = signer.key, new
            # at each gateway at once, whatever it had cached
            after = {told(s.lines.post(signer, signer.kid, number=m)) for m in range(2)}
            before = {told(s.lines.post(signer, signer.kid, number=m, key=old)) for m in range(2)}
            yield told(changed), told(made), tuple(after), tuple(before)

    s.race("keyChange and newOrder: the old key's order is made or refused; the new key is good at once, the old one dead", rounds(),
           {(200, made, (200,), ("400 malformed",)) for made in (201, "400 malformed")})


def two_key_changes(s):
    def rounds():
        signer = s.account()
        for _ in range(TIMES):
            keys = [acme.new_key(), acme.new_key()]
            replies = s.lines.at_once(*[(url, signer, inner, {}) for url, inner in (key_change(s, signer, k) for k in keys)])
            works = [told(s.lines.post(signer, signer.kid, key=k)) for k in keys]
            signer.key = keys[works.index(200)] if 200 in works else signer.key
            yield tuple(zip((told(r) for r in replies), works))

    won, lost = (200, 200), ("400 malformed", "400 malformed")
    s.race("two keyChange at once: one key wins", rounds(), {(won, lost), (lost, won)})


def one_key_for_two(s):
    def rounds():
        a, b = s.account(), s.account()
        for _ in range(TIMES):
            new, key = acme.new_key(), acme.new_key()
            (url, first), (_, second) = key_change(s, a, new), key_change(s, b, new)
            replies = s.lines.at_once((url, a, first, {}), (url, b, second, {}))
            winner, loser = (a, b) if replies[0].status == 200 else (b, a)
            winner.key = new
            yield tuple(sorted((told(r) for r in replies), key=str)) + (
                [r for r in replies if r.status == 409][-1].headers["Location"] == winner.kid if 409 in
                [r.status for r in replies] else None, told(s.lines.post(loser, loser.kid)))

    s.race("two accounts want one key: one gets it, the other hears whose it is", rounds(), {(200, "409 malformed", True, 200)})


def key_change_and_account(s):
    def rounds():
        a = s.account()
        for _ in range(TIMES):
            new = acme.new_key()
            url, inner = key_change(s, a, new)
            fresh = Signer(new)
            changed, made = s.lines.at_once((url, a, inner, {}), (
                s.url + "/new-account", fresh, {"termsOfServiceAgreed": True}, {"jwk": True}))
            outcome = told(changed), told(made), made.headers["Location"] == a.kid
            if changed.status == 200:
                a.key = new
            yield outcome

    s.race("keyChange and newAccount with one key: one account has it", rounds(), {(200, 200, True), ("409 malformed", 201, False)})


def account_end_and_order(s):
    def rounds():
        for n in range(TIMES):
            signer, name = s.account(), s.name()
            replies = s.lines.at_once((signer.kid, signer, {"status": "deactivated"}, {}), (
                s.url + "/new-order", signer, {"profile": "inside", "identifiers": [{"type": "dns", "value": name}]}, {}))
            yield tuple(told(r) for r in replies)

    s.race("an account's end and newOrder: made before, or refused", rounds(), {(200, 201), (200, "401 unauthorized")})


# ---- orders ----

def two_orders(s):
    def rounds():
        signer = s.account()
        for _ in range(TIMES):
            letter = (s.url + "/new-order", signer, {"profile": "inside", "identifiers": [
                {"type": "dns", "value": n} for n in (s.name(), s.name())]}, {})
            replies = s.lines.at_once(letter, letter)
            urls = [r.headers["Location"] for r in replies]
            # leave no more of them than an account may have
            for url in replies[0].json["authorizations"]:
                s.lines.post(signer, url, {"status": "deactivated"})
            yield tuple(told(r) for r in replies) + (len(set(urls)),)

    s.race("two newOrder of the same names: one order", rounds(), {(201, 201, 1)})


def two_successors(s):
    def rounds():
        signer = s.account()
        order = next(s.each_proven(signer, 1))
        s.lines.post(signer, order["finalize"], s.csr(order["name"]))
        chain = s.lines.post(signer, s.wait(signer, order["url"], "valid")["certificate"]).body.decode()
        for _ in range(5 * TIMES):
            replies = s.lines.at_once(*[(s.url + "/new-order", signer, {"profile": "inside", "replaces": acme.cert_id(chain), "identifiers": [
                {"type": "dns", "value": n} for n in (order["name"], s.name())]}, {}) for _ in range(2)])
            # the order that was made ends, and the certificate can be replaced again
            for reply in replies:
                for url in reply.json.get("authorizations", [])[-1:]:
                    s.lines.post(signer, url, {"status": "deactivated"})
            yield tuple(sorted((told(r) for r in replies), key=str))

    s.race("two newOrder that replace one certificate: one does", rounds(), {(201, "409 alreadyReplaced")})


def two_responses(s):
    def rounds():
        signer = s.account()
        left = TIMES
        while left > 0:
            order = s.new_order(signer, [s.name() for _ in range(min(left, 50))])
            tokens = []
            for _, chall in s.challenges(signer, order):
                replies = s.lines.at_once((chall["url"], signer, {}, {}), (chall["url"], signer, {}, {}))
                tokens.append((chall["token"], tuple(told(r) for r in replies)))
            s.wait(signer, order["url"], "ready")
            asked = [path.rpartition("/")[2] for _, path in s.responder.asked]
            for token, outcome in tokens:
                yield outcome + (asked.count(token),)
            left -= len(tokens)

    s.race("two responses to one challenge: the device is asked once", rounds(), {(200, 200, 1)})


def two_finalize(s, profile="inside", times=TIMES):
    signer = s.account()
    ends, certs = [], []

    def rounds():
        for order in s.each_proven(signer, times, profile):
            # two CSRs, each with a key of its own: what is issued must be for the one that was taken
            keys = [acme.new_key(), acme.new_key()]
            replies = s.lines.at_once(*[(order["finalize"], signer, s.csr(order["name"], k), {}) for k in keys])
            ends.append((order["url"], [k for k, r in zip(keys, replies) if r.status == 200]))
            yield tuple(sorted((told(r) for r in replies), key=str))

    s.race("two finalize with different CSRs, profile %s: one is taken" % profile, rounds(), {(200, "403 orderNotReady")})

    def outcomes():
        for url, keys in ends:
            order = s.wait(signer, url, "valid", "invalid")
            chain = s.lines.post(signer, order["certificate"]).body.decode() if "certificate" in order else ""
            leaf = acme.leaf_of(chain) if chain else None
            certs.append((leaf, keys[0]))
            yield order["status"], bool(leaf) and leaf.public_key().public_numbers() == keys[0].public_key().public_numbers()

    s.race("and the certificate is for the CSR that was taken", outcomes(), {("valid", True)})
    return signer, certs


def two_revocations(s, signer, certs):
    def rounds():
        for n, (leaf, key) in enumerate(certs):
            body = {"certificate": acme.b64(leaf.public_bytes(serialization.Encoding.DER)), "reason": n % 2}
            own = Signer(key)
            letters = [(s.url + "/revoke-cert", signer, body, {})] * 2
            if n % 2:
                letters[1] = (s.url + "/revoke-cert", own, body, {"jwk": True})
            yield tuple(sorted((told(r) for r in s.lines.at_once(*letters)), key=str))

    s.race("two revokeCert, by the account and by the key: one revokes", rounds(), {(200, "400 alreadyRevoked")})


def authz_end_and_finalize(s, profile="inside", times=TIMES):
    def rounds():
        signer, ends = s.account(), []
        for n, order in enumerate(s.each_proven(signer, times, profile)):
            letters = [(order["authorizations"][0], signer, {"status": "deactivated"}, {}),
                       (order["finalize"], signer, s.csr(order["name"]), {})]
            ended, taken = s.lines.at_once(*(letters if n % 4 == 0 else letters[::-1]), apart=APART)[::1 if n % 4 == 0 else -1]
            ends.append((told(ended), told(taken), order["url"]))
        for ended, taken, url in ends:
            yield ended, taken, s.wait(signer, url, "valid", "invalid")["status"]

    s.race("an authorization's end and finalize, profile %s: issued before, or refused and the order invalid" % profile, rounds(),
           {(200, 200, "valid"), (200, "403 orderNotReady", "invalid")})


def authz_end_and_response(s):
    def rounds():
        signer = s.account()
        left = TIMES
        while left > 0:
            some = min(left, 50)
            orders = [s.new_order(signer, [s.name()]) for _ in range(some)]
            for order in orders:
                (url, chall), = s.challenges(signer, order)
                ended, taken = s.lines.at_once((url, signer, {"status": "deactivated"}, {}), (chall["url"], signer, {}, {}))
                yield (told(ended), told(taken), s.lines.post(signer, url).json["status"],
                       s.lines.post(signer, order["url"]).json["status"])
            left -= some

    s.race("an authorization's end and a response: it ends", rounds(),
           {(200, taken, "deactivated", "invalid") for taken in (200, "400 malformed")})


def account_end_and_finalize(s):
    def rounds():
        for n in range(max(10, TIMES // 2)):
            signer = s.account()
            order, = s.each_proven(signer, 1)
            letters = [(signer.kid, signer, {"status": "deactivated"}, {}), (order["finalize"], signer, s.csr(order["name"]), {})]
            ended, taken = s.lines.at_once(*(letters if n % 4 == 0 else letters[::-1]), apart=APART)[::1 if n % 4 == 0 else -1]
            state = s.sql("select state from orders where ref='%s'" % order["url"].rpartition("/")[2])
            yield told(ended), told(taken), int(state[0][0])

    s.race("an account's end and finalize: issued before, or refused and the order invalid", rounds(),
           {(200, 200, 3), (200, "401 unauthorized", 4)})


def join(s, pebble):
    """The same key and names once more while the CA works on them, or just after."""
    def rounds():
        signer, before = s.account(), len(pebble.issued())
        pairs = []
        for first in s.each_proven(signer, max(20, TIMES // 4), "default"):
            csr = s.csr(first["name"])
            taken = s.lines.post(signer, first["finalize"], csr)
            second = s.new_order(signer, [first["name"]], "default")
            pairs.append((time.monotonic() + random.random() * 2.5, taken, first, second, csr))
        ends = []
        for when, taken, first, second, csr in sorted(pairs, key=lambda pair: pair[0]):
            time.sleep(max(0, when - time.monotonic()))
            ends.append((taken, s.lines.post(signer, second["finalize"], csr, number=1), first, second))
        for taken, again, *orders in ends:
            orders = [s.wait(signer, order["url"], "valid", "invalid") for order in orders]
            yield (told(taken), told(again), *(o["status"] for o in orders), len({o.get("certificate") for o in orders}))
        s.t.equal(len(pebble.issued()) - before, len(ends), "the CA issued once for two")

    s.race("a second order for one key and names while the CA works on the first: one certificate for both", rounds(),
           {(200, 200, "valid", "valid", 1)})


def two_fetches(s):
    def rounds():
        signer = s.account()
        for order in s.each_proven(signer, max(10, TIMES // 4)):
            made = s.lines.post(signer, order["finalize"], s.csr(order["name"])).json
            replies = s.lines.at_once(*[(made["certificate"], signer, None, {})] * 4)
            yield tuple(told(r) for r in replies) + (len({r.body for r in replies}),)

    s.race("four downloads of one certificate: all get the same", rounds(), {(200, 200, 200, 200, 1)})


def all_races(s, what, pebble):
    s.t.note(what)
    for race in (one_key_many_accounts, one_nonce, key_change_and_order, two_key_changes, one_key_for_two, key_change_and_account,
                 account_end_and_order, two_orders, two_successors, two_responses, authz_end_and_finalize, authz_end_and_response,
                 account_end_and_finalize, two_fetches):
        with s.t.part(race.__name__):
            race(s)
    with s.t.part("two finalize"):
        two_revocations(s, *two_finalize(s))
    with s.t.part("a CA's orders"):
        authz_end_and_finalize(s, "default", max(10, TIMES // 5))
        join(s, pebble)
    with s.t.part("two finalize, by a CA"):
        signer, certs = two_finalize(s, "default", max(10, TIMES // 5))
        two_revocations(s, signer, certs)
    s.holds("right after the races, " + what)
    wait_until("all work to end", lambda: not s.sql("select id from job where kind not in (4, 6, 7, 8, 9, 10)"), 60)
    s.holds("when all work has ended, " + what)
    s.lines.close()


def gateways(lab, proxy, pebble, count, **conf):
    """That share a store, a master key and a URL."""
    rates = {name: 0 for name in ("requests_burst", "new_account_burst", "new_order_burst", "challenge_burst", "failed_burst",
                                  "pending_authz_max")}
    gates = []
    for n in range(count):
        gate = lab.gate(proxy.directory, http_port=pebble.http_port, address="127.0.0.%d" % (n + 1), log_level="info", **conf)
        gate.conf["profiles"] = [{"name": name, "upstream": upstream, "http01_port": (gates or [gate])[0].device_port}
                                 for name, upstream in (("default", "ca"), ("inside", "local"))]
        gate.conf["rates"] = rates
        if gates:
            gate.conf["external_url"] = gates[0].url
            gate.conf["master_key"] = "file:" + os.path.join(gates[0].state, "master.key")
        gate.start()
        gates.append(gate)
    return gates


def on_sqlite(t, lab, proxy, pebble):
    gates = gateways(lab, proxy, pebble, 1)
    all_races(Scene(t, lab, gates, gates[0].sql), "on SQLite", pebble)
    return gates


def both_issue(s):
    """Each gateway takes an order on its way to the CA, though only one of them has made the account there."""
    signer = s.account()
    for number, order in enumerate(s.each_proven(signer, 2, "default")):
        s.lines.post(signer, order["finalize"], s.csr(order["name"]), number=number)
        s.t.equal(s.wait(signer, order["url"], "valid", "invalid")["status"], "valid", "gateway %d has the CA issue" % (number + 1))


def on_postgres(t, lab, proxy, pebble):
    where, started = lab.postgres(), []
    # neither has an account at the CA when it starts
    proxy.rule = lambda exchange, stage: DROP if exchange.kind == "newAccount" and not started else None
    gates = gateways(lab, proxy, pebble, 2, store=where)
    started.append(True)

    def sql(text):
        run = subprocess.run(["psql", "-XAtq", "-F", "\t", "-d", where, "-c", text], capture_output=True, text=True, timeout=60)
        if run.returncode != 0:
            raise RuntimeError(run.stderr)
        return [line.split("\t") for line in run.stdout.splitlines()]

    scene = Scene(t, lab, gates, sql)
    with t.part("the CA's account"):
        both_issue(scene)
    all_races(scene, "two gateways on one PostgreSQL", pebble)
    return gates


t = Tap()
with Lab(t) as lab:
    pebble = lab.pebble(env={"PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_VA_NOSLEEP": "1"})
    proxy = lab.proxy(pebble)
    for run in (on_sqlite, on_postgres):
        with t.part(run.__name__):
            for gate in run(t, lab, proxy, pebble):
                t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
