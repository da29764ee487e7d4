"""Nights of a small utility whose findings are made up: what rules found is given, what becomes of cases is real."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from psycopg.rows import dict_row

from wattmark.audit.runner import COVERAGE, FINDINGS
from wattmark.cases.judged import Judgement
from wattmark.cases.model import Case
from wattmark.cases.night import take_night
from wattmark.contract import load_contract
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.lake import Lake
from wattmark.publish.ops import libpq_url
from wattmark.run import Run
from wattmark.settings import load_settings

SOURCE: dict[str, list[dict[str, Any]]] = {
    "org_unit": [
        {"org_unit_id": "TOP", "name": "All", "level": "province"},
        {"org_unit_id": "CITY", "name": "City", "level": "city", "parent_id": "TOP"},
        {"org_unit_id": "EAST", "name": "East", "level": "station", "parent_id": "CITY"},
        {"org_unit_id": "WEST", "name": "West", "level": "station", "parent_id": "CITY"},
    ],
    "staff": [
        {"staff_id": "B1", "org_unit_id": "EAST", "name": "Li", "post": "billing"},
        {"staff_id": "B2", "org_unit_id": "EAST", "name": "Wu", "post": "billing"},
        {"staff_id": "B3", "org_unit_id": "CITY", "name": "Xu", "post": "billing"},
        {"staff_id": "M1", "org_unit_id": "CITY", "name": "He", "post": "metering"},
        {"staff_id": "R1", "org_unit_id": "EAST", "name": "Ma", "post": "meter_reader"},
    ],
    "reading_area": [{"reading_area_id": "RA1", "org_unit_id": "EAST", "staff_id": "B2", "fixed_day": 5}],
    "account": [
        {"account_id": f"A{n}", "customer_id": f"C{n}", "account_name": "x", "org_unit_id": "EAST" if n < 6 else "WEST",
         "status": "active", "opened_on": dt.date(2020, 1, 1), "reading_area_id": "RA1" if n == 2 else None} for n in range(1, 10)
    ],
    "bill": [{"bill_id": "BILL1", "account_id": "A1", "staff_id": "B1", "issued_at": dt.datetime(2026, 10, 2, tzinfo=dt.UTC)}],
    "register_reading": [
        {"metering_point_id": "P4", "period": dt.date(2026, 9, 1), "register": "active_total", "edited_by": "B1",
         "read_at": dt.datetime(2026, 9, 30, tzinfo=dt.UTC)},
    ],
}  # fmt: skip
LOGINS = [
    ("b1", "B1", "EAST", "worker"),
    ("b2", "B2", "EAST", "worker"),
    ("b3", "B3", "CITY", "approver"),
    ("m1", "M1", "CITY", "worker"),
    ("seer", "R1", "EAST", "viewer"),
]


def finding(rule_id: str, subject_type: str, subject_id: str, **changed: Any) -> dict[str, Any]:
    """A finding on account A1 in EAST, an exception of medium severity without money unless said otherwise."""
    row = {
        "rule_id": rule_id, "subject_type": subject_type, "subject_id": subject_id, "account_id": "A1", "customer_id": "C1",
        "org_unit_id": "EAST", "severity": "medium", "at_stake_amount": None, "kind": "exception", "evidence": {"value": 1},
        "family": rule_id.split("-")[0], "message_en": "It is wrong.", "message_zh": "有误。",
    } | changed  # fmt: skip
    row["evidence"] = json.dumps(row["evidence"])
    if row["at_stake_amount"] is not None:
        row["at_stake_amount"] = decimal.Decimal(str(row["at_stake_amount"]))
    return row


class Nights:
    """A home whose nights are told what was found.

    Args:
        folder: empty; the home.
        url: of the warehouse.
        cases: settings of cases.
    """

    def __init__(self, folder: Path, url: str, **cases: Any) -> None:
        self.settings = load_settings(folder, services={"warehouse_url": url}, cases=cases)
        self.url = url
        contract = load_contract(self.settings.include / "contract" / "source-model.yaml")
        for name, rows in SOURCE.items():
            if Lake(self.settings.lake).exists(f"accepted.{name}"):
                continue
            schema = contract.tables[name].accepted_schema
            # Nothing here looks at more than is said above.
            self._write(
                f"accepted.{name}",
                pa.Table.from_pylist(rows, pa.schema([f.with_nullable(True) for f in schema])),
            )
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, %s)",
                LOGINS,
            )

    def _write(self, name: str, rows: pa.Table) -> None:
        Lake(self.settings.lake).replace(name, rows)

    def connected(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(libpq_url(self.url), row_factory=dict_row)

    def take(
        self,
        as_of: str,
        found: Iterable[dict[str, Any]] = (),
        *,
        not_found: Iterable[str] = (),
        gone: Iterable[str] = (),
        again: Mapping[str, dict[str, Any]] | None = None,
        period: str | None = None,
        checked: Mapping[str, int] | None = None,
        fail: bool = False,
    ) -> dict[str, int]:
        """Have a night taken in.

        Args:
            as_of: its day.
            found: its findings; ``period`` is filled in.
            not_found: cases that were judged and not found; others that are not found were not judged.
            gone: those of them whose subject is gone.
            again: findings of months that were judged again, by case.
            period: the month that the run was asked for.
            checked: what rules judged; each one 1,000 unless said otherwise.
            fail: break off before the end.
        """
        run = Run.of(
            dt.date.fromisoformat(as_of), "Asia/Shanghai", dt.date.fromisoformat(period) if period else None
        )
        rows = [{"period": run.period, **row} for row in found]
        self._write(FINDINGS, pa.Table.from_pylist(rows, schema_of(PRODUCED[FINDINGS])))
        flagged: dict[str, int] = dict.fromkeys(checked or (), 0)
        for row in rows:
            flagged[row["rule_id"]] = flagged.get(row["rule_id"], 0) + 1
        self._write(
            COVERAGE,
            pa.Table.from_pylist(
                [
                    {"rule_id": rule_id, "checked": (checked or {}).get(rule_id, 1000), "flagged": count}
                    for rule_id, count in flagged.items()
                ],
                schema_of(PRODUCED[COVERAGE]),
            ),
        )
        with self.connected() as connection:
            connection.execute(
                "INSERT INTO ops.pipeline_run (run_id, as_of, started_at, state, code_version, parameters_hash) "
                "VALUES (%s, %s, NOW(), 'running', '0', '0') ON CONFLICT DO NOTHING",
                [run.run_id, run.as_of],
            )
        right, away, known = set(not_found), set(gone), again or {}

        def judge(_settings: Any, _run: Run, cases: Iterable[Case]) -> dict[str, Judgement]:
            if fail:
                raise KeyboardInterrupt
            found: dict[str, Judgement] = {}
            for case in cases:
                if case.case_id in known:
                    row = {**known[case.case_id], "period": case.period}
                    found[case.case_id] = Judgement(case.case_id, "found", row)
                else:
                    verdict = "not_found" if case.case_id in right else "not_judged"
                    found[case.case_id] = Judgement(case.case_id, verdict, None, case.case_id in away)
            return found

        return take_night(self.settings, run, judge)

    def case(self, case_id: str) -> dict[str, Any]:
        """A case's row."""
        with self.connected() as connection:
            row = connection.execute("SELECT * FROM ops.audit_case WHERE case_id = %s", [case_id]).fetchone()
        assert row is not None
        return row

    def steps(self, case_id: str) -> list[str]:
        """The steps of a case, oldest first."""
        with self.connected() as connection:
            rows = connection.execute(
                "SELECT step FROM ops.audit_case_event WHERE case_id = %s ORDER BY event_no", [case_id]
            ).fetchall()
        return [row["step"] for row in rows]

    def events(self, case_id: str) -> list[dict[str, Any]]:
        """Events of a case, oldest first."""
        with self.connected() as connection:
            return connection.execute(
                "SELECT * FROM ops.audit_case_event WHERE case_id = %s ORDER BY event_no", [case_id]
            ).fetchall()

    def step(self, case_id: str, step: str, to_state: str, at: str, actor: str = "b3", **values: Any) -> None:
        """What a person does, as the log has it; ``values`` are columns."""
        from wattmark.cases.log import Change, append
        from wattmark.cases.model import Event

        moment = dt.datetime.fromisoformat(at).replace(tzinfo=self.settings.zone)
        with self.connected() as connection:
            state = self.case(case_id)["state"]
            event = Event(case_id, moment, moment.date(), actor, step, state, to_state)
            append(connection, [Change(case_id, [event], values)])
