"""Steps that a person may take on a case as forms, and what becomes of a form that was sent."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from wattmark.cases import links, steps
from wattmark.cases.act import Desk as StepDesk
from wattmark.cases.act import tried
from wattmark.cases.model import CaseError, Step, Steps
from wattmark.publish.findings import asked
from wattmark.web.workbench.desk import Desk, Person, Row

FIRST = (
    "approve",
    "propose_confirm",
    "propose_dismiss",
    "take",
    "start",
    "done",
    "accept",
    "file",
    "release",
    "assign",
)
"""Steps that are what is wanted of a case, in the order in which they are offered; others follow."""
BY_PEOPLE = (
    "assign", "take", "propose_confirm", "propose_dismiss", "approve", "return", "start", "done", "hand_back", "accept", "add_work",
    "file", "reopen", "note", "move", "link", "unlink", "extend", "release",
)  # fmt: skip
"""Steps that are taken on a case that is there."""
_FUNCTIONS = {"return": "return_"}
SENTENCES = ("why", "note", "reference")
NUMBERS = ("amount", "hours")
DAYS = ("until", "due_on")


class TypedError(CaseError):
    """What was typed is no number, no day or missing."""


@dataclass(frozen=True)
class Field:
    """A field of a form."""

    name: str
    needed: bool


@dataclass
class Form:
    """A step as it is offered."""

    step: str
    fields: list[Field]
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    is_open: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is a button alone."""
        return not self.fields


def fields_of(step: Step) -> list[Field]:
    """What a step's form asks for: what its event must hold, what it may hold, and a sentence."""
    found = [Field(name, True) for name in step.needs]
    found += [Field(name, False) for name in step.may]
    if not any(blank.name in SENTENCES for blank in found) and step.name not in ("take", "start", "file"):
        found.append(Field("note", False))
    return found


def offered(file: Steps, case: Row, person: Person, today: dt.date) -> list[str]:
    """Steps that the person may take on a case as it stands, those first that are most likely meant."""
    names = [
        name for name, step in file.steps.items() if function_of(name) and _fits(step, case, person, today)
    ]
    order = {name: at for at, name in enumerate(FIRST)}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def _fits(step: Step, case: Row, person: Person, today: dt.date) -> bool:
    by_rule = case["subject_type"] == "rule"
    if not set(step.by) & set(person.roles):
        return False
    if not any(before == case["state"] for before, _ in step.moves):
        return False
    if by_rule and step.name not in ("release", "note"):
        return False
    holds = bool({case["org_unit_id"], case["assigned_org_unit_id"]} & set(person.tree))
    if step.name in ("start", "done", "add_work", "hand_back"):
        unit = case["responsible_org_unit_id"]
        may = holds if unit is None else unit in person.tree
        if not may and not (step.name == "hand_back" and "approver" in person.roles and holds):
            return False
    elif not holds and step.name != "note":
        return False
    own = person.staff_id is not None and person.staff_id in (case["own_staff_ids"] or ())
    is_effect = case["root_cause_case_id"] is not None
    refused = {
        "take": is_effect or own or person.staff_id is None or case["assigned_to"] == person.staff_id,
        "assign": is_effect,
        "propose_confirm": own or not _is_theirs(case, person),
        "propose_dismiss": own or not _is_theirs(case, person),
        "approve": own or case["proposed_by"] == person.login,
        "accept": own or case["rectified_by"] == person.login,
        "move": case["state"] == "proposed" and "approver" not in person.roles,
        "link": is_effect,
        "unlink": not is_effect,
        "extend": case["due_on"] is None
        or case["due_on"] < today
        or case["due_on"] == case["extended_due_on"],
        "release": not by_rule,
    }
    return not refused.get(step.name, False)


def _is_theirs(case: Row, person: Person) -> bool:
    return person.staff_id is not None and case["assigned_to"] == person.staff_id


def forms(
    connection: psycopg.Connection[Any],
    desk: Desk,
    file: Steps,
    case: Row,
    names: list[str],
    others: list[Row],
) -> list[Form]:
    """Forms of the steps offered, with what is likely in them."""
    choices = _choices(connection, desk, file, case, others)
    found = []
    for name in names:
        wanted = fields_of(file.steps[name])
        likely = {
            "amount": "" if case["at_stake_amount"] is None else str(case["at_stake_amount"]),
            "responsible_org_unit_id": case["org_unit_id"] or "",
            "hours": "0.5",
            "org_unit_id": case["assigned_org_unit_id"] or case["org_unit_id"] or "",
            "root_cause_case_id": case["root_cause_case_id"] or "",
        }
        shown = {blank.name: choices[blank.name] for blank in wanted if blank.name in choices}
        found.append(Form(name, wanted, shown, {blank.name: likely.get(blank.name, "") for blank in wanted}))
    return found


def _choices(
    connection: psycopg.Connection[Any], desk: Desk, file: Steps, case: Row, others: list[Row]
) -> dict[str, list[tuple[str, str]]]:
    units = [(org_unit_id, f"{name} ({org_unit_id})") for org_unit_id, name in desk.units.items()]
    staff = asked(
        connection,
        "SELECT l.staff_id, l.login, l.org_unit_id, s.post FROM ops.staff_login AS l LEFT JOIN mart.dim_staff AS s ON s.staff_id = l.staff_id "
        "WHERE l.staff_id IS NOT NULL AND l.role <> 'viewer' AND NOT l.staff_id = ANY(%(own)s) ORDER BY l.org_unit_id, l.staff_id",
        own=list(case["own_staff_ids"] or ()),
    )
    causes = [
        other["case_id"] for other in others if other["state"] not in ("closed", "dismissed", "verified")
    ]
    if case["root_cause_case_id"]:
        causes.insert(0, case["root_cause_case_id"])
    found = {
        "treatment": [(code, desk.word("treatment", code)) for code in file.treatments],
        "reason": [(code, desk.word("dismissal", code)) for code in file.dismissals],
        "org_unit_id": [unit for unit in units if unit[0] in desk.person.tree],
        "responsible_org_unit_id": units,
        "staff_id": [
            (
                member["staff_id"],
                f"{member['login']} · {desk.unit(member['org_unit_id'])} {desk.word('staff_post', member['post'])}",
            )
            for member in staff
        ],
    }
    if causes:
        found["root_cause_case_id"] = [(case_id, case_id) for case_id in dict.fromkeys(causes)]
    return {name: told for name, told in found.items() if told}


def typed_values(step: Step, given: Mapping[str, str], desk: Desk) -> dict[str, Any]:
    """What a form says, as the event's detail and note have it.

    Raises:
        TypedError: names the field that is missing or is no number or day.
    """
    values: dict[str, Any] = {}
    for blank in fields_of(step):
        text = given.get(blank.name, "").strip()
        label = desk.words["field"][blank.name][desk.language]
        if not text:
            if blank.needed:
                raise _wrong(label, desk, "This is needed.", "此项必填。")
            continue
        if blank.name in NUMBERS:
            values[blank.name] = _number(text, label, desk)
        elif blank.name in DAYS:
            try:
                values[blank.name] = dt.date.fromisoformat(text)
            except ValueError:
                raise _wrong(label, desk, "Write a day as 2026-10-15.", "日期格式如 2026-10-15。") from None
        else:
            values[blank.name] = text[:500]
    return values


def _number(text: str, label: str, desk: Desk) -> decimal.Decimal:
    try:
        value = decimal.Decimal(text.replace(",", "").replace("，", ""))
    except decimal.InvalidOperation:
        value = decimal.Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not value.is_finite() or abs(value) >= 10**12 or not isinstance(exponent, int) or exponent < -2:
        raise _wrong(label, desk, "Write a number with at most two decimals.", "请填写数字，最多两位小数。")
    return value


def _wrong(label: str, desk: Desk, en: str, zh: str) -> TypedError:
    return TypedError("case.typed", f"{label}: {zh if desk.language == 'zh' else en}", en)


def taken(
    connection: psycopg.Connection[Any], desk: Desk, file: Steps, case_id: str, given: Mapping[str, str]
) -> str:
    """Take the step of a form that was sent; returns its name.

    Args:
        connection: on the warehouse, within no transaction, with rows as tuples.
        desk: who acts.
        file: the steps there are.
        case_id: the case.
        given: the form; ``step`` and ``version`` say which step and what was seen.

    Raises:
        CaseError: it is refused, nothing was changed.
    """
    name = given.get("step", "")
    step, function = file.steps.get(name), function_of(name)
    if step is None or function is None:
        raise CaseError("case.step", f"There is no step {name[:40]!r}.", "Choose one of the case's page.")
    version = given.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 9):
        raise CaseError("case.version", "The form does not say what it saw.", "Look at the case again.")
    values = typed_values(step, given, desk)
    if name == "note":
        values = {"text": values["note"]}
    tried(function, StepDesk(connection, desk.settings, desk.person.login), case_id, int(version), **values)
    return name


def function_of(name: str) -> Callable[..., int] | None:
    """The function of a step; None where people do not take it."""
    if name not in BY_PEOPLE:
        return None
    found: Callable[..., int] = getattr(
        links if name in ("link", "unlink") else steps, _FUNCTIONS.get(name, name)
    )
    return found
