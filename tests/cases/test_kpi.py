"""Key figures on cases, from cases and events as they stand in a real PostgreSQL up to the published rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.cases.acting import AT, a_case, connect, session_of, settings_of
from wattmark.cases.log import Change, append, opened
from wattmark.cases.model import NIGHT, Event
from wattmark.home import Home

AS_OF = dt.date(2026, 11, 4)
OPENED, DECIDED = dt.date(2026, 10, 12), dt.date(2026, 10, 14)
DUE = dt.date(2026, 10, 26)


TARGETS = """\
targets:
  - {figure: confirmed_rate, unit: '*', period: 2026-10, value: 0.5}
  - {figure: confirmed_rate, unit: S1, period: 2026-Q4, value: 0.6}
  - {figure: confirmed_rate, unit: GONE, period: 2026-10, value: 0.6}
  - {figure: composite, unit: GONE, period: 2026-Q4, value: 80}
"""


def test_figures_on_cases_by_unit(
    tmp_path: Path, ops: Engine, warehouse_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    Home(tmp_path).targets.write_text(TARGETS, encoding="utf-8")
    with ops.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ops.staff_login VALUES ('li', 'M1', 'S1', 'worker'), ('wu', NULL, 'S2', 'worker')"
            )
        )
    due = {"due_on": DUE.isoformat(), "why": "found"}
    with connect(warehouse_url) as warehouse:
        append(
            warehouse,
            [
                opened(a_case(name, "COL-03", day=OPENED, amount=amount, **more), [Event(name, AT, OPENED, NIGHT, "open", "", "open", detail=due)])
                for name, amount, more in (
                    ("C1", -100, {}), ("C2", 50, {}), ("C3", 25, {}), ("C4", 10, {"root_cause_case_id": "C3", "cause_kind": "effect_of"}),
                )
            ],
        )  # fmt: skip
        for name, login, decision in (("C1", "li", "dismissed"), ("C2", "wu", "confirmed")):
            proposed = "propose_dismiss" if decision == "dismissed" else "propose_confirm"
            append(
                warehouse,
                [
                    Change(
                        name,
                        [
                            Event(name, AT, DECIDED, login, "take", "open", "assigned"),
                            Event(name, AT, DECIDED, login, proposed, "assigned", decision),
                        ],
                        {"assigned_org_unit_id": "S1" if login == "li" else "S2"},
                    )
                ],
            )
    with session_of(settings_of(tmp_path, warehouse_url), AS_OF) as session:
        found = {
            (row["kpi"], row["id"]): row
            for row in session.query(
                "SELECT kpi, id, numerator, denominator, value, parts, too_few, open_cases, at_stake_amount FROM mart.audit_kpi "
                "WHERE span = 'month' AND period = $period AND kpi IN ('case_on_time', 'confirmed_rate', 'receivable_days')"
            )
            .read_all()
            .to_pylist()
        }
        aimed = session.query(
            "SELECT id, span, target, value, is_over, reached FROM mart.audit_kpi_target ORDER BY span, id"
        ).read_all()
    assert [tuple(row.values()) for row in aimed.to_pylist()] == [
        # Two decided are too few to say whether a target is reached.
        ("K1", "month", 0.5, 0.5, True, None),
        ("P", "month", 0.5, 0.5, True, None),
        ("S1", "month", 0.5, 0.0, True, None),
        ("S2", "month", 0.5, 1.0, True, None),
        ("S1", "quarter", 0.6, 0.0, False, None),
    ]
    assert "targets.yaml names GONE, which is no unit." in caplog.text
    assert "2 of 4 targets are of units that are not there." in caplog.text
    counted = {
        key: (row["numerator"], row["denominator"])
        for key, row in found.items()
        if key[0] != "receivable_days"
    }
    assert counted == {
        # C3 is assigned to nobody, so it is the top unit's own; its effect is left out.
        ("case_on_time", "P"): (1, 3),
        ("case_on_time", "K1"): (1, 2),
        ("case_on_time", "S1"): (1, 1),
        ("case_on_time", "S2"): (0, 1),
        ("confirmed_rate", "P"): (1, 2),
        ("confirmed_rate", "K1"): (1, 2),
        ("confirmed_rate", "S1"): (0, 1),
        ("confirmed_rate", "S2"): (1, 1),
    }
    assert found["case_on_time", "P"]["too_few"] and found["case_on_time", "P"]["parts"] == 3
    behind = {
        unit: (
            found["receivable_days", unit]["open_cases"],
            float(found["receivable_days", unit]["at_stake_amount"]),
        )
        for unit in ("P", "K1", "S1", "S2")
    }
    assert behind == {"P": (3, 75.0), "K1": (1, 50.0), "S1": (0, 0.0), "S2": (1, 50.0)}
