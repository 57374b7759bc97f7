"""Our account at a CA, as acmegatectl shows it; what the CA was told, and what it may say."""

import base64
import json
import re

from lab import wait_until

PROBLEM = [("Content-Type", "application/problem+json")]


def shown(gate, name="ca"):
    return json.loads(gate.ctl("--json", "upstream", "show", name))


def registered(gate):
    wait_until("an account at the CA", lambda: shown(gate)["account"]["state"] == "valid", 60)
    return shown(gate)["account"]


def payload_of(exchange):
    text = json.loads(exchange.body_sent)["payload"]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) or b"null")


def problem(status, kind, detail, **more):
    return status, PROBLEM, json.dumps(dict({"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status}, **more)).encode()


def told(proxy, kind, status=200):
    """Payloads of the requests of a kind that the CA has taken."""
    return [payload_of(e) for e in list(proxy.seen) if e.kind == kind and e.status == status]


def steps(text):
    """{step: (OK or FAILED, words)}"""
    return {name: (verdict, words) for verdict, name, words in re.findall(r"^(OK|FAILED) +([^:]+): (.*)$", text, re.M)}
