"""A marketer's day: what is made says where it lies and how it is approved, and nothing empty waits."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import openpyxl
from sqlalchemy import Engine
from typer.testing import CliRunner

from tests.campaign.test_lists import NOW, PEOPLE, digest, make, release, rows_of, state_of
from tests.campaign.test_results import events_of, result_session
from tests.campaign.world import AS_OF, TABLES
from wattmark.campaign.commands import campaign_app as app
from wattmark.campaign.report import write_report
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

ONE = "contract-renewal"
NO_EMAIL = TABLES["accepted.consent"].replace("'email', ", "")


def home_of(folder: Path, warehouse_url: str) -> Settings:
    folder.mkdir(exist_ok=True)
    (folder / "settings.yaml").write_text(f"services: {{warehouse_url: '{warehouse_url}'}}\n")
    return load_settings(folder)


def test_what_awaits_approval_says_how_it_is_approved(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = home_of(tmp_path / "home", warehouse_url)
    outcome = make(settings, ops, [ONE])[ONE]
    shown = CliRunner().invoke(app, ["lists", "--home", str(settings.home)], env={"COLUMNS": "300"})
    assert shown.exit_code == 0, shown.output
    for path in outcome.files:
        assert f"{path}: " in shown.output
    command = next(line for line in shown.output.splitlines() if "campaign approve" in line).split()
    assert command[:2] == ["wattmark", "campaign"]
    assert digest(outcome) in command
    assert f"refuse {outcome.campaign_run_id}" in shown.output
    # What is shown is what lets it go: who is named may approve, and the digest is the list's.
    said = dict(zip(command[4::2], command[5::2], strict=True))
    assert release(settings, ops, outcome.campaign_run_id, said["--by"], said["--list-sha256"], NOW)
    after = CliRunner().invoke(app, ["lists", "--home", str(settings.home)])
    assert "No list awaits approval" in after.output
    every = CliRunner().invoke(app, ["lists", "--all", "--home", str(settings.home)], env={"COLUMNS": "300"})
    assert outcome.campaign_run_id in every.output
    assert "released" in every.output


def test_a_channel_of_nobody_is_no_file(tmp_path: Path, ops: Engine) -> None:
    outcome = make(load_settings(tmp_path), ops, [ONE], accepted__consent=NO_EMAIL)[ONE]
    assert sorted(Path(path).name for path in outcome.files) == ["post.csv", "post.pdf", "sms.csv"]
    lists = [path for path in outcome.files if path.endswith(".csv")]
    assert all(row["is_seed"] == "false" for path in lists for row in rows_of(path)[:1])


def test_a_channel_that_everybody_left_leaves_no_file(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(tmp_path / "out")})
    outcome = make(settings, ops, [ONE])[ONE]
    assert "email.csv" in {Path(path).name for path in outcome.files}
    assert release(
        settings,
        ops,
        outcome.campaign_run_id,
        "head-of-contracts",
        digest(outcome),
        NOW,
        accepted__consent=NO_EMAIL,
    )
    folder = Path(outcome.files[0]).parent
    manifest = json.loads((folder / "manifest.json").read_text())
    names = {entry["file"] for entry in manifest["files"]}
    assert names == {"post.csv", "post.pdf", "sms.csv"}
    lists = {"post.csv", "sms.csv"}
    assert {path.name for path in folder.glob("*.csv")} == lists
    assert {path.name for path in (tmp_path / "out" / outcome.campaign_run_id).glob("*.csv")} == lists
    assert make(settings, ops, [ONE])[ONE].state == "released"


def test_a_list_of_nobody_awaits_nothing(tmp_path: Path, ops: Engine) -> None:
    outcome = make(
        load_settings(tmp_path), ops, [ONE], accepted__consent=TABLES["accepted.consent"] + " AND FALSE"
    )[ONE]
    assert (outcome.state, outcome.files) == ("refused", [])
    assert state_of(ops, outcome.campaign_run_id) == "refused"


def test_the_report_knows_what_was_released_a_minute_ago(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, [ONE])[ONE]
    nothing = events_of([])
    with result_session(settings, AS_OF, nothing) as session:
        before = write_report(session, tmp_path / "before", ops)
        assert "results from the next night on" not in before.read_text(encoding="utf-8")
        release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
        after = write_report(session, tmp_path / "after", ops)
    assert "results from the next night on" in after.read_text(encoding="utf-8")
    page = (tmp_path / "after" / f"{ONE}.html").read_text(encoding="utf-8")
    assert outcome.campaign_run_id in page
    assert "2026-11-03 09:00" in page
    assert "No list of this campaign has been released yet" not in page


def test_the_example_checks_and_runs(tmp_path: Path, ops: Engine) -> None:
    text = CliRunner().invoke(app, ["example"]).output
    assert text == (PROJECT_ROOT / "include/campaigns/example/every-key.yaml").read_text(encoding="utf-8")
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "mine.yaml").write_text(text, encoding="utf-8")
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["every-key"])["every-key"]
    assert outcome.problem == ""
    assert (outcome.state, outcome.listed > 0, outcome.control > 0) == ("awaiting_approval", True, True)
    rows = 0
    for path in outcome.files:
        sheet = openpyxl.load_workbook(path).active
        assert sheet is not None
        assert sheet.title == f"every-key {Path(path).stem}".replace(".", " ")
        read = list(sheet.iter_rows(values_only=True))
        first = dict(zip(read[0], read[1], strict=True))
        assert isinstance(first["send_on"], dt.datetime)
        assert first["is_seed"] is False
        rows += len(read) - 1
    assert rows == outcome.listed + len(outcome.files)
    assert 0 < outcome.considered <= PEOPLE
