"""State between nights on a real lake: reruns, backfills, the contract, and any number of threads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from wattmark.engine.session import DuckDBSession
from wattmark.errors import WattmarkError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.segment import contract, state
from wattmark.settings import load_settings

METHODS = ("static", "behaviour", "value", "cluster", "association", "composite")


def _night(
    home: Path, day: dt.date, segments: Mapping[str, str], *, keep: bool = True, limit: int = 1
) -> tuple[list[tuple], contract.Verdict]:
    """One night whose segments are given; returns the history rows of method composite and the verdict."""
    settings = load_settings(
        home,
        parameters={
            "segment.migration": {
                "min_customers": {"value": limit, "since": dt.date(2026, 1, 1), "reason": "test"}
            }
        },
    )
    with DuckDBSession(settings, Run.of(day, settings.utility.time_zone)) as session:
        rows = [
            {"customer_id": who, "method": method, "segment": what, "score": 1.0}
            for who, what in segments.items()
            for method in METHODS
        ]
        session.give(
            "segment.customer_segment",
            pa.Table.from_pylist(rows, schema=_schema(customer_id="s", method="s", segment="s", score="d")),
        )
        session.give(
            "segment.customer_composite",
            pa.Table.from_pylist(
                [{"customer_id": who, "segment": what} for who, what in segments.items()],
                schema=_schema(customer_id="s", segment="s"),
            ),
        )
        session.give(
            "segment.model",
            _schema(
                model="s", role="s", trained_on="t", kind="s", name="s", value="d", in_use="b"
            ).empty_table(),
        )
        session.give(
            "segment.load_centroid",
            _schema(load_profile="i", name="s", position="i", value="d").empty_table(),
        )
        session.give(
            "segment.lookalike_model",
            _schema(model="s", trained_on="t", kind="s", name="s", value="d", in_use="b").empty_table(),
        )
        session.give(
            "segment.value_centroid",
            _schema(value_cluster="i", name="s", current_part="d", potential_part="d").empty_table(),
        )
        session.give(
            "segment.grade_then",
            _schema(
                customer_id="s", grade="s", objective_tier="i", behaviour_tier="i", graded_on="t", basis="s"
            ).empty_table(),
        )
        session.give("segment.service_rule", state.TABLES["service_rule"].remove(9).empty_table())
        session.give(
            "segment.customer_grade",
            pa.Table.from_pylist(
                [
                    {
                        "customer_id": who, "is_graded": True, "grade": what[0].upper(), "objective_tier": 1, "behaviour_tier": 1,
                        "behaviour_score": 0.5, "value_score": 1.0, "is_key_account": False, "emerging_key_account": False,
                    }
                    for who, what in segments.items()
                ],
                schema=_schema(customer_id="s", is_graded="b", grade="s", objective_tier="i", behaviour_tier="i", behaviour_score="d", value_score="d", is_key_account="b", emerging_key_account="b"),
            ),
        )  # fmt: skip
        for name in ("segment.segment_change", "segment.migration"):
            session.give(
                name, session.duck.sql(session.result_sql(session.catalog.tables[name])).to_arrow_table()
            )
        found = contract.verdict(session)
        history = (
            session.duck.sql(session.result_sql(session.catalog.tables["mart.segment_history"]))
            .to_arrow_table()
            .to_pylist()
        )
        if keep:
            state.keep_state(session)
    return sorted(
        (
            r["customer_id"],
            r["valid_from"].isoformat(),
            r["valid_to"] and r["valid_to"].isoformat(),
            r["segment"],
        )
        for r in history
        if r["method"] == "composite"
    ), found


def _schema(**columns: str) -> pa.Schema:
    kinds = {"s": pa.string(), "d": pa.float64(), "i": pa.int64(), "b": pa.bool_(), "t": pa.date32()}
    return pa.schema([(name, kinds[kind]) for name, kind in columns.items()])


D1, D2, D3 = dt.date(2026, 11, 1), dt.date(2026, 11, 2), dt.date(2026, 11, 3)


def test_a_rerun_sees_what_the_first_run_saw(tmp_path: Path) -> None:
    _night(tmp_path, D1, {"C1": "a", "C2": "a"})
    first, verdict = _night(tmp_path, D2, {"C1": "b", "C2": "a"})
    again, verdict_again = _night(tmp_path, D2, {"C1": "b", "C2": "a"})
    assert (
        first
        == again
        == [
            ("C1", "2026-11-01", "2026-11-01", "a"),
            ("C1", "2026-11-02", None, "b"),
            ("C2", "2026-11-01", None, "a"),
        ]
    )
    assert verdict == verdict_again
    assert verdict.shares["composite"] == 0.5


def test_an_older_date_filled_in_later_changes_nothing_of_the_newer(tmp_path: Path) -> None:
    _night(tmp_path, D1, {"C1": "a", "C2": "a"})
    _night(tmp_path, D3, {"C1": "a", "C2": "a", "C3": "c"})
    filled, _ = _night(tmp_path, D2, {"C1": "b", "C2": "a"})
    assert filled == [
        ("C1", "2026-11-01", "2026-11-01", "a"),
        ("C1", "2026-11-02", None, "b"),
        ("C2", "2026-11-01", None, "a"),
    ]
    # The fourth sees all three: back to a on the third, as that night said.
    after, verdict = _night(tmp_path, dt.date(2026, 11, 4), {"C1": "a", "C2": "a", "C3": "c"})
    assert after == [
        ("C1", "2026-11-01", "2026-11-01", "a"), ("C1", "2026-11-02", "2026-11-02", "b"), ("C1", "2026-11-03", None, "a"),
        ("C2", "2026-11-01", None, "a"), ("C3", "2026-11-03", None, "c"),
    ]  # fmt: skip
    assert verdict.shares["composite"] == 0.0


def test_a_month_keeps_the_grades_of_its_last_night(tmp_path: Path) -> None:
    _night(tmp_path, dt.date(2026, 10, 30), {"C1": "d"})
    _night(tmp_path, dt.date(2026, 10, 29), {"C1": "e"})
    settings = load_settings(tmp_path)
    with DuckDBSession(settings, Run.of(D1, settings.utility.time_zone)) as session:
        assert [row["grade"] for row in state.newest_before(session, "grade").to_pylist()] == ["D"]


def test_the_first_night_and_an_empty_utility_keep_the_contract(tmp_path: Path) -> None:
    history, verdict = _night(tmp_path, D1, {})
    assert (history, verdict.kept) == ([], True)
    _, verdict = _night(tmp_path, D2, {"C1": "a"})
    assert verdict.kept


def test_too_much_migration_is_refused_with_its_cause(tmp_path: Path) -> None:
    _night(tmp_path, D1, {f"C{n}": "a" for n in range(10)})
    _, kept = _night(tmp_path, D2, {f"C{n}": "b" if n < 1 else "a" for n in range(10)}, keep=False)
    assert kept.shares["composite"] == 0.1
    assert not any("composite" in problem for problem in kept.broken), "at the limit is kept"
    _, broken = _night(tmp_path, D2, {f"C{n}": "b" if n < 2 else "a" for n in range(10)}, keep=False)
    assert any(problem.startswith("composite: 2 of 10") for problem in broken.broken)
    assert broken.cause.startswith("data behind")
    # A refused night leaves nothing behind: the next is measured against the last good one.
    _, next_night = _night(tmp_path, D3, {f"C{n}": "b" if n < 2 else "a" for n in range(10)}, keep=False)
    assert next_night.shares["composite"] == 0.2


def test_a_changed_definition_is_the_cause(tmp_path: Path) -> None:
    _night(tmp_path, D1, {f"C{n}": "a" for n in range(10)}, limit=1)
    _, broken = _night(tmp_path, D2, {f"C{n}": "b" for n in range(10)}, limit=2)
    assert broken.cause == "definition: segment.migration"


def test_nobody_may_be_left_unassigned(tmp_path: Path) -> None:
    _, broken = _night(tmp_path, D1, {"C1": "unassigned"}, keep=False)
    assert not broken.kept
    assert "decision table" in broken.cause
    assert issubclass(contract.SegmentContractError, WattmarkError)


def test_grades_of_an_earlier_version_are_read_without_what_they_did_not_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    schema = state.TABLES["grade"].remove(state.TABLES["grade"].get_field_index("behaviour_score"))
    old = {"customer_id": "C1", "grade": "A", "month": dt.date(2026, 10, 1), "as_of": dt.date(2026, 10, 31)}
    Lake(settings.lake).replace(
        "segment_state.grade",
        pa.Table.from_pylist([{name: old.get(name) for name in schema.names}], schema=schema),
        partition_by=["month"],
    )
    with DuckDBSession(settings, Run.of(D3, settings.utility.time_zone)) as session:
        rows = session.query(
            "SELECT g.customer_id, g.behaviour_score FROM segment_state.grade AS g"
        ).read_all()
    assert rows.to_pylist() == [{"customer_id": "C1", "behaviour_score": None}]
