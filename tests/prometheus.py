#!/usr/bin/python3
"""Alert rules and dashboard: Prometheus reads them; each metric in them, and each label of it, is one that acmegated(8) tells of (which
tests/e2e/t_metrics.py compares with what a gateway has); each alert fires when it should and keeps quiet when it should. Prints TAP."""

import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
from tap import Tap

RULES = os.path.join(TOP, "etc", "prometheus", "acmegate.rules.yml")
DASHBOARD = os.path.join(TOP, "etc", "grafana", "acmegate.json")
# of Prometheus itself, and labels that it adds
OTHERS = {"up"}
ADDED = {"job", "instance", "le", "alertname"}

# alert: (series that make it fire, series that do not); values in promtool's notation, one each minute
GATE = '{job="acmegate",instance="a"}'
CASES = {
    "AcmegateDown": ({"up" + GATE: "0x1000"}, {"up" + GATE: "1x1000"}),
    "AcmegateMetricsAbsent": ({"up" + GATE: "0x1000"}, {"acmegate_build_info" + GATE: "1x1000"}),
    "AcmegateKeeperDown": ({"acmegate_keeper_up" + GATE: "0x1000"}, {"acmegate_keeper_up" + GATE: "1x1000"}),
    "AcmegateErrors": (
        {'acmegate_http_requests_total{instance="a",route="/new-order",code="5xx"}': "0+10x1000",
         'acmegate_http_requests_total{instance="a",route="/directory",code="2xx"}': "0+50x1000"},
        {'acmegate_http_requests_total{instance="a",route="/new-order",code="5xx"}': "0+1x1000",
         'acmegate_http_requests_total{instance="a",route="/directory",code="2xx"}': "0+50x1000"}),
    "AcmegateIssuanceFailing": (
        {'acmegate_orders_refused_total{instance="a",ca="x"}': "0+3x1000", 'acmegate_certificates_issued_total{instance="a",ca="x"}': "0+7x1000"},
        {'acmegate_orders_refused_total{instance="a",ca="x"}': "0+1x1000", 'acmegate_certificates_issued_total{instance="a",ca="x"}': "0+9x1000"}),
    "AcmegateQueueStuck": (
        {'acmegate_queue_oldest_due_timestamp_seconds{instance="a",kind="issue"}': "0x1000"},
        {'acmegate_queue_oldest_due_timestamp_seconds{instance="a",kind="issue"}': "0+60x1000"}),
    "AcmegateUpstreamDown": ({'acmegate_upstream_up{instance="a",ca="x"}': "0x1000"}, {'acmegate_upstream_up{instance="a",ca="x"}': "1x1000"}),
    "AcmegateUpstreamAccountDown": ({'acmegate_upstream_account_up{instance="a",ca="x"}': "0x1000"},
                                    {'acmegate_upstream_account_up{instance="a",ca="x"}': "1x1000"}),
    "AcmegateUpstreamEabExpires": (
        {'acmegate_upstream_eab_expiry_timestamp_seconds{instance="a",ca="x"}': "1000000x1000"},
        {'acmegate_upstream_eab_expiry_timestamp_seconds{instance="a",ca="x"}': "9000000x1000"}),
    "AcmegateLedgerDown": ({"acmegate_ledger_up" + GATE: "0x1000"}, {"acmegate_ledger_up" + GATE: "1x1000"}),
    "AcmegateLimitReached": (
        {'acmegate_ledger_refusals_total{instance="a",ca="x",limit="certs_domain"}': "0x120 1x100"},
        {'acmegate_ledger_refusals_total{instance="a",ca="x",limit="certs_domain"}': "3x1000"}),
    "AcmegateForeignConsumption": (
        {'acmegate_ledger_foreign_total{instance="a",ca="x",limit="certs_domain"}': "0x120 1x100"},
        {'acmegate_ledger_foreign_total{instance="a",ca="x",limit="certs_domain"}': "3x1000"}),
    "AcmegateOrdersWait": ({'acmegate_ledger_waiting{instance="a",limit="certs_domain"}': "5x1000"},
                           {'acmegate_ledger_waiting{instance="a",limit="certs_domain"}': "5x500 0x500"}),
    "AcmegateAttestationSurge": (
        {'acmegate_attestations_total{instance="a",format="tpm",result="refused"}': "0+2x1000"},
        {'acmegate_attestations_total{instance="a",format="tpm",result="refused"}': "0+1x1000",
         'acmegate_attestations_total{instance="a",format="tpm",result="proven"}': "0+50x1000"}),
    "AcmegateRevocationListOld": (
        {'acmegate_attestation_revoked_expiry_timestamp_seconds{instance="a",trust="x"}': "50000x1000"},
        {'acmegate_attestation_revoked_expiry_timestamp_seconds{instance="a",trust="x"}': "900000x1000"}),
    "AcmegateConfigReloadFailed": ({"acmegate_config_last_reload_successful" + GATE: "0x1000"},
                                   {"acmegate_config_last_reload_successful" + GATE: "1x1000"}),
    "AcmegateDescriptorsScarce": (
        {"process_open_fds" + GATE: "950x1000", "process_max_fds" + GATE: "1000x1000"},
        {"process_open_fds" + GATE: "500x1000", "process_max_fds" + GATE: "1000x1000"}),
}
LOOK = {"AcmegateOrdersWait": 730}  # at which minute it is looked whether they fire
LOOK_ELSE = 130


def families():
    """{family: its labels} as the manual has them."""
    with open(os.path.join(TOP, "man", "acmegated.8")) as page:
        rows = re.findall(r"^\.It (?:Ic )?((?:acmegate|process)_\w+)(?: Pq (.*))?$", page.read(), re.M)
    return {name: set(re.findall(r"\w+", labels)) for name, labels in rows}


def unknown(expr, known):
    """What an expression names and nobody has."""
    bad = []
    for name, selector in re.findall(r"\b((?:acmegate|process)_\w+|up)\b(?!:)(?:\{([^}]*)\})?", expr):
        family = name if name in known or name in OTHERS else re.sub(r"_(bucket|count|sum)$", "", name)
        if family not in known and family not in OTHERS:
            bad.append(name)
        for label in re.findall(r"(\w+)\s*(?:=|!)", selector or ""):
            if label not in known.get(family, set()) | ADDED:
                bad.append("%s{%s}" % (name, label))
    labels = set().union(*known.values()) | ADDED
    for words in re.findall(r"(?:by|without) \(([^)]*)\)", expr):
        bad += [word for word in re.findall(r"\w+", words) if word not in labels]
    return bad


def promtool(*words, cwd=None):
    run = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=300, cwd=cwd)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def alerts(t, known):
    with open(RULES) as rules:
        text = rules.read()
    t.equal(promtool("check", "rules", RULES), "", "Prometheus reads the rules")
    # a recorded series has colons, and is no family
    plain = re.sub(r"\b\w+:acmegate_\w+:\w+", "", text)
    # but the words for people are none of Prometheus'
    plain = re.sub(r"^\s+(summary|description):.*$", "", plain, flags=re.M)
    t.equal(unknown(plain, known), [], "of metrics and labels that are there")
    names = re.findall(r"- alert: (\w+)", text)
    t.equal(sorted(names), sorted(CASES), "each alert is tried")
    t.equal(len(re.findall(r"severity: (page|ticket)\b", text)), len(names), "and has a severity")
    with tempfile.TemporaryDirectory() as folder:
        tests = []
        for name, (loud, quiet) in CASES.items():
            for series, want in ((loud, "[{value: 1}]"), (quiet, "[]")):
                lines = "\n".join("      - {series: '%s', values: '%s'}" % pair for pair in series.items())
                tests.append("  - interval: 1m\n    input_series:\n%s\n    promql_expr_test:\n      - expr: count(ALERTS{alertname=\"%s\",alertstate"
                             "=\"firing\"})\n        eval_time: %dm\n        exp_samples: %s\n" % (lines, name, LOOK.get(name, LOOK_ELSE), want.replace("value", "labels: '{}', value")))
        with open(os.path.join(folder, "tests.yml"), "w") as out:
            out.write("rule_files: ['%s']\nevaluation_interval: 1m\ntests:\n%s" % (RULES, "".join(tests)))
        t.equal(promtool("test", "rules", "tests.yml", cwd=folder), "", "%d alerts fire and keep quiet as they should" % len(CASES))


def dashboard(t, known):
    with open(DASHBOARD) as text:
        board = json.load(text)
    exprs = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    t.ok(len(exprs) > 40, "the dashboard asks %d things" % len(exprs))
    t.equal([bad for expr in exprs for bad in unknown(expr, known)], [], "of metrics and labels that are there")
    queries = [v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"]
    t.equal([bad for q in queries for bad in unknown(re.sub(r"label_values\((\w+), (\w+)\)", r"\1{\2=}", q), known)], [],
            "so do its variables")
    t.equal({p["datasource"]["uid"] for p in board["panels"] if p["type"] != "row"}, {"${datasource}"}, "of a Prometheus of choice")
    ids = [p["id"] for p in board["panels"]]
    t.equal(len(set(ids)), len(ids), "its panels have numbers of their own")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as out:
        out.write("groups:\n- name: board\n  rules:\n")
        for n, expr in enumerate(exprs):
            for name, value in (("$__rate_interval", "5m"), ("$instance", ".*"), ("$ca", ".*")):
                expr = expr.replace(name, value)
            out.write("  - record: board:%d\n    expr: %s\n" % (n, json.dumps(expr)))
        out.flush()
        t.equal(promtool("check", "rules", out.name), "", "and Prometheus reads each")


def main():
    t = Tap()
    known = families()
    t.ok(len(known) > 50, "the manual tells of %d families" % len(known))
    with t.part("alerts"):
        alerts(t, known)
    with t.part("dashboard"):
        dashboard(t, known)
    return t.done()


if __name__ == "__main__":
    sys.exit(main())
