"""Reviews on a real warehouse: which are due, what each finds and who sees to it, what became of the last one's, rerun, both languages."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pypdf
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from tests.cases.review_world import OCTOBER, SEPTEMBER, ReviewWorld
from wattmark.cases.model import CaseConflictError, CaseError
from wattmark.cases.review.commands import review_app
from wattmark.cases.review.document import document
from wattmark.cases.review.make import PDF, ReviewError, periods
from wattmark.cases.review.spans import Period, due, newest
from wattmark.cases.review.store import close_item
from wattmark.cases.rights import who
from wattmark.errors import PublishError
from wattmark.publish.ops import libpq_url
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark.yamlfile import read_mapping

D = dt.date
OCT_15 = D(2026, 10, 15)


@pytest.fixture
def world(ops: Engine, no_marts: None, warehouse_url: str, tmp_path: Path) -> Iterator[ReviewWorld]:
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        made = ReviewWorld(connection, warehouse_url, tmp_path / "home")
        yield made
        connection.execute("DROP TABLE mart_store.current_run, mart_store.closing_run")


@pytest.fixture
def utility(world: ReviewWorld) -> ReviewWorld:
    world.utility()
    world.login("ling", "S1", "P")
    world.login("zhao", "S3", "U1")
    return world


def pdf_text(file: Path) -> str:
    pages = pypdf.PdfReader(io.BytesIO(file.read_bytes())).pages
    return "\n".join(page.extract_text() for page in pages).replace("\x00", "")


# --- which are due ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "as_of", "first"),
    [
        ("day", D(2026, 10, 15), D(2026, 10, 15)),
        ("week", D(2026, 10, 17), D(2026, 10, 5)),
        ("week", D(2026, 10, 18), D(2026, 10, 12)),
        ("month", D(2026, 10, 31), D(2026, 9, 1)),
        ("month", D(2026, 11, 1), D(2026, 10, 1)),
        ("quarter", D(2026, 12, 31), D(2026, 7, 1)),
        ("quarter", D(2027, 1, 1), D(2026, 10, 1)),
        ("year", D(2026, 12, 31), D(2025, 1, 1)),
        ("year", D(2027, 1, 1), D(2026, 1, 1)),
    ],
)
def test_a_period_is_reviewed_once_all_of_it_is_known(span: str, as_of: D, first: D) -> None:
    assert newest(span, as_of).first == first  # type: ignore[arg-type]


def test_missed_periods_are_caught_up_oldest_first() -> None:
    weeks = [review_period.first for review_period in due("week", D(2026, 10, 20), D(2026, 9, 21))]
    assert weeks == [D(2026, 9, 28), D(2026, 10, 5), D(2026, 10, 12)]
    assert [review_period.first for review_period in due("week", D(2026, 10, 20), D(2026, 10, 12))] == []
    assert [review_period.first for review_period in due("month", D(2026, 10, 20), None)] == [SEPTEMBER]
    assert len(list(due("month", D(2026, 10, 20), D(2020, 1, 1)))) == 12
    assert Period.of("quarter", D(2026, 2, 3)) == Period("quarter", D(2026, 1, 1), D(2026, 3, 31))


def test_each_night_makes_what_it_owes_and_a_missed_one_is_caught_up(utility: ReviewWorld) -> None:
    utility.night(D(2026, 10, 18))
    assert {(review.period.span, review.row["org_unit_id"]) for review in utility.take()} == {
        ("day", "P"), *((span, unit) for span in ("week", "month", "quarter", "year") for unit in ("P", "U1")),
    }  # fmt: skip
    # The nights of three days and a week's end are missing.
    utility.night(D(2026, 10, 26))
    made = utility.take()
    assert [(review.period.span, review.period.first) for review in made if review.row["org_unit_id"] == "P"] == [
        ("day", D(2026, 10, 26)), ("week", D(2026, 10, 19)),
    ]  # fmt: skip
    told = utility.connection.execute(
        "SELECT from_on, to_on FROM ops.review WHERE span = 'day' ORDER BY period"
    ).fetchall()
    assert told == [(D(2026, 10, 18), D(2026, 10, 18)), (D(2026, 10, 19), D(2026, 10, 26))]


def test_an_older_night_and_one_whose_cases_have_not_followed_make_none(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.take("day")
    utility.night(D(2026, 10, 14))
    assert utility.take("day") == []
    utility.night(D(2026, 10, 16), closed=False)
    assert utility.take("day") == []
    assert utility.reviews() == [("day", "2026-10-15", "P")]


# --- what is found ---------------------------------------------------------------------------------------


def test_a_month_finds_what_is_weak_and_who_sees_to_it(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.figure("P", SEPTEMBER, 0.97, 44.4)
    utility.figure("P", D(2026, 8, 1), 0.98, 66.7)
    utility.figure("U1", SEPTEMBER, 0.95, 0.0)
    utility.figure("U2", SEPTEMBER, 0.99, 88.9)
    utility.figure("P", SEPTEMBER, 20, 88.9, "receivable_days", standard=15)
    utility.figure("U2", SEPTEMBER, 0.2, 0.0, "receivable_days", too_few=True)
    for child, given in (("U1", -0.02), ("U2", 0.01)):
        utility.connection.execute(
            "INSERT INTO mart.audit_kpi_change VALUES ('org_unit', 'P', 'month', %s, 'reading_rate', %s, %s)",
            [SEPTEMBER, child, given],
        )
    utility.target("U2", SEPTEMBER, 0.995, 0.99)
    utility.target("P", SEPTEMBER, 0.97, 0.97)
    utility.take("month")
    columns = (
        "kind",
        "org_unit_id",
        "kpi",
        "child_id",
        "value",
        "reference",
        "owner_org_unit_id",
        "owner_staff_id",
        "state",
        "version",
    )
    assert utility.items("month", SEPTEMBER, *columns) == [
        # The south has no approver, so the province's sees to it.
        ("target_missed", "U2", "reading_rate", None, 0.99, 0.995, "P", "S1", "open", 1),
        ("below_floor", "U1", "reading_rate", None, 0.95, 0.95, "U1", "S3", "open", 1),
        ("weakest", "P", "reading_rate", None, 0.97, 0.995, "P", "S1", "open", 1),
        ("fell", "P", "reading_rate", "U1", 0.97, 0.98, "U1", "S3", "open", 1),
    ]  # fmt: skip


def test_days_and_weeks_find_braked_and_flooding_rules_overdue_cases_and_holes(utility: ReviewWorld) -> None:
    utility.night(D(2026, 10, 18))
    put = utility.connection.execute
    put("INSERT INTO mart.audit_coverage (rule_id, should_check, checked, flagged, not_checked, flagged_share, is_flood) VALUES "
        "('COL-01', 100, 80, 40, 20, 0.5, TRUE), ('TAR-01', 100, 100, 30, 0, 0.3, TRUE)")  # fmt: skip
    put(
        "INSERT INTO mart.audit_coverage_unit VALUES ('COL-01', 'U1', 60, 45, 20, 15), ('COL-01', 'U2', 40, 35, 20, 5), ('TAR-01', 'U1', 100, 90, 30, 10)"
    )
    utility.case("TAR-01", subject_type="rule", rule_id="TAR-01", severity="high", assigned_org_unit_id=None)
    # Due on the night's day is over by its end; the day after is not.
    utility.case("M1", due_on=D(2026, 10, 18), severity="high")
    utility.case("M2", due_on=D(2026, 10, 18))
    utility.case("M3", due_on=D(2026, 10, 19), severity="high")
    dismissed = ("propose_dismiss", "dismissed", "wang", {"reason": "duplicate", "hours": 1})
    utility.case("M4", ("assign", "assigned", "night", {}), dismissed, due_on=D(2026, 10, 1))
    utility.take("day", "week")
    columns = ("kind", "rule_id", "org_unit_id", "child_id", "value", "reference", "owner_org_unit_id")
    assert utility.items("day", D(2026, 10, 18), *columns) == [
        ("braked", "TAR-01", "P", None, 0.3, 0.1, "P"),
        ("flood", "COL-01", "P", None, 0.5, None, "P"),
        ("overdue_high", None, "U1", None, 1.0, None, "U1"),
    ]  # fmt: skip
    assert utility.items("week", D(2026, 10, 12), *columns) == [
        ("overdue", None, "U1", None, 2.0, None, "U1"),
        # A tenth not judged is no hole yet.
        ("not_checked", "COL-01", "P", "U1", 0.2, 0.1, "U1"),
    ]  # fmt: skip


def test_without_an_approver_anywhere_the_top_unit_sees_to_it(world: ReviewWorld) -> None:
    world.utility()
    world.login("wang", "S2", "U1", "worker")
    world.night(OCT_15)
    world.case("M1", due_on=OCT_15, severity="high")
    world.take("day")
    assert world.items("day", OCT_15, "kind", "owner_org_unit_id", "owner_staff_id") == [
        ("overdue_high", "P", None)
    ]


def test_a_login_without_staff_owns_as_a_unit(world: ReviewWorld) -> None:
    world.utility()
    world.login("admin", None, "P")
    world.night(OCT_15)
    world.case("M1", due_on=OCT_15, severity="high")
    world.take("day")
    assert world.items("day", OCT_15, "owner_org_unit_id", "owner_staff_id") == [("P", None)]


# --- what became of what the last one found --------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "score", "judged_as", "goes_on"),
    [
        (0.95, 0.0, "better", True),
        (0.9501, 0.2, "mended", False),
        (0.93, 0.0, "unchanged", True),
        (0.92, 0.0, "worse", True),
        (None, None, "unchanged", True),
    ],
)
def test_what_is_below_its_floor_is_judged_by_the_same_figure(
    utility: ReviewWorld, value: float | None, score: float | None, judged_as: str, goes_on: bool
) -> None:
    utility.night(OCT_15)
    utility.figure("U1", SEPTEMBER, 0.93, 0.0)
    utility.take("month")
    utility.night(D(2026, 11, 2))
    utility.figure("U1", OCTOBER, value, score)
    utility.take("month")
    columns = ("value", "judged_as", "judged_value", "judged_period", "state", "closed_as")
    assert utility.items("month", SEPTEMBER, *columns) == [
        (0.93, judged_as, value, OCTOBER, "closed", "continued" if goes_on else "mended")
    ]
    expected = [("below_floor", 0.93 if value is None else value, SEPTEMBER, "open")] if goes_on else []
    assert utility.items("month", OCTOBER, "kind", "value", "since", "state") == expected


def test_a_target_and_a_fall_are_mended_where_the_value_is_reached(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.figure("P", SEPTEMBER, 0.97, 44.4)
    utility.figure("P", D(2026, 8, 1), 0.98, 66.7)
    utility.target("P", SEPTEMBER, 0.975, 0.97)
    utility.take("month")
    utility.night(D(2026, 11, 2))
    utility.figure("P", OCTOBER, 0.975, 55.6)
    utility.take("month")
    assert utility.items("month", SEPTEMBER, "kind", "judged_as", "judged_value") == [
        ("target_missed", "mended", 0.975), ("weakest", "better", 0.975), ("fell", "better", 0.975),
    ]  # fmt: skip
    # It is still the weakest, and not yet where it fell from.
    assert utility.items("month", OCTOBER, "kind", "value", "reference", "since") == [
        ("weakest", 0.975, 0.995, SEPTEMBER), ("fell", 0.975, 0.98, SEPTEMBER),
    ]  # fmt: skip


def test_a_weakest_figure_that_only_another_undercuts_is_not_mended(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.figure("P", SEPTEMBER, 0.97, 44.4)
    utility.take("month")
    utility.night(D(2026, 11, 2))
    utility.figure("P", OCTOBER, 0.96, 22.2)
    utility.figure("P", OCTOBER, 58, 4.4, "receivable_days", standard=15)
    utility.take("month")
    assert utility.items("month", SEPTEMBER, "judged_as") == [("worse",)]
    assert utility.items("month", OCTOBER, "kind", "kpi") == [
        ("weakest", "receivable_days"), ("weakest", "reading_rate"), ("fell", "reading_rate"),
    ]  # fmt: skip


def test_a_weakest_figure_that_is_as_good_as_can_be_is_mended(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.figure("P", SEPTEMBER, 0.97, 44.4)
    utility.take("month")
    utility.night(D(2026, 11, 2))
    utility.figure("P", OCTOBER, 0.996, 100.0)
    utility.take("month")
    assert utility.items("month", SEPTEMBER, "judged_as", "closed_as") == [("mended", "mended")]
    assert utility.items("month", OCTOBER, "kind") == []


def test_counts_and_shares_are_counted_again(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.connection.execute(
        "INSERT INTO mart.audit_coverage (rule_id, should_check, not_checked, flagged_share, is_flood) VALUES ('COL-01', 10, 0, 0.5, TRUE)"
    )
    for subject in ("M1", "M2"):
        utility.case(subject, due_on=OCT_15, severity="high")
    utility.take("day")
    utility.night(D(2026, 10, 16))
    utility.connection.execute("UPDATE mart.audit_coverage SET flagged_share = 0.05, is_flood = FALSE")
    utility.connection.execute(
        "UPDATE mart.audit_case SET state = 'confirmed', due_on = '2026-10-16' WHERE subject_id = 'M1'"
    )
    utility.connection.execute("UPDATE mart.audit_case SET state = 'rectified' WHERE subject_id = 'M2'")
    utility.take("day")
    assert utility.items("day", OCT_15, "kind", "value", "judged_value", "judged_as") == [
        ("flood", 0.5, 0.05, "mended"), ("overdue_high", 2.0, 1.0, "better"),
    ]  # fmt: skip
    utility.night(D(2026, 10, 17))
    utility.connection.execute("UPDATE mart.audit_case SET due_on = '2026-10-18'")
    utility.take("day")
    assert utility.items("day", D(2026, 10, 16), "kind", "value", "judged_value", "judged_as") == [
        ("overdue_high", 1.0, 0.0, "mended")
    ]
    assert utility.items("day", D(2026, 10, 17), "kind") == []


# --- made again ------------------------------------------------------------------------------------------


def test_a_rerun_ends_the_same_to_the_last_byte(world: ReviewWorld) -> None:
    world.utility()
    world.login("ling", "S1", "P")
    world.night(OCT_15)
    world.figure("U1", SEPTEMBER, 0.93, 0.0)
    world.figure("P", SEPTEMBER, 0.97, 44.4)
    world.make("month")
    before = world.everything()
    assert [name.rpartition("/")[2] for name in before[2]] == ["index.html", "review.json", "review.pdf"]
    world.make("month")
    assert world.everything() == before


def test_what_a_person_said_stays_and_comes_again_where_it_is_found_again(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    utility.figure("U1", SEPTEMBER, 0.93, 0.0)
    utility.take("month")
    by = who(utility.connection, "zhao")
    close_item(utility.connection, by, "month", SEPTEMBER, 1, 1, "Readers were sent out.")
    columns = ("item_no", "kind", "state", "closed_as", "closed_by", "word", "version")
    said = utility.items("month", SEPTEMBER, *columns)
    utility.take("month")
    assert utility.items("month", SEPTEMBER, *columns) == said
    assert said == [(1, "below_floor", "closed", "done", "zhao", "Readers were sent out.", 2)]
    utility.night(D(2026, 11, 2))
    utility.figure("U1", OCTOBER, 0.94, 0.0)
    for _ in range(2):
        taken = utility.take("month")
        assert utility.items("month", SEPTEMBER, "judged_as", "closed_as", "version") == [
            ("better", "done", 2)
        ]
        assert utility.items("month", OCTOBER, "kind", "state", "since") == [
            ("below_floor", "open", SEPTEMBER)
        ]
        [item] = taken[0].review["last"]["items"]
        assert (item["word"], item["value"], item["judged_value"]) == ("Readers were sent out.", 0.93, 0.94)
    # Called done and not looked for any more where the figure cannot be told.
    utility.figure("U1", OCTOBER, None, None)
    utility.take("month")
    assert utility.items("month", OCTOBER, "kind") == []


def test_a_killed_making_changes_nothing_and_the_next_ends_as_if_it_had_not_been(
    utility: ReviewWorld,
) -> None:
    utility.night(OCT_15)
    utility.case("M1", due_on=OCT_15, severity="high")
    utility.take("day")
    before = utility.everything()
    utility.night(D(2026, 10, 16))
    utility.connection.execute("ALTER TABLE ops.review ADD CONSTRAINT killed CHECK (as_of < '2026-10-16')")
    try:
        with pytest.raises(PublishError):
            utility.make("day")
    finally:
        utility.connection.execute("ALTER TABLE ops.review DROP CONSTRAINT killed")
    assert utility.everything() == before
    utility.take("day")
    assert utility.items("day", OCT_15, "judged_as", "closed_as") == [("unchanged", "continued")]
    assert utility.items("day", D(2026, 10, 16), "kind", "since") == [("overdue_high", OCT_15)]


def test_a_period_is_asked_for_only_while_nothing_followed_it(utility: ReviewWorld) -> None:
    utility.night(D(2026, 10, 18))
    [period] = periods(utility.connection, "week", D(2026, 10, 7))
    assert period.first == D(2026, 10, 5)
    utility.take("week")
    for day, code in ((D(2026, 10, 7), "review.followed"), (D(2026, 10, 20), "review.not_over")):
        with pytest.raises(ReviewError) as error:
            periods(utility.connection, "week", day)
        assert error.value.code == code


def test_commands_make_and_list_them(
    utility: ReviewWorld, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTMARK_WAREHOUSE_URL", warehouse_url)
    utility.home.mkdir()
    (utility.home / "settings.yaml").write_text("utility: {language: en}\n")

    def said(*words: str) -> str:
        done = CliRunner().invoke(review_app, [*words, "--home", str(utility.home)], env={"COLUMNS": "300"})
        return done.output if done.exception is None else str(done.exception)

    assert "No review is kept yet" in said("list") and "No review is due" in said("make")
    utility.night(OCT_15)
    utility.case("M1", due_on=OCT_15, severity="high")
    assert "day 2026-10-15 of P: 1 items" in said("make", "--span", "day")
    listed = said("list", "--span", "day")
    assert "review.pdf" in listed and "overdue_high" in listed and "U1 S3" in listed
    assert "review.span" in said("make", "--span", "century")
    assert "review.span" in said("make", "--period", "2026-10-15")
    assert "review.not_over" in said("make", "--span", "day", "--period", "2026-10-16")


# --- hostile ---------------------------------------------------------------------------------------------


def test_an_empty_utility_and_a_warehouse_without_marts_give_what_there_is(world: ReviewWorld) -> None:
    assert world.make() == []
    world.night(OCT_15)
    assert world.make() == []
    world.utility()
    [made] = world.make("month")
    assert made.items == 0
    said = pdf_text(made.folder / PDF)
    assert "没有对应的指标" in said and "未设目标" in said and "这是首期" in said
    world.connection.execute("DROP SCHEMA mart CASCADE")
    world.connection.execute("CREATE SCHEMA mart")
    assert world.make("day") == []


def test_who_may_close_an_item_and_only_the_one_that_was_looked_at(utility: ReviewWorld) -> None:
    utility.login("wang", "S2", "U1", "worker")
    utility.login("sun", None, "U2")
    utility.night(OCT_15)
    utility.case("M1", due_on=OCT_15, severity="high")
    utility.take("day")

    def close(login: str, version: int = 1, word: str = "done") -> None:
        close_item(utility.connection, who(utility.connection, login), "day", OCT_15, 1, version, word)

    for login, word, code in (
        ("wang", "done", "case.role"), ("sun", "done", "review.unknown"), ("ling", " ", "case.needs"), ("ling", "a\x00", "case.text"),
    ):  # fmt: skip
        with pytest.raises(CaseError) as error:
            close(login, 1, word)
        assert error.value.code == code
    with pytest.raises(CaseConflictError):
        close("ling", 2)
    close("ling")
    with pytest.raises(CaseConflictError):
        close("zhao", 2)
    assert utility.items("day", OCT_15, "closed_by", "version") == [("ling", 2)]


# --- what it says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", ["What the last review found", "Cases of severity high that are overdue at North station: 1", "opened", "owed to customers", "120.50", "10-15", "S3"]),
        ("zh", ["上期发现及其结果", "North station有 1 件严重案件逾期", "立案", "应退", "120.50", "10-15", "S3"]),
    ],
)  # fmt: skip
def test_page_and_pdf_say_it_in_the_language_of_the_utility(
    utility: ReviewWorld, language: str, wanted: list[str]
) -> None:
    utility.settings = load_settings(
        utility.home, services=utility.settings.services.model_dump(), utility={"language": language}
    )
    utility.night(OCT_15)
    utility.case("M1", due_on=OCT_15, severity="high", opened_on=OCT_15)
    [made] = utility.make("day")
    page, printed = (made.folder / "index.html").read_text(), pdf_text(made.folder / PDF)
    for text in wanted:
        assert text in page and text.replace(" ", "") in printed.replace(" ", "").replace("\n", ""), text
    # It needs nothing from elsewhere, and its chart is drawn in both: a bar for the day's case.
    assert (
        "http" not in page
        and 'class="bar"' in page
        and f'lang="{"zh-CN" if language == "zh" else "en"}"' in page
    )
    drawn = b"".join(sheet.get_contents().get_data() for sheet in pypdf.PdfReader(made.folder / PDF).pages)
    assert b"0.3569 0.5608 0.8392 rg" in drawn and b" re" in drawn


def test_target_and_forecast_stand_beside_the_figure_and_in_its_chart(utility: ReviewWorld) -> None:
    utility.night(OCT_15)
    for period, value in ((D(2026, 8, 1), 0.96), (SEPTEMBER, 0.97)):
        utility.figure("P", period, value, 44.4)
    utility.target("P", SEPTEMBER, 0.99, 0.97)
    utility.target(
        "P",
        D(2026, 1, 1),
        0.98,
        0.965,
        span="year",
        is_over=False,
        forecast=0.975,
        forecast_until=D(2026, 12, 1),
    )
    utility.connection.execute(
        "CREATE TABLE mart.audit_kpi_forecast (level text, id text, kpi text, period date, value float, low float, high float)"
    )
    for month, value in ((10, 0.975), (11, 0.98), (12, 0.985)):
        utility.connection.execute(
            "INSERT INTO mart.audit_kpi_forecast VALUES ('org_unit', 'P', 'reading_rate', %s, %s, %s, %s)",
            [D(2026, month, 1), value, value - 0.01, value + 0.01],
        )
    [top, _] = utility.take("month")
    [row] = top.review["figures"]
    wanted = ("value", "value_before", "target", "reached", "forecast", "forecast_until")
    assert [row[name] for name in wanted] == [0.97, 0.96, 0.99, False, 0.985, "2026-12-01"]
    series = [
        (point["period"], point["value"], point["target"], point["forecast"])
        for point in top.review["weakest"]["series"]
    ]
    assert (
        series[1:3] == [("2026-09-01", 0.97, 0.99, None), ("2026-10-01", None, None, 0.975)]
        and len(series) == 5
    )
    told = document(top.review, PROJECT_ROOT / "include", "en")
    cells = [row for block in told.blocks for row in block.rows]
    assert ("Points read", "97%", "96%", "99.5%", "99%", "no", "98.5% by 2026-12", "44", "", "") in cells
    assert ("Points read", "2026", "98%", "96.5%", "no (missing 1.5%)", "97.5% by 2026-12") in cells
    # A month that is caught up later has no forecast: what followed it is known by now.
    utility.figure("P", OCTOBER, 0.98, 66.7)
    [top, _] = utility.take("month")
    assert [row["forecast"] for row in top.review["figures"]] == [None]


def test_every_word_is_there_in_both_languages_with_the_same_places() -> None:
    import re

    for kind, of in read_mapping(PROJECT_ROOT / "include" / "cases" / "review-words.yaml").items():
        for key, told in of.items():
            assert set(told) == {"en", "zh"} and all(told.values()), (kind, key)
            assert set(re.findall(r"\{\w+\}", told["en"])) == set(re.findall(r"\{\w+\}", told["zh"])), (
                kind,
                key,
            )


def test_the_utility_speaks_chinese_in_china_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert load_settings(tmp_path).utility.speaks == "zh"
    assert load_settings(tmp_path, utility={"country": "DE"}).utility.speaks == "en"
    assert load_settings(tmp_path, utility={"language": "en"}).utility.speaks == "en"
