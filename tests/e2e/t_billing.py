#!/usr/bin/python3
"""The bill: a row for each certificate, revocation and fee, priced by the rate card of its day; sums that agree to the last digit; exports that
FOCUS's rules hold for; an invoice compared with it; months that are closed. On both stores."""

import base64
import csv
import io
import json
import os
import sys
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acme
from invariants import broken
from lab import PORTS, Lab
from limited_ca import ORDERS, LimitedCA
from tap import Tap

# FOCUS 1.4: what each file of Cost and Usage must have, and which of it may be null
MANDATORY = ("BilledCost BillingAccountId BillingCurrency BillingPeriodStart BillingPeriodEnd ChargeCategory ChargePeriodStart ChargePeriodEnd "
             "ContractedCost EffectiveCost InvoiceIssuerName ListCost ServiceCategory ServiceName ServiceProviderName").split()
NULLABLE = "BillingAccountName ChargeClass ChargeDescription HostProviderName PricingQuantity PricingUnit".split()
MONEY = "BilledCost ContractedCost EffectiveCost ListCost".split()


def write_card(lab, version, price):
    rates = """version = "%s"; currency = "USD";
rates = ( { ca = "ca"; product = "OV"; profiles = ["default"]; model = "per_name"; unit_price = "%s"; wildcard_factor = 10; reissue_charged = false;
            refund_days = 30; },
          { ca = "local"; product = "inside"; model = "flat"; unit_price = "0.10"; },
          { ca = "ca"; product = "years"; profiles = ["years"]; model = "per_name_year"; unit_price = "365"; proration = "full_days"; },
          { ca = "ca"; product = "pack"; profiles = ["pack"]; model = "pool_signatures"; unit_price = "50"; included = 1; overage_price = "0.90"; },
          { ca = "ca"; product = "pool"; profiles = ["pool"]; model = "pool_names_peak"; included = 2; overage_price = "7"; } );
""" % (version, price)
    with open(lab.path("rates.conf"), "w") as out:
        out.write(rates)
    os.chmod(lab.path("rates.conf"), 0o600)


def bound(lab, gate, *words):
    made = json.loads(gate.ctl("--json", "eab", "create", *words))
    device = lab.device(gate)
    device.acme.want("newAccount", device.acme.new_account(externalAccountBinding=acme.eab(
        made["id"], base64.urlsafe_b64decode(made["key"] + "="), device.acme.directory["newAccount"], device.acme.key)), 201)
    return device


def again(device, names, **payload):
    """Another key, or the certificate of before would be handed out again."""
    device.cert_key = acme.new_key()
    return device.obtain(names, **payload)


def rows(gate):
    return json.loads(gate.ctl("billing", "export", "--format", "json"))["items"]


def last(gate, *members):
    row = rows(gate)[-1]
    return tuple(row.get(m) for m in members)


def prices(t, lab, gate):
    device = bound(lab, gate, "--tenant", "web", "--kid", "payer", "--cost-centre", "CC-9")
    device.obtain(["a.test", "b.test"])
    row = rows(gate)[-1]
    t.equal([row[m] for m in ("kind", "tenant", "cost_centre", "upstream", "product", "model", "rate_card", "currency", "quantity", "unit_price", "amount",
                              "names", "name", "eab")],
            ["new", "web", "CC-9", "ca", "OV", "per_name", "v1", "USD", "2", "15", "30", 2, "a.test", "payer"], "a certificate is on the bill with its price")
    t.ok(row["url"].startswith("https://") and row["sha256"] and row["serial"] and row["order"], "and with what the CA knows it by")
    again(device, ["a.test", "b.test"])
    t.equal(last(gate, "kind", "quantity", "amount"), ("reissue", "0", "0"), "the same names again long before the end are a reissue, which this CA does not charge")
    certid = gate.sql("select certid from cert order by id desc limit 1")[0][0]
    write_card(lab, "v2", "20.000001")
    gate.ctl("reload")
    again(device, ["a.test", "b.test"], replaces=certid)
    t.equal(last(gate, "kind", "rate_card", "amount"), ("renewal", "v2", "40.000002"), "what replaces one is a renewal, at the price of its day")
    t.equal(rows(gate)[0]["amount"], "30", "a new card changes no row of before")
    ref = gate.sql("select ref from cert order by id limit 1")[0][0]
    gate.ctl("cert", "revoke", ref, "--yes")
    t.equal(last(gate, "kind", "amount", "corrects"), ("revocation", "-30", 1), "what is revoked in time is paid back")
    gate.ctl("cert", "revoke", gate.sql("select ref from cert order by id limit 1 offset 1")[0][0], "--yes")
    t.equal(last(gate, "kind", "amount"), ("revocation", "0"), "as much as it has cost")
    lab.device(gate).obtain(["c.test"], profile="inside")
    t.equal([(r["kind"], r["amount"], r["tenant"], r.get("cost_centre")) for r in rows(gate)[-2:]],
            [("purchase", "0.1", "default", None), ("internal", "0", "default", None)], "a flat fee is paid when its term begins")
    again(device, ["x.test"], profile="years")
    again(device, ["x.test", "y.test"], profile="years")
    t.equal([(r["quantity"], r["unit_price"], r["amount"]) for r in rows(gate)[-2:]], [("1", "365", "365"), ("1", "365", "365")],
            "a name is paid once a term, whatever it is in")
    again(device, ["p.test"], profile="pack")
    again(device, ["q.test"], profile="pack")
    t.equal([(r["kind"], r["amount"]) for r in rows(gate)[-3:]], [("purchase", "50"), ("new", "0"), ("new", "0.9")], "a pack, and what is beyond it")
    again(device, ["m.test", "n.test"], profile="pool")
    again(device, ["m.test", "o.test"], profile="pool")
    t.equal([r["amount"] for r in rows(gate)[-2:]], ["0", "7"], "names that live at a time count once each")
    lab.device(gate).obtain(["free.test"], profile="free")
    t.equal(last(gate, "kind", "amount", "currency", "quantity"), ("new", "0", None, "1"), "what nobody has a price for is on the bill, too")


def export(t, gate):
    text = gate.ctl("billing", "export", "--format", "focus-csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    items = rows(gate)
    t.equal(len(lines), len(items), "a line for each row")
    t.equal([c for c in MANDATORY + NULLABLE if c not in lines[0]], [], "with FOCUS's mandatory columns")
    t.equal([c for line in lines for c in MANDATORY if not line[c]], [], "those that must not be null are not")
    names = list(lines[0])
    own = [n for n in names if n.startswith("x_")]
    t.ok(names == sorted(n for n in names if not n.startswith("x_")) + own and "\r" not in text, "columns in its order, ours behind")
    t.equal({line["ChargeCategory"] for line in lines}, {"Usage", "Purchase", "Credit"}, "charges by their category")
    wrong = [line for line in lines if Decimal(line["PricingQuantity"]) * Decimal(line["ContractedUnitPrice"]) != Decimal(line["ContractedCost"])]
    t.equal(wrong, [], "quantity by unit price is the cost, to the last digit")
    t.ok(all(line["BillingPeriodStart"] <= line["ChargePeriodStart"] < line["ChargePeriodEnd"] for line in lines), "charges lie in their period")
    total = sum(Decimal(i["amount"]) for i in items)
    t.equal([sum(Decimal(line[c]) for line in lines) for c in MONEY], [total] * 4, "the file adds up to what the rows do")
    for by in ("tenant", "cost_centre", "ca", "product", "kind"):
        sums = json.loads(gate.ctl("--json", "billing", "summary", "--by", by))["items"]
        t.equal((sum(Decimal(s["amount"]) for s in sums), sum(s["rows"] for s in sums)), (total, len(items)), "so does the summary by %s" % by)
    t.equal(sum(Decimal(s["amount"]) for s in sums if s["id"] == "revocation"), Decimal(-30), "and its parts")
    t.ok("40.000002" in gate.ctl("billing", "summary", "--by", "kind"), "for people, too")
    t.equal(gate.sql("select count(*) from cert")[0][0], sum(i["kind"] in ("new", "renewal", "reissue", "internal") for i in items), "a row for each certificate")


def invoice(t, lab, gate):
    items = [i for i in rows(gate) if i["kind"] in ("new", "renewal", "reissue") and i["amount"] != "0"]
    lines = [["Order", "Serial Number", "Price"]]
    lines += [["", ":".join(("00" + i["serial"] if len(i["serial"]) % 2 == 0 else "0" + i["serial"]).upper()[n:n + 2] for n in range(0, len(i["serial"]) + 2, 2)).strip(":"),
               i["amount"]] for i in items[1:3]]
    lines += [[items[3]["url"], "", "1.00"], [items[3]["url"], "", items[3]["amount"]], ["https://nowhere.test/order/1", "", "9"]]
    with open(lab.path("invoice.csv"), "w", newline="") as out:
        csv.writer(out).writerows(lines)
    run = gate.run_ctl(["--json", "billing", "reconcile", lab.path("invoice.csv"), "--columns", "url=Order,serial=Serial Number,amount=Price"])
    told = json.loads(run.stdout)
    t.equal(([told[k] for k in ("matched", "different", "unknown", "twice", "missing")], run.returncode), ([2, 1, 1, 1, len(items) - 3], 1),
            "an invoice is compared with the bill")
    t.equal([(i["state"], i.get("line")) for i in told["items"]][:3], [("different", 4), ("twice", 5), ("unknown", 6)], "line by line")
    with open(lab.path("invoice.csv"), "w", newline="") as out:
        csv.writer(out).writerows([["url", "amount"]] + [[i["url"], i["amount"]] for i in items])
    run = gate.run_ctl(["billing", "reconcile", lab.path("invoice.csv")])
    t.equal((run.returncode, "%d matched, 0 different" % len(items) in run.stdout), (0, True), "one that says the same is a match")
    with open(lab.path("invoice.csv"), "w") as out:
        out.write("url,amount\nx,1e3\n")
    run = gate.run_ctl(["billing", "reconcile", lab.path("invoice.csv")])
    t.equal((run.returncode, "line 2" in run.stderr), (2, True), "what cannot be read is named")


def closing(t, lab, gate):
    month = rows(gate)[0]["at"][:7]
    run = gate.run_ctl(["billing", "close", "--month", month, "--yes"])
    t.equal((run.returncode, "not over" in run.stderr), (6, True), "a month that goes on cannot be closed")
    gate.ctl("billing", "close", "--month", "2020-01", "--yes")
    t.equal(gate.run_ctl(["billing", "close", "--month", "2020-01", "--yes"]).returncode, 6, "nor one that is")
    t.ok(json.loads(gate.ctl("--json", "billing", "summary", "--month", "2020-01"))["closed"], "the summary tells")
    gate.ctl("billing", "correct", "1", "--amount", "-0.50", "--note", "rebate, \"2026\"")
    t.equal(last(gate, "kind", "amount", "corrects", "tenant", "cost_centre", "note"), ("correction", "-0.5", 1, "web", "CC-9", 'rebate, "2026"'),
            "a correction is a row of its own")
    line = list(csv.DictReader(io.StringIO(gate.ctl("billing", "export"))))[-1]
    t.equal((line["BilledCost"], line["ChargeClass"], 'rebate, "2026"' in line["ChargeDescription"]), ("-0.5", "", True), "in an open month without a class")
    t.equal(gate.run_ctl(["billing", "correct", "1", "--amount", "0", "--note", "x"]).returncode, 1, "of nothing there is none")
    with open(lab.path("rates.conf"), "w") as out:
        out.write('version = "v3"; currency = "USD";\nrates = ( { ca = "ca"; product = "OV"; model = "per_name"; unit_price = "1e3"; } );\n')
    run = gate.run_ctl(["reload"])
    t.ok(run.returncode != 0 and "rates.conf:2" in run.stderr and "no price" in run.stderr, "a card that cannot be read is refused, with its line")


t = Tap()
with Lab(t) as lab:
    server = lab.postgres()
    for what, store in (("SQLite", ""), ("PostgreSQL", lab.database(server, "bill"))):
        write_card(lab, "v1", "15.00")
        ca = LimitedCA(lab.path("web.pem"), lab.path("web.key"), PORTS.take(), {ORDERS: (1000, 1000)})
        lab.servers.append(ca)
        gate = lab.gate(ca.directory, store=store, upstream={"limits": "none"}, tenants=[{"name": "web", "cost_centre": "CC-1"}], rate_card=lab.path("rates.conf"))
        base = gate.conf["profiles"][0]
        gate.conf["profiles"] = [base] + [dict(base, name=n) for n in ("years", "pack", "pool", "free")] + [dict(base, name="inside", upstream="local")]
        gate.start()
        with t.part("prices, " + what):
            prices(t, lab, gate)
        with t.part("export, " + what):
            export(t, gate)
        with t.part("invoice, " + what):
            invoice(t, lab, gate)
        with t.part("closing, " + what):
            closing(t, lab, gate)
        t.equal(broken(gate.sql), {}, "nothing is broken")
        t.equal((gate.stop(), gate.sanitizer_report()), (0, ""), "the gateway ends with 0, and no sanitizer has a word to say")
sys.exit(t.done())
