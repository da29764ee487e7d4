"""One step of a person on a case: who acts, on what, whether they may; written at once or not at all."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import psycopg
from psycopg.rows import dict_row, tuple_row

from wattmark.cases.due import due_after
from wattmark.cases.log import Change, append, conflict
from wattmark.cases.model import Case, CaseBusyError, CaseError, Event, Step, Steps, load_steps
from wattmark.cases.rights import Actor, RightsError, refuse_own_work, who
from wattmark.settings import Settings

TURNS = 3
"""Tries of a step that waited for somebody who waited for it."""
RULE = "rule"
"""Subject type of a case that speaks of a rule that finds too much."""
_COLUMNS = ", ".join(each.name for each in fields(Case))
_MOST_CHARACTERS = 4_000
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Desk:
    """Where somebody works: a connection on the warehouse, the login, and the instant (now where left out)."""

    connection: psycopg.Connection[Any]
    settings: Settings
    login: str
    at: dt.datetime | None = None


@lru_cache(maxsize=4)
def _steps(include: Path) -> Steps:
    return load_steps(include)


def steps_of(settings: Settings) -> Steps:
    """The file of steps."""
    return _steps(settings.include)


def read_cases(
    connection: psycopg.Connection[Any], case_ids: Collection[str], *, lock: bool = False
) -> dict[str, Case]:
    """Cases by id; those that are not there are left out.

    Args:
        connection: on the warehouse.
        case_ids: their ids.
        lock: hold the rows until the transaction ends, in the order of their ids.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            f"SELECT {_COLUMNS} FROM ops.audit_case WHERE case_id = ANY(%s) ORDER BY case_id"
            f"{' FOR NO KEY UPDATE' if lock else ''}".encode(),
            [list(case_ids)],
        ).fetchall()
    return {
        row["case_id"]: Case(**row | {"own_staff_ids": tuple(row["own_staff_ids"] or ())}) for row in rows
    }


@dataclass
class Act:
    """A step that is being taken; ``write`` ends it."""

    desk: Desk
    actor: Actor
    step: Step
    at: dt.datetime
    day: dt.date
    case: Case
    others: dict[str, Case] = field(default_factory=dict)
    version: int = 0

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The desk's connection."""
        return self.desk.connection

    def refused(self, code: str, what: str, remedy: str) -> CaseError:
        """The error for what this case does not allow."""
        return CaseError(
            f"case.{code}", f"case {self.case.case_id}: {what}", f"Nothing was changed. {remedy}"
        )

    def in_own_tree(self) -> None:
        """Raises RightsError where the case is not of the own unit or one below."""
        if not self.actor.holds(self.case):
            raise self._not_theirs("it is not of your unit or one below")

    def by_responsible_unit(self, *, or_approver: bool = False) -> None:
        """Raises RightsError where the unit that mends it is not of the own tree.

        A case that nobody was asked to mend is its own unit's. ``or_approver``: one in whose tree the case is may too.
        """
        unit = self.case.responsible_org_unit_id
        may = self.actor.holds(self.case) if unit is None else unit in self.actor.units
        if not may and not (or_approver and self.actor.is_a("approver") and self.actor.holds(self.case)):
            raise self._not_theirs(f"unit {unit} mends it, which is not yours or one below")

    def _not_theirs(self, why: str) -> RightsError:
        return RightsError(
            "case.not_yours", f"case {self.case.case_id}: {why}.", f"Nothing was changed. {self.step.name} is taken by whoever works there."
        )  # fmt: skip

    def judges(self) -> None:
        """Raises RightsError where the case is the actor's own work."""
        refuse_own_work(self.case, self.actor.staff_id)

    def stands_alone(self) -> None:
        """Raises CaseError for an effect, and for a case that speaks of a rule: they are not worked apart."""
        if self.case.root_cause_case_id is not None:
            raise self.refused(
                "effect", f"it is an effect of {self.case.root_cause_case_id} and is not worked apart.",
                "Work on its cause, or have an approver unlink it.",
            )  # fmt: skip
        if self.case.subject_type == RULE:
            raise self.refused(
                "rule", "it speaks of a rule that finds too much, and is nobody's.",
                "An approver lets the rule through (release).",
            )  # fmt: skip

    def other_than(self, login: str | None, what: str) -> None:
        """Raises RightsError where the actor is the login given, or the same member of staff."""
        mine = {self.actor.login}
        if self.actor.staff_id is not None:
            with self.connection.cursor(row_factory=tuple_row) as cursor:
                mine |= {
                    row[0]
                    for row in cursor.execute(
                        "SELECT login FROM ops.staff_login WHERE staff_id = %s", [self.actor.staff_id]
                    ).fetchall()
                }
        if login in mine:
            raise RightsError(
                "case.four_eyes", f"case {self.case.case_id}: you {what} yourself; a second person decides.",
                f"Nothing was changed. Ask another approver to {self.step.name} it.",
            )  # fmt: skip

    def staff_id(self) -> str:
        """The actor's member of staff.

        Raises:
            RightsError: the login has none.
        """
        if self.actor.staff_id is None:
            raise RightsError(
                "case.no_staff", f"login {self.actor.login} belongs to no member of staff and can be given no case.",
                "Enter its member of staff: wattmark case login set.",
            )  # fmt: skip
        return self.actor.staff_id

    def text(self, name: str, value: str | None) -> str:
        """A text that the step needs."""
        return needed_text(name, value, f"case {self.case.case_id}")

    def due(self) -> dt.date:
        """The due date of a case that is to be done from today on."""
        return due_after(self.desk.settings, self.day, self.case.severity)

    def event(self, case: Case, to_state: str, detail: Mapping[str, Any], note: str | None = None) -> Event:
        """This step on one of the cases it changes."""
        return Event(
            case.case_id,
            self.at,
            self.day,
            self.actor.login,
            self.step.name,
            case.state,
            to_state,
            note,
            detail,
        )

    def write(
        self,
        to_state: str,
        values: Mapping[str, object] | None = None,
        detail: Mapping[str, Any] | None = None,
        note: str | None = None,
        others: Sequence[Change] = (),
    ) -> None:
        """Write the step; ``others`` are changes of other cases that come with it."""
        if note is not None:
            note = needed_text("note", note, f"case {self.case.case_id}")
        event = self.event(self.case, to_state, detail or {}, note)
        append(
            self.connection,
            [Change(self.case.case_id, [event], values or {}, seen=self.case.version), *others],
        )
        self.version = self.case.version + 1


def needed_text(name: str, value: str | None, where: str) -> str:
    """A text that a person gives, without blanks around it.

    Raises:
        CaseError: it is missing, too long, or holds what cannot be kept.
    """
    told = (value or "").strip()
    if not told:
        raise CaseError("case.needs", f"{where}: {name} is missing.", f"Nothing was changed. Say {name}.")
    if len(told) > _MOST_CHARACTERS:
        raise CaseError(
            "case.text",
            f"{where}: {name} has {len(told):,} characters; {_MOST_CHARACTERS:,} are allowed.",
            "Shorten it.",
        )
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in told):
        raise CaseError(
            "case.text", f"{where}: {name} holds a character that cannot be kept.", "Type it anew."
        )
    return told


def number(
    name: str, value: object, where: str, *, least: int | None = None, below: int = 10**15
) -> decimal.Decimal:
    """Money or hours, to two places.

    Raises:
        CaseError: it is none, has more places, or is out of range.
    """
    try:
        found = decimal.Decimal(str(value))
        fits = found.is_finite() and abs(found) < below and found == round(found, 2)
    except (decimal.InvalidOperation, ValueError):
        fits = False
    if not fits or (least is not None and found < least):
        least_said = "" if least is None else f" of at least {least}"
        raise CaseError(
            "case.number", f"{where}: {name} is not a number{least_said} with at most two places.", "Nothing was changed. Correct it."
        )  # fmt: skip
    return found if found else abs(found)


def one_of(name: str, value: str, allowed: Sequence[str], where: str) -> str:
    """A word of a list.

    Raises:
        CaseError: it is none of them.
    """
    if value not in allowed:
        raise CaseError(
            "case.word",
            f"{where}: {value or 'nothing'} is no {name}.",
            f"Nothing was changed. One of {', '.join(allowed)}.",
        )
    return value


def moment_of(desk: Desk) -> tuple[dt.datetime, dt.date]:
    """The instant of a step and the day it counts for: the local one, not later than the day after the newest night's."""
    at = desk.at or dt.datetime.now(dt.UTC)
    day = at.astimezone(desk.settings.zone).date()
    with desk.connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT MAX(as_of) FROM ops.case_night").fetchone()
    newest = cast(dt.date | None, row[0] if row else None)
    return at, day if newest is None else min(day, newest + dt.timedelta(days=1))


@contextmanager
def writing(desk: Desk) -> Iterator[psycopg.Connection[Any]]:
    """A transaction in which a step is taken.

    Raises:
        CaseBusyError: somebody else held what it needs, each waiting for the other.
    """
    try:
        with desk.connection.transaction():
            yield desk.connection
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
        raise CaseBusyError(
            "case.conflict", "Somebody else worked on the same cases at that moment.",
            "Nothing was changed. Look at the case again, then decide.",
        ) from None  # fmt: skip


def tried(take: Callable[_Given, _Answer], /, *given: _Given.args, **named: _Given.kwargs) -> _Answer:
    """Take a step, anew where it and somebody else waited for each other: nobody is told of that but after ``TURNS`` tries.

    Args:
        take: a function that is one transaction, such as those of ``steps``.
        given: what it is given.
        named: what it is given by name.
    """
    for _ in range(TURNS - 1):
        try:
            return take(*given, **named)
        except CaseBusyError:
            continue
    return take(*given, **named)


@contextmanager
def acting(desk: Desk, case_id: str, version: int, step: str, also: Collection[str] = ()) -> Iterator[Act]:
    """Take a step on a case: the case is held, of the version seen and in a state that the step begins in.

    Args:
        desk: who acts.
        case_id: the case.
        version: the number of its newest event when it was looked at.
        step: name of the step.
        also: ids of other cases that it changes or rests on; they are held too.

    Raises:
        RightsError: the login has not the role; where the unit counts, the step asks.
        CaseConflictError: the case is of another version.
        CaseError: there is no such case, or its state does not allow the step.
    """
    known = steps_of(desk.settings).steps[step]
    with writing(desk) as connection:
        actor = who(connection, desk.login)
        refuse_role(actor, known)
        held = read_cases(connection, {case_id, *also}, lock=True)
        case = held.get(case_id)
        if case is None or not actor.sees(case):
            raise CaseError(
                "case.unknown",
                f"There is no case {case_id} that you may see.",
                "Look it up in the list of cases.",
            )
        if case.version != version:
            raise conflict(case_id, version, case.version)
        at, day = moment_of(desk)
        act = Act(desk, actor, known, at, day, case, held, version)
        before = sorted({before for before, _ in known.moves})
        if case.state not in before or not _by_people(known, case.state):
            raise act.refused(
                "state",
                f"it is {case.state}; {step} begins at {', '.join(before)}.",
                "Look at the case again.",
            )
        yield act


def _by_people(step: Step, state: str) -> bool:
    """Whether people may take a step from a state: only the night reopens what is rectified."""
    return not (step.name == "reopen" and state == "rectified")


def refuse_role(actor: Actor, step: Step) -> None:
    """Raises RightsError where a login's role may not take a step."""
    if not any(role != "night" and actor.is_a(role) for role in step.by):
        roles = " or ".join(role for role in step.by if role != "night")
        raise RightsError(
            "case.role", f"login {actor.login} is {actor.role}; {step.name} is taken by {roles or 'the night alone'}.",
            "Nothing was changed. Ask somebody of that role.",
        )  # fmt: skip
