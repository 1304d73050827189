"""The alert rules: as Prometheus reads them, and what fires.

Expressions are parsed by Prometheus' own grammar, and worked out here on the tree that it makes, as
far as the rules use it; what they do not use is an error.
"""

import operator
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jsonschema
import promql_parser
import pytest
import yaml
from receivers import Samples, samples_of
from sandboxes import ROOT
from small import plan, small_site, wanting

from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.drift import DriftKind, classify
from reconciler.ending import Ending
from reconciler.errors import ExitCode
from reconciler.monitoring import samples
from reconciler.monitoring.exposition import exposed
from reconciler.monitoring.samples import FAMILIES, Measured

PATH = ROOT / "deploy" / "prometheus" / "alerts.yml"
DURATION = "^([0-9]+(ms|[smhdwy]))+$"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "rules"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "rules": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["alert", "expr", "labels", "annotations"],
                            "additionalProperties": False,
                            "properties": {
                                "alert": {"pattern": "^Reconciler[A-Za-z]+$"},
                                "expr": {"type": "string"},
                                "for": {"type": "string", "pattern": DURATION},
                                "labels": {
                                    **TEXTS,
                                    "properties": {
                                        "severity": {"enum": ["info", "warning", "critical"]}
                                    },
                                    "required": ["severity"],
                                },
                                "annotations": {**TEXTS, "required": ["summary", "description"]},
                            },
                        },
                    },
                },
            },
        }
    },
}
"""What Prometheus takes of a rule file, as far as this one uses it."""

RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(PATH.read_text())["groups"]
    for rule in group["rules"]
}
NOW = 1_000_000.0
Vector = dict[tuple[tuple[str, str], ...], float]
OPERATORS: Mapping[str, Callable[[float, float], Any]] = {
    "*": operator.mul,
    "-": operator.sub,
    ">": operator.gt,
    "==": operator.eq,
}


def worked_out(expr: Any, found: Samples) -> float | Vector:
    """Work out an expression as Prometheus would at one moment."""
    match expr:
        case promql_parser.NumberLiteral():
            return float(expr.val)
        case promql_parser.Call() if expr.func.name == "time" and not expr.args:
            return NOW
        case promql_parser.Call() if expr.func.name == "absent":
            return {} if worked_out(expr.args[0], found) else {(): 1.0}
        case promql_parser.VectorSelector():
            return {
                labels: value
                for (name, labels), value in found.items()
                if name == expr.name
                and all(_meets(each, dict(labels)) for each in expr.matchers.matchers)
            }
        case promql_parser.AggregateExpr() if str(expr.op) == "sum":
            sums: Vector = {}
            below = worked_out(expr.expr, found)
            assert isinstance(below, dict)
            for labels, value in below.items():
                key = tuple(each for each in labels if each[0] in expr.modifier.labels)
                sums[key] = sums.get(key, 0.0) + value
            return sums
        case promql_parser.BinaryExpr():
            left, right = (worked_out(each, found) for each in (expr.lhs, expr.rhs))
            return _joined(str(expr.op), left, right)
    raise AssertionError(f"no rule used {expr} yet")


def _joined(name: str, left: float | Vector, right: float | Vector) -> float | Vector:
    apply = OPERATORS[name]
    if isinstance(left, dict):
        assert isinstance(right, float)
        if name in (">", "=="):  # which filter
            return {labels: value for labels, value in left.items() if apply(value, right)}
        return {labels: apply(value, right) for labels, value in left.items()}
    if isinstance(right, dict):
        return {labels: apply(left, value) for labels, value in right.items()}
    return float(apply(left, right))


def _meets(matcher: Any, labels: Mapping[str, str]) -> bool:
    assert matcher.op in (promql_parser.MatchOp.Re, promql_parser.MatchOp.Equal)
    value = labels.get(matcher.name, "")
    if matcher.op == promql_parser.MatchOp.Re:
        return re.fullmatch(matcher.value, value) is not None
    return bool(value == matcher.value)


def firing(*measured: Measured) -> set[str]:
    """The alerts that fire, those that have to wait included."""
    found = samples_of(exposed(sample for each in measured for sample in each.all_samples()))
    return {
        name for name, rule in RULES.items() if worked_out(promql_parser.parse(rule["expr"]), found)
    }


PLAN = plan(small_site(), wanting(("t-1", "8a")))
NOTHING = plan(small_site(), wanting())
CALM = classify(NOTHING, {}, ())
DONE = ApplyResult("run", "plan", "site", (), verified=True, note="")


def drift(report: Any = CALM, **changes: Any) -> Measured:
    code = changes.pop("code", report.exit_code)
    measured = Measured("drift", "test", code, NOW - 3600, 1.0, samples.of_drift(report))
    return replace(measured, **changes)


def apply(*outcomes: Outcome) -> Measured:
    found = tuple(ActionOutcome(PLAN.actions[0], each) for each in outcomes)
    result = replace(DONE, outcomes=found)
    return Measured("apply", "test", ExitCode.DONE, NOW, 1.0, samples.of_result(result))


def test_the_file_is_a_rule_file():
    jsonschema.validate(yaml.safe_load(PATH.read_text()), SCHEMA)
    promtool = shutil.which("promtool")
    if promtool:
        subprocess.run([promtool, "check", "rules", "--lint=all", str(PATH)], check=True)


@pytest.mark.parametrize("name", RULES)
def test_every_expression_is_one_and_asks_for_metrics_that_there_are(name: str):
    expr = promql_parser.parse(RULES[name]["expr"])
    assert isinstance(expr, promql_parser.BinaryExpr | promql_parser.Call)
    named = set(re.findall(r"\breconciler_\w+", RULES[name]["expr"]))
    assert named
    assert named <= set(FAMILIES)


@pytest.mark.parametrize("name", RULES)
def test_every_text_uses_what_the_alert_has(name: str):
    used = re.findall(r"\{\{ (.*?) \}\}", " ".join(RULES[name]["annotations"].values()))
    labels = {"$labels.site", "$labels.command", "$labels.roster"}
    assert set(used) <= {*labels, "$value", "$value | humanizeDuration"}


def test_where_all_is_well_nothing_fires():
    assert firing(drift(), apply(Outcome.SUCCEEDED, Outcome.ALREADY)) == set()


def test_where_nothing_ever_ran_that_fires():
    assert firing() == {"ReconcilerNeverRan"}


def test_drift_fires_and_a_grant_past_its_end_by_itself():
    changed = classify(PLAN, None, ())
    assert firing(drift(changed)) == {"ReconcilerDrift"}
    expired = replace(
        changed, drifted=tuple(replace(each, kind=DriftKind.EXPIRED) for each in changed.drifted)
    )
    assert firing(drift(expired)) == {"ReconcilerDrift", "ReconcilerGrantPastEnd"}


def test_what_is_pending_held_back_or_ends_soon_fires():
    action = PLAN.actions[0]
    assert firing(drift(replace(CALM, pending=(action,)))) == {"ReconcilerPending"}
    assert firing(drift(replace(CALM, held_back=(action,)))) == {"ReconcilerHeldBack"}
    ends = Ending(action.address, action.name, PLAN.as_of)
    assert firing(drift(replace(CALM, ending=(ends,)))) == {"ReconcilerGrantsEndSoon"}


@pytest.mark.parametrize("code", [ExitCode.FAILED, ExitCode.REFUSED, ExitCode.PARTIAL])
def test_a_run_that_fails_fires(code: ExitCode):
    assert firing(drift(), replace(apply(), code=code)) == {"ReconcilerRunFailed"}


@pytest.mark.parametrize("code", [ExitCode.DONE, ExitCode.CHANGES, ExitCode.PENDING])
def test_what_a_run_finds_is_no_failure(code: ExitCode):
    assert firing(drift(), replace(apply(), code=code)) == set()


def test_a_success_that_is_long_ago_fires_whether_or_not_anything_runs():
    assert firing(drift(ended=NOW - 25 * 3600)) == set()
    assert firing(drift(ended=NOW - 27 * 3600)) == {"ReconcilerNoSuccess"}
    assert firing(drift(), replace(apply(), ended=NOW - 90 * 86_400)) == set()


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED, Outcome.UNKNOWN])
def test_an_apply_that_left_something_fires(outcome: Outcome):
    assert firing(drift(), apply(Outcome.SUCCEEDED, outcome)) == {"ReconcilerApplyIncomplete"}


def test_a_refused_plan_and_an_old_roster_fire():
    refused = [
        each._replace(value=1.0) if each.name == "reconciler_plan_refused" else each
        for each in samples.of_plan(NOTHING)
    ]
    assert firing(drift(samples=tuple(refused))) == {"ReconcilerPlanRefused"}
    for days, fires in ((6, set()), (8, {"ReconcilerRosterOld"})):
        roster = samples.of_rosters({"sis": NOW - days * 86_400})
        assert firing(drift(samples=roster)) == fires
