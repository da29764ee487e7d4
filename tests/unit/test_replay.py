"""Replays and previews on a real lake: two nights, between which an account grew."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from wattmark import night
from wattmark.audit.commands import audit
from wattmark.audit.replay import ReplayError, audited_run, money, preview, published, replay, versions_of
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import run_family
from wattmark.engine.catalog import catalog_of
from wattmark.engine.session import DuckDBSession
from wattmark.errors import SettingsError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

FIRST, SECOND = (Run.of(dt.date(2026, 11, day), "Asia/Shanghai") for day in (4, 5))
RULE = "MET-11"


def hold_night(settings: Settings, run: Run, kva: dict[str, float]) -> None:
    """What a night leaves of accounts metered on the low side, and of one rule."""
    schema = catalog_of(settings).contract.tables["account"].accepted_schema
    accounts = [
        {"account_id": account, "customer_id": "C1", "org_unit_id": f"U{account[1]}", "status": "active",
         "opened_on": dt.date(2020, 1, 1), "metering_mode": "hv_lv", "contracted_kva": size}
        for account, size in kva.items()
    ]  # fmt: skip
    rows = [{field.name: account.get(field.name) for field in schema} for account in accounts]
    Lake(settings.lake).replace("accepted.account", pa.Table.from_pylist(rows, schema=schema))
    with DuckDBSession(settings, run) as session:
        run_family(session, [all_rules(session.catalog)[RULE]], "MET")
    night.note_versions(settings, run)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = load_settings(tmp_path_factory.mktemp("home"))
    hold_night(made, FIRST, {"A1": 400, "A2": 600, "A3": 499})
    hold_night(made, SECOND, {"A1": 800, "A2": 600, "A3": 499, "A4": 5000})
    return made


def subjects(findings: object) -> list[str]:
    return [finding.subject_id for finding in findings]  # type: ignore[attr-defined]


def test_a_replay_knows_only_what_was_known_that_day(settings: Settings) -> None:
    done = replay(settings, FIRST, RULE)
    assert subjects(done.findings) == ["A2"] and done.coverage.should_check == 3
    assert done.published is not None and subjects(done.published) == ["A2"]
    assert done.gained == [] and done.lost == []


def test_the_last_night_replays_as_it_was(settings: Settings) -> None:
    assert subjects(replay(settings, SECOND, RULE).findings) == ["A1", "A2", "A4"]


def test_a_replay_writes_nothing(settings: Settings) -> None:
    lake = Lake(settings.lake)
    before = {name: lake.version(name) for name in lake.tables()}
    replay(settings, FIRST, RULE)
    preview(settings, SECOND, RULE, {"min_kva": 700})
    assert {name: lake.version(name) for name in lake.tables()} == before


def test_a_replay_shows_what_a_changed_parameter_would_have_found_then(settings: Settings) -> None:
    override = {"value": 400, "since": dt.date(2026, 11, 6), "reason": "wider look"}
    wider = load_settings(settings.home, parameters={RULE: {"min_kva": override}})
    done = replay(wider, FIRST, RULE)
    assert subjects(done.gained) == ["A1", "A3"] and done.lost == []


def test_a_replay_goes_by_what_was_in_force_on_its_day(settings: Settings) -> None:
    steps = [{"value": 400}, {"from": SECOND.as_of, "value": 700}]
    override = {"value": steps, "since": SECOND.as_of, "reason": "changed on the second day"}
    dated = load_settings(settings.home, parameters={RULE: {"min_kva": override}})
    first, second = replay(dated, FIRST, RULE), replay(dated, SECOND, RULE)
    assert subjects(first.findings) == ["A1", "A2", "A3"] and subjects(second.findings) == ["A1", "A4"]
    told = [
        (done.findings[0].evidence["min_kva"], done.findings[0].evidence["min_kva_from"])
        for done in (first, second)
    ]
    assert told == [(400, None), (700, "2026-11-05")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"utility": {"country": "DE"}}, "BUS-04 is CN's and the utility is in DE"),
        ({"audit": {"rules": {"BUS-04": {"enabled": False}}}}, "BUS-04 is switched off"),
    ],
)
def test_a_rule_that_is_not_used_is_not_replayed(
    settings: Settings, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        replay(load_settings(settings.home, **changed), FIRST, "BUS-04")


def test_the_command_says_where_a_rule_was_another_thing_that_day(settings: Settings) -> None:
    done = CliRunner().invoke(
        audit, ["replay", "BUS-04", "--as-of", "2026-11-04", "--home", str(settings.home)]
    )
    assert done.exit_code == 0 and "The rule was a listing that day." in done.output


def test_another_month_of_the_same_day_reads_the_same_versions(settings: Settings) -> None:
    other = Run.of(FIRST.as_of, "Asia/Shanghai", dt.date(2026, 8, 1))
    assert versions_of(settings, other) == versions_of(settings, FIRST)
    assert published(settings, other, RULE) is None


def test_a_date_that_was_never_published_is_refused_naming_those_that_were(settings: Settings) -> None:
    with pytest.raises(ReplayError, match=r"2026-11-03 .*Published dates: 2026-11-04, 2026-11-05"):
        replay(settings, Run.of(dt.date(2026, 11, 3), "Asia/Shanghai"), RULE)


def test_a_home_without_an_audit_has_no_last_run(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="no audit has run"):
        audited_run(load_settings(tmp_path))


def test_the_last_audited_run_is_the_newest(settings: Settings) -> None:
    assert audited_run(settings) == SECOND


@pytest.mark.parametrize(
    ("limit", "gained", "lost"),
    [(499, ["A3"], []), (500, [], []), (601, [], ["A2"]), (5001, [], ["A1", "A2", "A4"])],
)
def test_a_preview_tells_what_is_gained_and_lost(
    settings: Settings, limit: float, gained: list[str], lost: list[str]
) -> None:
    done = preview(settings, SECOND, RULE, {"min_kva": limit})
    assert subjects(done.gained) == gained and subjects(done.lost) == lost
    assert done.before == {"min_kva": 500} and done.after == {"min_kva": limit}
    assert done.units == {
        f"U{number[1]}": (int(number in gained), int(number in lost)) for number in sorted(gained + lost)
    }
    assert money(done.gained) == (0, 0)


def test_a_preview_of_an_earlier_date_reads_that_dates_rows(settings: Settings) -> None:
    done = preview(settings, FIRST, RULE, {"min_kva": 400})
    assert subjects(done.found) == ["A2"] and subjects(done.would_find) == ["A1", "A2", "A3"]


def test_a_preview_starts_from_the_utilitys_own_value(settings: Settings) -> None:
    override = {"value": 1000, "since": dt.date(2026, 1, 1), "reason": "large ones only"}
    own = load_settings(settings.home, parameters={RULE: {"min_kva": override}})
    done = preview(own, SECOND, RULE, {"min_kva": 500})
    assert done.before == {"min_kva": 1000} and subjects(done.gained) == ["A1", "A2"]


@pytest.mark.parametrize(
    ("rule", "values", "text"),
    [
        (RULE, {"min_kva": -1}, "below the lowest allowed, 0"),
        (RULE, {"min_kva": "much"}, "is not a number"),
        (RULE, {"max_kva": 1}, "MET-11 has no parameter max_kva.*min_kva"),
        ("MET-99", {"min_kva": 1}, "there is no rule MET-99.*MET-11"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    settings: Settings, rule: str, values: dict[str, object], text: str
) -> None:
    with pytest.raises(SettingsError, match=text):
        preview(settings, SECOND, rule, values)


def test_the_commands_print_titles_in_both_languages(settings: Settings) -> None:
    told = CliRunner().invoke(
        audit, ["replay", RULE, "--as-of", "2026-11-04", "--home", str(settings.home), "--language", "zh"]
    )
    assert told.exit_code == 0, told.output
    assert "500kVA及以上采用高供低计" in told.output and "The same as that night published." in told.output
    told = CliRunner().invoke(audit, ["preview", RULE, "--set", "min_kva=700", "--home", str(settings.home)])
    assert told.exit_code == 0, told.output
    assert "Large account metered on the low side" in told.output and "min_kva: 500 → 700" in told.output
    assert "A2" in told.output.split("Lost: 1")[1]


def test_a_set_without_a_value_is_refused(settings: Settings) -> None:
    told = CliRunner().invoke(audit, ["preview", RULE, "--set", "min_kva", "--home", str(settings.home)])
    assert isinstance(told.exception, SettingsError)
