"""What only the calendar moves is named by ``moves``: the same rows a day later show nothing else that is new."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import create_findings, run_rule
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.golden import ROOT, Case, cases, rows_given
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings

RULES = {
    rule.file.name: rule
    for rule in all_rules(load_catalog(PROJECT_ROOT / "include")).values()
    if rule.judges == "state"
}


def _found(case: Case, rule: Rule, home: Path, later_days: int) -> dict[str, dict[str, Any]]:
    """Evidence by subject of a case's rows, so many days after its own."""
    body = case.body
    given = {
        name: {"value": value, "since": dt.date(2026, 1, 1), "reason": "golden case"}
        for name, value in (body.get("params") or {}).items()
    }
    settings = load_settings(
        home, utility=body.get("utility", {}), parameters={rule.rule_id: given} if given else {}
    )
    as_of = dt.date.fromisoformat(str(body.get("as_of", "2026-11-04"))) + dt.timedelta(days=later_days)
    catalog = load_catalog(settings.include)
    with DuckDBSession(settings, Run.of(as_of, settings.utility.time_zone), catalog, stored=False) as session:
        for name, rows in (body.get("given") or {}).items():
            filler = (body.get("defaults") or {}).get(name, {})
            layer, table = name.split(".")
            session.give(
                f"accepted.{table}" if layer == "source" else name,
                rows_given(name, [{**filler, **row} for row in rows], catalog, settings),
            )
        findings = create_findings(session)
        run_rule(session, rule, findings)
        told = session.duck.execute(f"SELECT subject_id, evidence FROM {findings}").fetchall()
    return {subject: json.loads(evidence) for subject, evidence in told}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_day_later_nothing_else_is_new(tmp_path: Path) -> None:
    compared, wrong = 0, []
    for case in cases(ROOT):
        rule = RULES.get(case.table)
        if rule is None or not case.body["expect"]["flagged"]:
            continue
        limits = {*rule.file.parameters, *(f"{name}_from" for name in rule.file.parameters)}
        today, tomorrow = (_found(case, rule, tmp_path, days) for days in (0, 1))
        for subject in today.keys() & tomorrow.keys():
            compared += 1
            wrong += [
                (case.id, subject, name, value, tomorrow[subject].get(name))
                for name, value in today[subject].items()
                # What was empty and is there a day later has happened in between.
                if value is not None
                and name not in limits | set(rule.moves)
                and tomorrow[subject].get(name) != value
            ]
    assert wrong == []
    assert compared > 100
