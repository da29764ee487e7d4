"""``wattmark table``: one table built from the lake of a home, and nothing of the lake changed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from wattmark import table
from wattmark.audit.runner import FINDINGS
from wattmark.contract.types import arrow_type
from wattmark.engine.catalog import load_catalog
from wattmark.engine.produced import PRODUCED
from wattmark.errors import SqlFileError, WattmarkError
from wattmark.golden import rows_given
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.table import plan, show

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
ACCOUNTS = [
    {
        "account_id": f"A{at}",
        "customer_id": "C1",
        "account_name": "Li",
        "status": status,
        "opened_on": "2020-01-01",
    }
    for at, status in enumerate(("active", "closed", "suspended"), 1)
]
BILLS = [
    {"bill_id": "B1", "account_id": "A1", "issued_at": "2026-11-01 08:00", "period": "2026-10-01"},
    {"bill_id": "B2", "account_id": "A1", "issued_at": "2026-11-02 08:00", "period": "2026-10-01", "corrects_bill_id": "B1"},
]  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose lake holds a little of a night."""
    made = load_settings(tmp_path_factory.mktemp("table") / "home")
    lake, catalog = Lake(made.lake), load_catalog(made.include)
    for name, rows in {"account": ACCOUNTS[:2], "bill": BILLS}.items():
        lake.replace(f"accepted.{name}", rows_given(f"source.{name}", rows, catalog, made))
    folder = made.home / "state" / "versions"
    folder.mkdir(parents=True)
    before = {f"accepted.{name}": lake.version(f"accepted.{name}") for name in ("account", "bill")}
    (folder / "20261103-202610.json").write_text(json.dumps(before))
    lake.replace("accepted.account", rows_given("source.account", ACCOUNTS, catalog, made))
    findings = pa.schema([(name, arrow_type(kind)) for name, kind in PRODUCED[FINDINGS].items()])
    lake.replace(FINDINGS, findings.empty_table(), metadata={"run_id": RUN.run_id})
    return made


def test_a_stored_table_is_built_and_not_stored(settings: Settings) -> None:
    shown = show(settings, "facts.bill_correction")
    assert shown.rows == 1
    row = dict(zip(shown.columns, shown.values[0], strict=True))
    assert (row["bill_id"], row["correction_bill_id"]) == ("B1", "B2")
    assert not Lake(settings.lake).exists("facts.bill_correction")


def test_a_view_a_source_table_and_a_limit(settings: Settings) -> None:
    live = show(settings, "core.live_account")
    assert [row[0] for row in live.values] == ["A1", "A3"]
    some = show(settings, "source.account", limit=2)
    assert (some.rows, len(some.values)) == (3, 2)


def test_personal_values_are_masked_unless_asked_for(settings: Settings) -> None:
    for name in ("source.account", "core.live_account"):
        hidden = show(settings, name)
        assert hidden.masked and "Li" not in str(hidden.values)
        assert "Li" in str(show(settings, name, personal=True).values)


def test_an_earlier_night_knows_what_it_knew(settings: Settings) -> None:
    earlier = show(settings, "core.live_account", as_of=dt.date(2026, 11, 3))
    assert [row[0] for row in earlier.values] == ["A1"] and earlier.run.as_of == dt.date(2026, 11, 3)
    with pytest.raises(WattmarkError, match="no night of 2026-10-01"):
        show(settings, "core.live_account", as_of=dt.date(2026, 10, 1))


def test_a_rule_shows_what_it_looks_at(settings: Settings) -> None:
    shown = show(settings, "ACC-01")
    assert "flagged" in shown.columns and shown.name == "audit.ACC-01"


def test_a_plan_says_what_is_read_and_from_where(settings: Settings) -> None:
    parts = dict(plan(settings, "facts.bill_correction"))
    assert "source.bill: accepted.bill in the lake, version 0" in parts["Reads"]
    assert any(heading.startswith("Statement, of ") and "bill_correction.sql" in heading for heading in parts)
    assert "READ_PARQUET" in parts["Plan"].upper()
    assert "Made by" in dict(plan(settings, "core.text_key"))


def test_a_name_that_leads_nowhere_is_asked_after(settings: Settings) -> None:
    with pytest.raises(SqlFileError, match=r"Is facts\.bill_net meant"):
        show(settings, "facts.bil_net")


def test_a_home_without_a_night_says_so(tmp_path: Path) -> None:
    with pytest.raises(WattmarkError, match="no audit has run"):
        show(load_settings(tmp_path), "core.live_account")


def test_the_command(settings: Settings) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    table.register(app)
    where = ["--home", str(settings.home)]
    ended = CliRunner().invoke(
        app, ["table", "facts.bill_correction", "--limit", "5", *where], env={"COLUMNS": "200"}
    )
    assert ended.exit_code == 0, ended.output
    assert "1 of 1 rows, as of 2026-11-04" in ended.output and "B2" in ended.output
    ended = CliRunner().invoke(app, ["table", "source.account", *where], env={"COLUMNS": "60"})
    assert "row 1" in ended.output and "--personal shows them" in ended.output
    ended = CliRunner().invoke(app, ["table", "facts.bill_correction", "--plan", *where])
    assert ended.exit_code == 0 and "Plan" in ended.output
