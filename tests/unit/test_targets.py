"""What ``targets.yaml`` may say, and what is said of one that is wrong: file, line, key and what to do."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from tests.unit.test_hostile_yaml import EMPTY
from wattmark.contract import load_contract
from wattmark.derive.target_file import MOST, Target, read_targets
from wattmark.engine.catalog import Catalog
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.night import parameters_hash
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark_sample.aims import put_targets
from wattmark_sample.plan import SamplePlan


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Some key figures as their files say them."""
    names = (
        "reading_rate", "collection_rate", "receivable_days", "rotation_rate", "loss_rate", "plan_on_time", "complaint_on_time",
        "satisfaction", "case_on_time",
    )  # fmt: skip
    folder = PROJECT_ROOT / "include" / "sql" / "kpi"
    files = [read_sql_file(folder / f"{name}.sql", "kpi") for name in names]
    return Catalog(load_contract(), {file.name: file for file in files})


def read(home: Path, catalog: Catalog, text: str) -> list[Target]:
    Home(home).targets.write_text(text, encoding="utf-8")
    return read_targets(home, catalog)


def refused(home: Path, catalog: Catalog, text: str) -> list[WattmarkError]:
    with pytest.raises(WattmarkError) as caught:
        read(home, catalog, text)
    for error in caught.value.errors:
        assert re.match(rf"{Home(home).targets}:\d+: ", error.message) and error.remedy, error
    return list(caught.value.errors)


def test_periods_are_months_quarters_and_years(tmp_path: Path, catalog: Catalog) -> None:
    found = read(
        tmp_path, catalog,
        "targets:\n"
        "  - {figure: reading_rate, unit: '*', period: 2026-09, value: 0.99}\n"
        "  - {figure: receivable_days, unit: S1, period: 2026-Q3, value: 20}\n"
        "  - {figure: composite, unit: '007', period: 2026, value: 80}\n"
        "  - {figure: rotation_rate, unit: S1, period: '2026-12', value: 1}\n",
    )  # fmt: skip
    assert [
        (target.figure, target.unit, target.span, target.first_day, target.value) for target in found
    ] == [
        ("reading_rate", "*", "month", dt.date(2026, 9, 1), 0.99),
        ("receivable_days", "S1", "quarter", dt.date(2026, 7, 1), 20),
        ("composite", "007", "year", dt.date(2026, 1, 1), 80),
        ("rotation_rate", "S1", "month", dt.date(2026, 12, 1), 1),
    ]


def test_a_home_needs_none(tmp_path: Path, catalog: Catalog) -> None:
    assert read_targets(tmp_path, catalog) == []
    assert read(tmp_path, catalog, "targets:\n# - nothing yet\n") == []


@pytest.mark.parametrize(
    ("entry", "key", "said"),
    [
        ("{figure: reading_rat, unit: P, period: 2026, value: 1}", "figure", "no key figure reading_rat"),
        ("{figure: Reading Rate, unit: P, period: 2026, value: 1}", "figure", "match pattern"),
        ("{unit: P, period: 2026, value: 1}", "figure", "required"),
        ("{figure: reading_rate, period: 2026, value: 1}", "unit", "required"),
        ("{figure: reading_rate, unit: , period: 2026, value: 1}", "unit", "'\\*' for every unit"),
        ("{figure: reading_rate, unit: 0101, period: 2026, value: 1}", "unit", "in quotes"),
        ("{figure: reading_rate, unit: ' ', period: 2026, value: 1}", "unit", "at least 1"),
        ('{figure: reading_rate, unit: "S\\e[31m", period: 2026, value: 1}', "unit", "cannot be printed"),
        ("{figure: reading_rate, unit: [P, S1], period: 2026, value: 1}", "unit", "in quotes"),
        ("{figure: reading_rate, unit: P, period: 2026-13, value: 1}", "period", "a month as 2026-09"),
        ("{figure: reading_rate, unit: P, period: 2026-9, value: 1}", "period", "a month as 2026-09"),
        ("{figure: reading_rate, unit: P, period: 2026-09-01, value: 1}", "period", "a month as 2026-09"),
        ("{figure: reading_rate, unit: P, period: 2026-Q5, value: 1}", "period", "a quarter as 2026-Q3"),
        ("{figure: reading_rate, unit: P, period: 202609, value: 1}", "period", "a month as 2026-09"),
        ("{figure: reading_rate, unit: P, period: 26, value: 1}", "period", "a year as 2026"),
        ("{figure: reading_rate, unit: P, period: 2026.0, value: 1}", "period", "a year as 2026"),
        ("{figure: reading_rate, unit: P, period: true, value: 1}", "period", "a year as 2026"),
        ("{figure: reading_rate, unit: P, period: ２０２６, value: 1}", "period", "a year as 2026"),
        ("{figure: reading_rate, unit: P, period: 2026, value: 99.5}", "value", "above 1; reading_rate is a share"),
        ("{figure: composite, unit: P, period: 2026, value: 101}", "value", "up to 100"),
        ("{figure: reading_rate, unit: P, period: 2026, value: -0.1}", "value", "greater than or equal to 0"),
        ("{figure: reading_rate, unit: P, period: 2026, value: 95%}", "value", "a share as 0.95"),
        ("{figure: reading_rate, unit: P, period: 2026, value: '0.95'}", "value", "a share as 0.95"),
        ("{figure: reading_rate, unit: P, period: 2026, value: true}", "value", "a share as 0.95"),
        ("{figure: reading_rate, unit: P, period: 2026, value: }", "value", "a share as 0.95"),
        ("{figure: rotation_rate, unit: P, period: 2026, value: 1}", "period", "by month alone"),
        ("{figure: reading_rate, unit: P, period: 2026, value: 1, floor: 0}", "floor", "not permitted"),
        ('{figure: reading_rate, unit: P, period: 2026, value: 1, "\\e]0;x": 0}', "'\\x1b]0;x'", "not permitted"),
        ("reading_rate", "targets.1", "valid"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_key(
    tmp_path: Path, catalog: Catalog, entry: str, key: str, said: str
) -> None:
    good = "{figure: loss_rate, unit: P, period: 2026, value: 0.05}"
    errors = refused(tmp_path, catalog, f"targets:\n  - {good}\n  - {entry}\n")
    assert len(errors) == 1
    where, told = errors[0].message.split(": ", 1)
    assert where.endswith("targets.yaml:3") and told.split(": ")[0].endswith(key), errors[0]
    assert re.search(said, told) and told.isprintable(), errors[0]


def test_a_target_stands_once(tmp_path: Path, catalog: Catalog) -> None:
    year, other = (f"  - {{figure: loss_rate, unit: P, period: {period}, value: 0.05}}\n" for period in ("2026", "2026-Q1"))  # fmt: skip
    [error] = refused(tmp_path, catalog, f"targets:\n{year}{other}{year.replace('0.05', '0.04')}")
    assert "targets.yaml:4: targets.2: loss_rate of unit P has a target for 2026 already: targets.0" in error.message  # fmt: skip


def test_all_mistakes_are_told_at_once_and_many_shortly(tmp_path: Path, catalog: Catalog) -> None:
    wrong = ["{figure: none, unit: P, period: 2026, value: 1}", "{figure: loss_rate, unit: P, period: 2026, value: 4}"]  # fmt: skip
    assert len(refused(tmp_path, catalog, "targets: [" + ", ".join(wrong) + "]")) == 2
    # What an entry is made of hides nothing that is wrong with the others.
    said = refused(
        tmp_path, catalog, "targets: [" + ", ".join([*wrong, "{figure: loss_rate, unit: 1}"]) + "]"
    )
    assert {
        "targets.0.figure",
        "targets.1.value",
        "targets.2.unit",
        "targets.2.period",
        "targets.2.value",
    } == {error.message.split(": ")[1] for error in said}
    many = "targets:\n" + "".join(f"  - {{figure: f{at}, unit: P, period: 2026, value: 1}}\n" for at in range(60))  # fmt: skip
    errors = refused(tmp_path, catalog, many)
    assert len(errors) == 21 and "40 more" in errors[-1].message
    most = "targets:\n" + "".join(f"  - {{figure: loss_rate, unit: U{at}, period: 2026, value: 1}}\n" for at in range(MOST + 1))  # fmt: skip
    [error] = refused(tmp_path, catalog, most)
    assert str(MOST) in error.message


@pytest.mark.parametrize("text", EMPTY)
def test_an_empty_file_has_none(text: bytes, tmp_path: Path, catalog: Catalog) -> None:
    Home(tmp_path).targets.write_bytes(text)
    assert read_targets(tmp_path, catalog) == []


def test_the_example_is_right_and_says_what_the_pages_show(tmp_path: Path, catalog: Catalog) -> None:
    example = (PROJECT_ROOT / "include" / "cases" / "targets.example.yaml").read_text(encoding="utf-8")
    found = read(tmp_path, catalog, example)
    assert {target.span for target in found} == {"month", "quarter", "year"}


def test_the_sample_utility_has_targets_of_its_last_month_and_those_to_come(
    tmp_path: Path, catalog: Catalog
) -> None:
    put_targets(tmp_path, SamplePlan(accounts=60, as_of=dt.date(2026, 11, 29)))
    found = read_targets(tmp_path, catalog)
    assert {target.period for target in found} == {
        "2026-10", "2026-11", "2026-12", "2027-01", "2026-Q4", "2027-Q1", "2026", "2027",
    }  # fmt: skip
    assert {target.unit for target in found} == {"*", "ORG-P"}
    # What somebody wrote there stays.
    read(tmp_path, catalog, "targets: []\n")
    put_targets(tmp_path, SamplePlan(accounts=60))
    assert read_targets(tmp_path, catalog) == []


def test_runs_under_other_targets_are_told_apart(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    none = parameters_hash(settings)
    Home(tmp_path).targets.write_text("targets: []\n", encoding="utf-8")
    assert parameters_hash(settings) != none
