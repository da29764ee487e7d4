"""The runner of golden cases: a difference is shown row by row, and a case that is wrong in itself says where."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wattmark import golden
from wattmark.golden import FOUND, WANTED, Case, GoldenError, cases_of, find_cases, run_case

TABLE = """\
- name: %(name)s
  as_of: 2026-11-04
  given:
    source.account:
      - {account_id: A1, status: active, opened_on: 2020-01-01}
      - {account_id: A2, status: closed, opened_on: 2020-01-01}
      - {account_id: A3, status: suspended, opened_on: 2021-01-01%(more)s}
  expect:
    rows: [%(rows)s]
"""
ROWS = "{account_id: A1, opened_on: 2020-01-01}, {account_id: A3, opened_on: 2021-01-01}"


def case(folder: Path, *, rows: str = ROWS, more: str = "", name: str = "live ones") -> Case:
    file = folder / "live_account.yaml"
    file.write_text(TABLE % {"rows": rows, "more": more, "name": name})
    return cases_of(file, "core.live_account")[0]


def test_what_is_as_wanted_makes_no_difference(tmp_path: Path) -> None:
    assert not run_case(case(tmp_path), tmp_path / "home")


def test_a_row_that_differs_stands_beside_the_one_that_was_wanted(tmp_path: Path) -> None:
    wanted = "{account_id: A1, opened_on: 2020-01-01}, {account_id: A3, opened_on: 2021-01-02}, {account_id: A9, opened_on: 1999-01-01}"
    found = run_case(case(tmp_path, rows=wanted), tmp_path / "home")
    assert found.headings == ("", "account_id", "opened_on")
    assert found.rows == (
        (WANTED, "A3", "2021-01-02"), (FOUND, "A3", "2021-01-01"), (WANTED, "A9", "1999-01-01"),
    )  # fmt: skip
    assert str(found).splitlines() == [
        "        account_id  opened_on", "wanted  A3          2021-01-02",
        "found   A3          2021-01-01", "wanted  A9          1999-01-01",
    ]  # fmt: skip


def test_rows_that_nobody_wanted_are_shown(tmp_path: Path) -> None:
    found = run_case(case(tmp_path, rows="{account_id: A1, opened_on: 2020-01-01}"), tmp_path / "home")
    assert found.rows == ((FOUND, "A3", "2021-01-01"),)


def test_a_rule_is_compared_point_by_point(tmp_path: Path) -> None:
    body = next(
        golden_case for golden_case in find_cases("ACC-01") if golden_case.body["expect"]["flagged"]
    ).body
    flagged = list(map(str, body["expect"]["flagged"]))
    wrong = {**body, "expect": {"flagged": [*flagged, "ZZ"], "should_check": 999, "at_stake": {"ZZ": 1.0}}}
    file = tmp_path / "ACC-01.yaml"
    file.write_text("- {name: x, expect: {}}\n")
    found = run_case(Case(file, "audit.ACC-01", 0, wrong), tmp_path / "home")
    assert [row[0] for row in found.rows] == ["flagged", "should_check", "at_stake ZZ"]
    assert found.rows[1][1] == "999" and found.rows[2][2] == "(empty)"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"more": ", colour: red"}, r"yaml:\d+: live ones: source.account has no column colour"),
        ({"more": ", contracted_kva: much"}, r"yaml:\d+: live ones: source.account: a value does not fit"),
        ({"rows": "{account: A1}"}, r"yaml:\d+: live ones: core.live_account has no column account"),
    ],
)
def test_a_case_that_is_wrong_in_itself_says_where(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(GoldenError, match=said):
        run_case(case(tmp_path, **changes), tmp_path / "home")


def test_two_cases_of_one_name_and_a_case_without_one_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("- {name: a, expect: {}}\n- {name: a, expect: {}}\n")
    with pytest.raises(GoldenError, match=r"x\.yaml:2: a: two cases"):
        cases_of(file, "core.x")
    file.write_text("- {name: a, expect: {}}\n- {expect: {}}\n")
    with pytest.raises(GoldenError, match=r"x\.yaml:2: a case has"):
        cases_of(file, "core.x")


def test_the_command_shows_the_difference_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    golden.register(app)
    (tmp_path / "core").mkdir()
    case(tmp_path / "core", rows="{account_id: A1, opened_on: 2020-01-02}")
    monkeypatch.setattr(golden, "find_cases", lambda name: find_cases(name, tmp_path))
    ended = CliRunner().invoke(app, ["golden", "core.live_account"], env={"COLUMNS": "120"})
    assert ended.exit_code == 1
    assert "✗ core.live_account: live ones" in ended.output and "live_account.yaml:1" in ended.output
    lines = [line.split() for line in ended.output.splitlines()]
    assert ["wanted", "│", "A1", "│", "2020-01-02"] in lines and [
        "found",
        "│",
        "A1",
        "│",
        "2020-01-01",
    ] in lines
    case(tmp_path / "core")
    ended = CliRunner().invoke(app, ["golden", "core.live_account: live"])
    assert ended.exit_code == 0 and ended.output.startswith("✓")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("core.live_acount", "Is core.live_account meant"),
        ("TAR-99", "TAR-"),
        ("TAR-03: nothing like it", "It has: "),
    ],
)
def test_a_name_that_leads_nowhere_says_what_there_is(name: str, said: str) -> None:
    with pytest.raises(GoldenError, match=said):
        find_cases(name)
