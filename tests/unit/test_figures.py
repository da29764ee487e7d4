"""Figures of a night for monitoring, and what is in quarantine, as people ask for it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from wattmark import cli
from wattmark.errors import QualityError, SettingsError
from wattmark.lake import Lake
from wattmark.metrics import note_step, write_metrics
from wattmark.quality.quarantine import BROKEN_LINE, MASK, refused
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
Figures = dict[tuple[str, ...], float]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home", metrics={"textfile": str(tmp_path / "figures" / "wattmark.prom")})


def figures(settings: Settings) -> Figures:
    assert settings.metrics.textfile
    return {
        (
            sample.name.removeprefix("wattmark_night_"),
            *(sample.labels[name] for name in sorted(sample.labels)),
        ): sample.value
        for family in text_string_to_metric_families(settings.metrics.textfile.read_text())
        for sample in family.samples
    }


def a_night(settings: Settings, run_id: str) -> None:
    lake = Lake(settings.lake)
    rows = {"source_table": ["meter"], "read_rows": [10], "accepted_rows": [7], "quarantined_rows": [2],
            "superseded_rows": [1], "warned_rows": [0]}  # fmt: skip
    lake.replace("quality.reconciliation", pa.table(rows), metadata={"run_id": run_id})
    found = pa.table({"family": ["TAR", "TAR", "MET"], "severity": ["high", "low", "high"]})
    lake.replace("findings.audit_exception", found, metadata={"run_id": run_id})


def test_a_night_that_succeeded_leaves_all_its_figures(settings: Settings) -> None:
    a_night(settings, RUN.run_id)
    note_step(settings, RUN, "extract meter", 1.25, done=True)
    note_step(settings, RUN, "audit rules", 9.0, done=False)
    note_step(settings, RUN, "audit rules", 4.5, done=True)
    assert write_metrics(settings, RUN, "succeeded") == settings.metrics.textfile
    found = figures(settings)
    assert found["state", "succeeded"] == 1 and found["state", "failed"] == 0
    assert found["step_duration_seconds", "done", "extract meter"] == 1.25
    assert found["step_duration_seconds", "done", "audit rules"] == 4.5
    assert [found["rows", name, "meter"] for name in ("read", "accepted", "quarantined", "superseded")] == [
        10,
        7,
        2,
        1,
    ]
    assert found["findings", "high"] == 2 and found["findings", "low"] == 1
    day = dt.datetime.fromtimestamp(found["as_of_timestamp_seconds",], dt.UTC)
    assert day == dt.datetime(2026, 11, 3, 16, tzinfo=dt.UTC)
    assert abs(found["end_timestamp_seconds",] - dt.datetime.now(dt.UTC).timestamp()) < 60


def test_a_failed_night_leaves_what_it_came_to_and_nothing_of_another(settings: Settings) -> None:
    a_night(settings, "20261103-202610")
    note_step(settings, RUN, "check", 0.5, done=False)
    write_metrics(settings, RUN, "failed")
    found = figures(settings)
    assert found["state", "failed"] == 1 and found["state", "succeeded"] == 0
    assert found["step_duration_seconds", "failed", "check"] == 0.5
    assert not any(key[0] in ("rows", "findings") for key in found)


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    assert write_metrics(load_settings(tmp_path), RUN, "succeeded") is None


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load_settings(tmp_path, metrics={"textfile": str(tmp_path / "file" / "a.prom")})
    with pytest.raises(SettingsError, match=r"file/a\.prom"):
        write_metrics(settings, RUN, "failed")


@pytest.fixture
def refusing(settings: Settings) -> Settings:
    """A home with two tables in quarantine."""
    person = {
        "customer_id": "C1",
        "kind": "person",
        "name": "Liu Yang",
        "mobile": "13800000000",
        "_text": "C1,Liu",
    }
    rows = {
        "customer": [
            ("C1", json.dumps(person), "required:registered_on"),
            ("", json.dumps({"_text": "C9;Liu Yang;broken"}), "csv line 7: Liu Yang has too many columns"),
            ("", json.dumps({"_text": "C8"}), "csv line 9: expected 12"),
        ],
        "meter": [(f"M{at}", json.dumps({"meter_id": f"M{at}"}), "type:installed_on") for at in range(30)],
    }
    for name, given in rows.items():
        table = pa.table(
            {
                "key": [key for key, _, _ in given],
                "row": [row for _, row, _ in given],
                "reason": [reason for _, _, reason in given],
                "file": [f"{name}.csv"] * len(given),
                "run_id": [RUN.run_id] * len(given),
                "first_seen": pa.array([RUN.as_of] * len(given), pa.date32()),
            }
        )
        Lake(settings.lake).replace(f"quarantine.{name}", table)
    return settings


def test_quarantine_is_counted_by_table_and_reason(refusing: Settings) -> None:
    counts = {(count.table, count.reason): count.rows for count in refused(refusing).counts}
    assert counts == {
        ("customer", BROKEN_LINE): 2,
        ("customer", "required:registered_on"): 1,
        ("meter", "type:installed_on"): 30,
    }
    only = refused(refusing, "meter", limit=3)
    assert list(only.rows) == ["meter"] and len(only.rows["meter"].values) == 3
    assert only.rows["meter"].values[0] == (
        "M0",
        "2026-11-04",
        "type:installed_on",
        "meter.csv",
        "meter_id=M0",
    )
    assert not only.masked
    assert refused(refusing, reason="required:registered_on").counts[0].rows == 1
    assert refused(refusing, reason=BROKEN_LINE).counts[0].rows == 2
    assert refused(refusing, reason="no such reason").counts == ()
    assert refused(refusing, limit=0).rows == {}


def test_personal_columns_are_masked_unless_asked_for(refusing: Settings) -> None:
    hidden = refused(refusing, "customer")
    text = str(hidden)
    assert "Liu" not in text and "13800000000" not in text and MASK in text
    assert "customer_id=C1" in text and "kind=person" in text
    assert hidden.masked
    shown = str(refused(refusing, "customer", personal=True))
    assert "name=Liu Yang" in shown and "mobile=13800000000" in shown and MASK not in shown


def test_a_table_of_nobody_is_named(refusing: Settings) -> None:
    with pytest.raises(QualityError, match="no table custmer"):
        refused(refusing, "custmer")


def test_the_command_shows_it(refusing: Settings) -> None:
    if not cli.app.registered_commands:
        cli.mount()
    ended = CliRunner().invoke(
        cli.app, ["quarantine", "customer", "--home", str(refusing.home)], env={"COLUMNS": "200"}
    )
    assert ended.exit_code == 0, ended.output
    assert "required:registered_on" in ended.output and "Liu" not in ended.output
    assert "--personal shows them" in ended.output
    (refusing.home / "empty" / "lake").mkdir(parents=True)
    ended = CliRunner().invoke(cli.app, ["quarantine", "--home", str(refusing.home / "empty")])
    assert "Nothing is in quarantine" in ended.output
