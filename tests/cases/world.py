"""Small worlds for cases: accepted rows in a real lake, and nights that some rules are held over them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from wattmark import night
from wattmark.audit.history import keep_findings
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import run_family
from wattmark.cases.judged import Judgement, judgements
from wattmark.cases.model import Case, case_id_of
from wattmark.engine.catalog import catalog_of
from wattmark.engine.session import DuckDBSession
from wattmark.golden import rows_given
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

Rows = Sequence[Mapping[str, Any]]
ACCOUNT = {
    "customer_id": "C1", "org_unit_id": "U1", "status": "active", "opened_on": dt.date(2020, 1, 1),
    "usage_category": "residential", "tariff_code": "R1", "supply_kv": 0.22, "contracted_kva": 8, "running_kva": 8,
    "metering_mode": "lv_lv", "demand_basis": "none", "allocation": "none", "is_temporary": False,
    "is_dual_supply": False, "has_self_generation": False, "has_load_control": False,
}  # fmt: skip
TARIFF = {
    "usage_category": "residential", "min_kv": 0.22, "max_kv": 0.38, "is_two_part": False, "is_time_of_use": False,
    "is_stepped": False,
}  # fmt: skip
RATE = {"component": "energy", "step_no": 1, "step_from_kwh": 0, "valid_from": dt.date(2015, 1, 1)}


def night_of(day: str, period: str | None = None) -> Run:
    """A night of a date; of the month before it, or of another one."""
    month = dt.date.fromisoformat(f"{period}-01") if period else None
    return Run.of(dt.date.fromisoformat(day), "Asia/Shanghai", month)


class World:
    """A home whose lake holds what is put into it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = catalog_of(settings)
        self.lake = Lake(settings.lake)
        self.held: set[Path] = set()
        for name in self.lake.tables():
            if name.startswith("accepted."):
                self.put(**{name.split(".")[1]: []})
        for note in Home(settings.home).versions.glob("*.json"):
            note.unlink()

    def put(self, **tables: Rows) -> World:
        """Put rows in place of tables of the source."""
        for name, rows in tables.items():
            given = rows_given(f"source.{name}", rows, self.catalog, self.settings)
            self.lake.replace(f"accepted.{name}", given)
        return self

    def accounts(self, **changed: Mapping[str, Any]) -> World:
        """Put accounts, each as ``ACCOUNT`` but for what is said of it."""
        return self.put(account=[{**ACCOUNT, "account_id": name, **more} for name, more in changed.items()])

    def hold(self, run: Run, *rule_ids: str, settings: Settings | None = None) -> None:
        """A night over what there is: the facts that some rules need, the rules, and what the night notes."""
        settings = settings or self.settings
        rules = [all_rules(self.catalog)[rule_id] for rule_id in sorted(rule_ids)]
        with DuckDBSession(settings, run) as session:
            names = self.catalog.order([*(rule.file.name for rule in rules), "facts.billing_cycle"])
            for name in names:
                if not name.startswith("audit."):
                    session.build(name)
            for family, of_family in groupby(rules, key=lambda rule: rule.family):
                run_family(session, list(of_family), family)
            keep_findings(session)
        night.note_versions(settings, run)

    def judge(self, run: Run, *cases: Case, settings: Settings | None = None) -> list[Judgement]:
        """What a night says of cases, in their order."""
        found = judgements(settings or self.settings, run, cases)
        return [found[case.case_id] for case in cases]


def case_of(rule_id: str, subject_type: str, subject_id: str, month: str | None = None, **more: Any) -> Case:
    """A case that is open since October 2026."""
    period = dt.date.fromisoformat(f"{month}-01") if month else None
    day = dt.date(2026, 10, 1)
    given: dict[str, Any] = {
        "account_id": subject_id if subject_type == "account" else None, "customer_id": None, "org_unit_id": "U1",
        "first_seen_on": day, "last_seen_on": day, "state": "open", "severity": "high", "at_stake_amount": None,
        "opened_at": dt.datetime(2026, 10, 1, tzinfo=dt.UTC), "opened_on": day, "version": 1,
        **more,
    }  # fmt: skip
    return Case(
        case_id_of(rule_id, subject_type, subject_id, period),
        rule_id,
        subject_type,
        subject_id,
        period,
        **given,
    )
