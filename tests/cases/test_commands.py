"""``wattmark case`` from end to end, on a real warehouse: every step of the table is within reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cases.utility import PATHS, Utility
from wattmark.cases.act import steps_of
from wattmark.cases.commands import case_app
from wattmark.cases.model import CaseError


@pytest.fixture
def home(tmp_path: Path, units_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "settings.yaml").write_text(f"services:\n  warehouse_url: {units_url}\n")
    yield folder


def run(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(case_app, [*arguments, "--home", str(home)], env={"COLUMNS": "300"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_case_is_worked_by_commands(utility: Utility, home: Path) -> None:
    case_id = utility.open(severity="high")
    assert case_id in run(home, "list", "--as", "mei") and "no such case" in run(
        home, "list", "--as", "other"
    )
    for arguments, state in (
        (("take", "--as", "mei", "--version", "1"), "assigned"),
        (("propose", "--as", "mei", "--treatment", "rebill", "--amount", "-5.50", "--responsible-unit", "S2", "--hours", "1"), "proposed"),
        (("return", "--as", "chief", "--why", "which?"), "assigned"),
        (("propose", "--as", "mei", "--treatment", "rebill", "--amount", "-5.50", "--responsible-unit", "S2", "--hours", "1"), "proposed"),
        (("approve", "--as", "chief"), "confirmed"),
        (("hand-back", "--as", "crew", "--why", "not ours"), "assigned"),
        (("propose", "--as", "mei", "--reason", "known_exception", "--until", "2099-01-01", "--hours", "1"), "2099"),
        (("propose", "--as", "mei", "--treatment", "refund", "--amount", "5", "--responsible-unit", "S2", "--hours", "1"), "proposed"),
        (("approve", "--as", "chief"), "confirmed"),
        (("start", "--as", "crew"), "rectifying"),
        (("done", "--as", "crew", "--reference", "order O1", "--hours", "2"), "rectified"),
        (("accept", "--as", "chief", "--why", "seen"), "verified"),
        (("add-work", "--as", "crew", "--reference", "order O2", "--hours", "1"), "verified"),
        (("file", "--as", "chief"), "closed"),
        (("reopen", "--as", "chief", "--why", "once more"), "reopened"),
        (("assign", "--as", "chief", "--unit", "S1", "--staff", "E2"), "assigned"),
        (("move", "--as", "chief", "--unit", "C1"), "assigned"),
        (("extend", "--as", "chief", "--due-on", "2026-10-26", "--why", "ill"), "assigned"),
        (("note", "a word", "--as", "mei"), "assigned"),
    ):  # fmt: skip
        if state == "2099":
            with pytest.raises(CaseError, match="12 months ahead"):
                run(home, arguments[0], case_id, *arguments[1:])
            continue
        assert f"{case_id} is {state}" in run(home, arguments[0], case_id, *arguments[1:]), arguments
    with pytest.raises(CaseError, match="you saw version 1"):
        run(home, "note", case_id, "a word", "--as", "mei", "--version", "1")
    shown = run(home, "show", case_id, "--as", "mei")
    assert "19. " in shown and "mei: note → assigned" in shown and "reference order O1" in shown
    with pytest.raises(CaseError, match="that you may see"):
        run(home, "show", case_id, "--as", "other")
    assert "19 events of 1 cases are whole; no night has written a chain yet" in run(home, "verify-log")


def test_cases_are_opened_linked_and_released_by_commands(utility: Utility, home: Path) -> None:
    assert "MANUAL:account:A1/1 is open" in run(
        home, "open", "--as", "mei", "--account", "A1", "--severity", "low", "--why", "told"
    )
    told = run(
        home,
        "open",
        "--as",
        "mei",
        "--rule",
        "TAR-01",
        "--subject-type",
        "bill",
        "--subject",
        "B9",
        "--period",
        "2026-09",
        "--why",
        "x",
    )
    assert "TAR-01:bill:B9:2026-09 is open" in told
    effect, cause = "TAR-01:bill:B9:2026-09", "MANUAL:account:A1/1"
    run(home, "link", effect, "--cause", cause, "--as", "chief")
    assert f"effect: {effect}" in run(home, "show", cause)
    assert f"{effect} is open, version 3" in run(home, "unlink", effect, "--as", "chief")
    brake = utility.open("TAR-07", subject_type="rule", rule_id="TAR-07", org_unit_id="P")
    assert "is closed" in run(home, "release", brake, "--as", "boss", "--why", "right")
    dismissed = utility.open("B5", PATHS["assigned"], assigned_to="E1")
    assert "is dismissed" in run(
        home, "propose", dismissed, "--as", "mei", "--reason", "duplicate", "--hours", "0.1"
    )
    with pytest.raises(CaseError, match="Either --treatment or --reason"):
        run(home, "propose", brake, "--as", "mei", "--hours", "1")
    assert "TAR-01: tighten" in run(
        home, "decide-rule", "TAR-01", "--decision", "tighten", "--why", "seldom", "--as", "chief"
    )


def test_logins_by_commands(utility: Utility, home: Path) -> None:
    assert "new is worker in unit S3" in run(home, "login", "set", "new", "--role", "worker", "--staff", "E5")
    assert "new" in run(home, "login", "list")
    run(home, "login", "remove", "new")
    assert "new" not in run(home, "login", "list")


def test_every_step_of_people_has_a_command(utility: Utility) -> None:
    from typer.main import get_command

    commands = set(get_command(case_app).commands)  # type: ignore[attr-defined]
    people = {name for name, step in steps_of(utility.settings).steps.items() if set(step.by) != {"night"}}
    said = {name.replace("_", "-") for name in people - {"propose_confirm", "propose_dismiss"}} | {"propose"}
    assert said <= commands
