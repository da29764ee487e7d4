"""Due dates and what puts them off, causes and effects, the brake, and two at once."""

from __future__ import annotations

import datetime as dt
import decimal
import threading
from collections.abc import Callable

import psycopg

from tests.cases.utility import PATHS, Utility, refused
from wattmark.cases import steps
from wattmark.cases.act import Desk
from wattmark.cases.links import link, unlink
from wattmark.cases.model import CaseConflictError, CaseError
from wattmark.publish.ops import libpq_url

D = decimal.Decimal

# --- due dates -------------------------------------------------------------------------------------------


def test_a_due_date_is_put_off_once_and_before_it_has_passed(utility: Utility) -> None:
    case_id = utility.open(due_on=dt.date(2026, 10, 16))  # today

    def extend(day: str, version: int = 1) -> int:
        return steps.extend(utility.desk("chief"), case_id, version, dt.date.fromisoformat(day), "why")

    # Ten working days after Friday the 16th.
    for day in ("2026-10-16", "2026-10-31", "2026-10-15"):
        refused(utility, case_id, lambda d=day: extend(d), "at most 10 working days later")
    extend("2026-10-30")
    assert utility.case(case_id).due_on == dt.date(2026, 10, 30)
    assert utility.events(case_id)[-1][4] == {"why": "why", "due_on": "2026-10-30"}
    refused(utility, case_id, lambda: extend("2026-11-02", 2), "put off to 2026-10-30 already")
    late = utility.open("B2", due_on=dt.date(2026, 10, 15))
    refused(
        utility,
        late,
        lambda: steps.extend(utility.desk("chief"), late, 1, dt.date(2026, 10, 19), "why"),
        "has passed",
    )
    # A due date set anew may be put off anew.
    again = utility.open(
        "B3", PATHS["dismissed"], due_on=dt.date(2026, 10, 16), extended_due_on=dt.date(2026, 10, 16)
    )
    steps.reopen(utility.desk("chief"), again, 3, "why")
    steps.extend(utility.desk("chief"), again, 4, dt.date(2026, 11, 2), "why")


def test_a_holiday_is_no_working_day(utility: Utility) -> None:
    utility.connection.execute("UPDATE ops.case_night SET as_of = '2026-09-28'")
    utility.at = dt.datetime(2026, 9, 29, 2, tzinfo=dt.UTC)
    case_id = utility.open("B1", PATHS["dismissed"], severity="high")
    steps.reopen(utility.desk("chief"), case_id, 3, "why")
    # 1 to 7 October is no work, Saturday the 10th is: the 30th, the 8th, 9th, 10th and 12th.
    assert utility.case(case_id).due_on == dt.date(2026, 10, 12)


def test_a_step_counts_for_its_local_day_but_not_long_after_the_newest_night(utility: Utility) -> None:
    def day() -> dt.date:
        return utility.connection.execute(
            "SELECT on_day FROM ops.audit_case_event ORDER BY seq DESC LIMIT 1"
        ).fetchone()[0]  # type: ignore[index]

    case_id = utility.open()
    for version, (at, on) in enumerate(
        (
            ("2026-10-15T15:59:59+00:00", "2026-10-15"),
            ("2026-10-15T16:00:00+00:00", "2026-10-16"),
            ("2026-11-20T02:00:00+00:00", "2026-10-16"),
        ),
        1,
    ):
        utility.at = dt.datetime.fromisoformat(at)
        steps.note(utility.desk("mei"), case_id, version, "x")
        assert day() == dt.date.fromisoformat(on)
    utility.connection.execute("DELETE FROM ops.case_night")
    steps.note(utility.desk("mei"), case_id, 4, "x")
    assert day() == dt.date(2026, 11, 20)


# --- one cause, one case ---------------------------------------------------------------------------------


def test_an_effect_hangs_on_its_cause_and_hands_its_own_on(utility: Utility) -> None:
    cause, middle, leaf = (utility.open(name) for name in ("B1", "B2", "B3"))
    ended = utility.open(
        "B4", (("verify", "verified"),), root_cause_case_id=middle, cause_kind="earlier_month"
    )
    steps.take(utility.desk("mei"), middle, 1)
    link(utility.desk("chief"), leaf, 1, middle)
    link(utility.desk("chief"), middle, 2, cause)
    for case_id, version in ((middle, 3), (leaf, 3)):
        case = utility.case(case_id)
        assert (case.state, case.root_cause_case_id, case.cause_kind, case.version) == (
            "open",
            cause,
            "person",
            version,
        )
        assert (case.assigned_to, case.assigned_org_unit_id, case.due_on) == (None, None, None)
        assert utility.events(case_id)[-1][::4] == ("link", {"root_cause_case_id": cause})
    assert utility.case(ended).root_cause_case_id == middle
    # On an effect means on its cause.
    fourth = utility.open("B5")
    link(utility.desk("chief"), fourth, 1, leaf)
    assert utility.case(fourth).root_cause_case_id == cause
    for take in (
        lambda: steps.take(utility.desk("mei"), leaf, 3),
        lambda: steps.assign(utility.desk("chief"), leaf, 3, "S1"),
    ):
        refused(utility, leaf, take, "is an effect of")
    refused(
        utility,
        leaf,
        lambda: steps.extend(utility.desk("chief"), leaf, 3, dt.date(2026, 10, 30), "why"),
        "no due date",
    )
    refused(utility, leaf, lambda: unlink(utility.desk("chief"), leaf, 3, middle), "hangs on TAR-01:bill:B1")
    unlink(utility.desk("chief"), leaf, 3, cause)
    case = utility.case(leaf)
    assert (case.state, case.root_cause_case_id, case.due_on) == ("open", None, dt.date(2026, 10, 30))
    assert utility.events(leaf)[-1][4] == {"root_cause_case_id": cause, "due_on": "2026-10-30"}
    refused(utility, leaf, lambda: unlink(utility.desk("chief"), leaf, 4), "hangs on no cause")


def test_a_person_hangs_a_later_month_as_the_night_does(utility: Utility) -> None:
    """What hangs on the same of an earlier month is money of its own; all else is its cause's money once more."""
    september = utility.open("B1")
    of = {name: dt.date(2026, month, 1) for name, month in (("july", 7), ("august", 8), ("october", 10))}
    later = utility.open("B2", period=of["october"])
    link(utility.desk("chief"), later, 1, september)
    for case_id in (
        utility.open("B3"),  # the same month
        utility.open("B4", period=of["july"]),  # an earlier one
        utility.open("B5", period=of["october"], account_id="A3"),
        utility.open("P1", period=of["october"], rule_id="TAR-02", subject_type="metering_point"),
    ):
        link(utility.desk("chief"), case_id, 1, september)
        assert utility.case(case_id).cause_kind == "person"
    # By an effect of the same rule on that one's cause.
    cause, middle = (
        utility.open("P2", rule_id="MET-03", subject_type="metering_point", period=None),
        utility.open("B6", period=of["august"]),
    )
    link(utility.desk("chief"), middle, 1, cause)
    last = utility.open("B7", period=of["october"])
    link(utility.desk("chief"), last, 1, middle)
    assert [utility.case(case_id).cause_kind for case_id in (later, middle, last)] == [
        "earlier_month",
        "person",
        "earlier_month",
    ]
    assert utility.case(last).root_cause_case_id == cause


def test_no_case_hangs_on_itself_or_on_what_has_ended(utility: Utility) -> None:
    cause, effect = utility.open("B1"), utility.open("B2")
    link(utility.desk("chief"), effect, 1, cause)

    def hang(case_id: str, root: str, version: int = 1) -> Callable[[], int]:
        return lambda: link(utility.desk("chief"), case_id, version, root)

    refused(utility, cause, hang(cause, cause), "cannot hang on itself")
    refused(utility, cause, hang(cause, effect), "its own effect")
    refused(utility, effect, hang(effect, cause, 2), "hangs on .* already")
    refused(utility, cause, hang(cause, "nothing"), "no case nothing")
    for state in ("verified", "closed", "dismissed"):
        refused(
            utility, cause, hang(cause, utility.open(state, PATHS[state])), f"is {state} and causes nothing"
        )
    brake = utility.open("TAR-07", subject_type="rule", rule_id="TAR-07", org_unit_id="S1")
    refused(utility, cause, hang(cause, brake), "speaks of a rule")
    refused(utility, brake, hang(brake, cause), "speaks of a rule")
    refused(utility, cause, hang(cause, utility.open("B9", org_unit_id="S3")), "that you may see")


# --- the brake -------------------------------------------------------------------------------------------


def test_a_case_about_a_rule_is_released_and_nothing_else(utility: Utility) -> None:
    brake = utility.open("TAR-07", subject_type="rule", rule_id="TAR-07", org_unit_id="P", severity="high")
    refused(utility, brake, lambda: steps.take(utility.desk("boss"), brake, 1), "nobody's")
    refused(utility, brake, lambda: steps.assign(utility.desk("boss"), brake, 1, "S1"), "nobody's")
    refused(utility, brake, lambda: steps.release(utility.desk("chief"), brake, 1, "why"), "that you may see")
    steps.release(utility.desk("boss"), brake, 1, "they are right")
    assert (utility.case(brake).state, utility.case(brake).closed_on) == ("closed", dt.date(2026, 10, 16))
    other = utility.open("B1")
    refused(
        utility,
        other,
        lambda: steps.release(utility.desk("chief"), other, 1, "why"),
        "only a case that speaks of a rule",
    )


# --- two at once -----------------------------------------------------------------------------------------


def test_the_second_of_two_is_told(utility: Utility) -> None:
    case_id = utility.open()
    steps.take(utility.desk("mei"), case_id, 1)
    refused(
        utility,
        case_id,
        lambda: steps.take(utility.desk("li"), case_id, 1),
        "you saw version 1",
        CaseConflictError,
    )
    refused(
        utility, case_id, lambda: steps.take(utility.desk("li"), case_id, 3), "version 3", CaseConflictError
    )


def test_of_many_at_once_one_takes_the_case(utility: Utility, units_url: str) -> None:
    case_id = utility.open()
    told = _at_once(
        units_url,
        utility,
        [("mei" if each % 2 else "li", lambda d: steps.take(d, case_id, 1)) for each in range(6)],
    )
    assert sorted(map(str, told)) == sorted(["2", *["CaseConflictError"] * 5])
    assert utility.version(case_id) == 2


def test_links_that_cross_make_no_circle(utility: Utility, units_url: str) -> None:
    first, second = utility.open("B1"), utility.open("B2")
    told = _at_once(
        units_url,
        utility,
        [("chief", lambda d: link(d, first, 1, second)), ("deputy", lambda d: link(d, second, 1, first))],
    )
    assert 2 in told and len({str(each) for each in told} & {"CaseConflictError", "CaseError"}) == 1
    assert [utility.case(case_id).root_cause_case_id is None for case_id in (first, second)].count(True) == 1


def _at_once(url: str, utility: Utility, takes: list[tuple[str, Callable[[Desk], int]]]) -> list[object]:
    ready, told = threading.Barrier(len(takes)), []

    def run(login: str, take: Callable[[Desk], int]) -> None:
        with psycopg.connect(libpq_url(url)) as connection:
            ready.wait()
            try:
                told.append(take(Desk(connection, utility.settings, login, utility.at)))
            except CaseError as error:
                told.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=take) for take in takes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told
