"""What tonight says of each case: found, judged and not found, or not judged.

A finding says that a subject is wrong; that it is right has to be shown: its rule ran, its row is in the source, it was
not left unchecked, and the day on which the rule's window of time rests still lies in it. What else a rule asks of the
row is no population: a row that no longer meets it is judged.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from wattmark.audit.in_force import is_on, kind_on
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import COVERAGE, FINDINGS, NOT_CHECKED
from wattmark.audit.scope import UNITS, is_looked_at, pilot_units
from wattmark.cases.again import BILLING_CYCLE, Past, judge_again, with_evidence
from wattmark.cases.model import Case
from wattmark.cases.months import Texts
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import Settings

FOUND, NOT_FOUND, NOT_JUDGED = "found", "not_found", "not_judged"

ROWS = {
    "account": "account", "bill": "bill", "capacity_change": "capacity_change", "contract": "contract",
    "customer": "customer", "fee": "fee", "inspection": "inspection", "line": "line", "meter": "meter",
    "metering_point": "metering_point", "order": "service_order", "org_unit": "org_unit", "payment": "payment",
    "reading_area": "reading_area", "service_call": "service_call", "staff": "staff", "transformer": "transformer",
    "violation": "violation_case",
}  # fmt: skip
"""Where the row of a subject stands in the source."""
SPEAK_OF_GONE = frozenset({"BUS-07", "BUS-10", "TAR-26", "MET-15"})
"""Rules that look at what is gone, and so are not settled by it."""
SPEAK_OF_CLOSED_ORDERS = ("ACC-", "SVC-", "RSK-01")
"""Rules whose orders may be closed, but not withdrawn."""
OF_APPLICANTS = "ACC-15"
"""Looks at metering points, but judges an application of their account."""
SETTLED = ("closed", "dismissed")
"""States in which the case of a past month is not judged again."""


@dataclass(frozen=True)
class Judgement:
    """What tonight says of a case.

    Attributes:
        case_id: of the case.
        verdict: ``found``, ``not_found`` (judged and not found) or ``not_judged``.
        finding: the finding where found, columns of ``findings.audit_exception``, ``evidence`` as a mapping; its ``kind``
            says whether the rule is an exception or, tonight, a listing.
        subject_gone: the account is closed, the meter removed or scrapped, the transformer retired, the order closed or
            withdrawn, of rules that do not speak of such.
        note: what a person should know of how it was judged, in English; else None.
    """

    case_id: str
    verdict: str
    finding: dict[str, Any] | None = None
    subject_gone: bool = False
    note: str | None = None


def judgements(settings: Settings, run: Run, cases: Iterable[Case]) -> dict[str, Judgement]:
    """Judge each case by what the night of a run found, and past months of cases again; by case_id.

    Args:
        settings: the home's settings; the lake holds the night's findings.
        run: the night.
        cases: rows of ``ops.audit_case``; those that are settled for good may be left out by the caller.
    """
    cases = list(cases)
    with DuckDBSession(settings, run) as session:
        tonight = _Tonight(session, cases)
    pasts = _pasts(settings, run, tonight, cases)
    return {case.case_id: tonight.judgement(case, pasts) for case in cases}


def _pasts(settings: Settings, run: Run, tonight: _Tonight, cases: Sequence[Case]) -> dict[dt.date, Past]:
    """Past months judged again, for those cases that tonight's own month does not settle."""
    months: dict[dt.date, list[Case]] = defaultdict(list)
    for case in cases:
        if case.period is not None and tonight.is_to_be_judged_again(case):
            months[case.period].append(case)
    found = {}
    texts: Texts = {}
    for month, theirs in sorted(months.items()):
        rules = [tonight.rules[rule_id] for rule_id in sorted({case.rule_id for case in theirs})]
        found[month] = judge_again(settings, run, month, rules, theirs, texts)
    return found


@dataclass
class _Rows:
    """Subjects of one kind whose rows are in the source, of those that cases name; and which of them are gone."""

    there: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)


class _Tonight:
    """All that the night's tables say of some cases, looked up once for all of them."""

    def __init__(self, session: DuckDBSession, cases: Sequence[Case]) -> None:
        self.settings, self.run = session.settings, session.run
        self.rules = all_rules(session.catalog)
        self._overrides = session.overrides
        self._known: dict[str, tuple[bool, dt.date, dict[str, Any]]] = {}
        keys = ("rule_id", "subject_type", "subject_id", "account_id")
        session.duck.register(
            "_case",
            pa.table({key: pa.array([getattr(case, key) for case in cases], pa.string()) for key in keys}),
        )
        self._findings = {
            (row["rule_id"], row["subject_type"], row["subject_id"], row["period"]): with_evidence(row)
            for row in session.query(_FINDINGS).read_all().to_pylist()
        }
        self._not_checked: set[tuple[str, str | None]] = _pairs(session, _UNCHECKED)
        self._ran = _column(session, f"SELECT rule_id FROM {COVERAGE}")
        kinds = {case.subject_type for case in cases} & set(ROWS)
        self._rows = {kind: _rows(session, kind) for kind in sorted(kinds)}
        self._units = dict(_pairs(session, _ACCOUNT_UNITS))
        self._applicants = _column(session, _APPLICANTS)
        self._pilots = _pilots(
            session, [self.rules[case.rule_id] for case in cases if case.rule_id in self.rules]
        )
        months = any(case.period is not None for case in cases)
        self._not_due = _column(session, _NOT_DUE) if months else set()
        session.duck.unregister("_case")

    # --- cases -----------------------------------------------------------------------------------

    def is_to_be_judged_again(self, case: Case) -> bool:
        """Whether a case is of a past month that has to be looked at once more."""
        rule = self.rules.get(case.rule_id)
        if rule is None or case.period is None or case.period >= self.run.period or case.state in SETTLED:
            return False
        if rule.proof == "none" or not self._of_rule(rule)[0] or not self._is_there(rule, case):
            return False
        months = (self.run.period.year - case.period.year) * 12 + self.run.period.month - case.period.month
        if months > self.settings.cases.again_months:
            return False
        return rule.proof == "same" or not self._is_right_by_now(rule, case)

    def judgement(self, case: Case, pasts: Mapping[dt.date, Past]) -> Judgement:
        """What tonight says of one case, given the months that were judged again."""
        rule = self.rules.get(case.rule_id)
        if rule is None:
            return Judgement(case.case_id, NOT_JUDGED)
        verdict, finding, note = NOT_JUDGED, None, None
        if case.period is None or case.period == self.run.period:
            finding = self._finding(case, self.run.period)
            if finding is not None:
                verdict = FOUND
            elif rule.proof != "none" and self._is_judged(rule, case):
                verdict = NOT_FOUND
        elif case.period < self.run.period and case.state not in SETTLED and rule.proof != "none":
            if rule.proof == "next" and self._is_right_by_now(rule, case):
                verdict = NOT_FOUND
            elif self.is_to_be_judged_again(case) and case.period in pasts:
                verdict, finding, note = self._again(rule, case, pasts[case.period])
        return Judgement(case.case_id, verdict, finding, self._is_gone(rule, case), note)

    def _again(self, rule: Rule, case: Case, past: Past) -> tuple[str, dict[str, Any] | None, str | None]:
        finding = past.findings.get((case.rule_id, case.subject_id))
        if finding is not None:
            # Of a past month of `next` a finding says nothing.
            return (FOUND, finding, past.note) if rule.proof == "same" else (NOT_JUDGED, None, None)
        if (
            rule.rule_id not in past.ran
            or past.not_checked & {(case.rule_id, None), (case.rule_id, case.subject_id)}
            or (case.account_id in past.not_due and _goes_by_bills(rule))
            or not self._is_in_pilot(rule, case)
        ):
            return NOT_JUDGED, None, None
        return NOT_FOUND, None, past.note

    # --- parts of it -----------------------------------------------------------------------------

    def _finding(self, case: Case, period: dt.date) -> dict[str, Any] | None:
        return self._findings.get((case.rule_id, case.subject_type, case.subject_id, period))

    def _is_used(self, rule: Rule) -> bool:
        return is_on(rule, self.settings) and is_looked_at(rule, self.settings) and rule.rule_id in self._ran

    def _is_in_pilot(self, rule: Rule, case: Case) -> bool:
        units = self._pilots.get(rule.rule_id)
        return units is None or self._units.get(case.account_id or "", case.org_unit_id) in units

    def _is_there(self, rule: Rule, case: Case) -> bool:
        """Whether the subject's row, and of an application its order's, is in the source, closed or not."""
        rows = self._rows.get(case.subject_type)
        if rows is None or rule.subject != case.subject_type or case.subject_id not in rows.there:
            return False
        return rule.rule_id != OF_APPLICANTS or case.account_id in self._applicants

    def _is_judged(self, rule: Rule, case: Case) -> bool:
        """Whether the rule judged the subject tonight, in tonight's month."""
        is_used, day, values = self._of_rule(rule)
        evidence = case.evidence or {}
        row_day = evidence.get(rule.on) if rule.on else None
        return (
            is_used
            and kind_on(rule, dt.date.fromisoformat(str(row_day)[:10]) if row_day else day) is not None
            and self._is_there(rule, case)
            and not self._not_checked & {(case.rule_id, None), (case.rule_id, case.subject_id)}
            and not (case.account_id in self._not_due and _goes_by_bills(rule))
            and (rule.window is None or rule.window.holds(evidence, self.run, values))
            and self._is_in_pilot(rule, case)
        )

    def _of_rule(self, rule: Rule) -> tuple[bool, dt.date, dict[str, Any]]:
        """Whether a rule is used, the day that it speaks of, and its parameters of that day."""
        known = self._known.get(rule.rule_id)
        if known is None:
            day = rule.file.day_of(self.run.scalars())
            values = rule.file.values(day, self._overrides.get(rule.file.name))
            known = self._known[rule.rule_id] = (self._is_used(rule), day, values)
        return known

    def _is_right_by_now(self, rule: Rule, case: Case) -> bool:
        """Whether tonight's month, a later one than the case's, is judged and does not find the subject."""
        return self._is_judged(rule, case) and self._finding(case, self.run.period) is None

    def _is_gone(self, rule: Rule, case: Case) -> bool:
        rows = self._rows.get(case.subject_type)
        if rows is None or rule.rule_id in SPEAK_OF_GONE:
            return False
        if case.subject_type == "order" and rule.rule_id.startswith(SPEAK_OF_CLOSED_ORDERS):
            return case.subject_id in rows.withdrawn
        return case.subject_id in rows.gone


def _goes_by_bills(rule: Rule) -> bool:
    """Whether a rule looks at the bill or reading of a month, and so judges none in which no bill is due."""
    return rule.judges == "month" and BILLING_CYCLE in rule.file.references


# --- looking up --------------------------------------------------------------------------------------

_FINDINGS = (
    f"SELECT f.* FROM {FINDINGS} AS f SEMI JOIN _case AS c "
    "ON c.rule_id = f.rule_id AND c.subject_type = f.subject_type AND c.subject_id = f.subject_id"
)
_UNCHECKED = (
    f"SELECT DISTINCT n.rule_id, n.subject_id FROM {NOT_CHECKED} AS n SEMI JOIN _case AS c "
    "ON c.rule_id = n.rule_id AND (n.subject_id IS NULL OR c.subject_id = n.subject_id)"
)
_ACCOUNT_UNITS = "SELECT a.account_id, a.org_unit_id FROM source.account AS a SEMI JOIN _case AS c ON c.account_id = a.account_id"
_APPLICANTS = (
    "SELECT DISTINCT o.account_id FROM source.service_order AS o SEMI JOIN _case AS c ON c.account_id = o.account_id "
    "WHERE o.kind IN ('new', 'increase')"
)
_NOT_DUE = f"SELECT b.account_id FROM {BILLING_CYCLE} AS b SEMI JOIN _case AS c ON c.account_id = b.account_id WHERE NOT b.is_due"
_GONE = {
    "account": "t.status = 'closed'",
    "meter": "t.status IN ('removed', 'scrapped')",
    "metering_point": "t.account_id IN (SELECT account_id FROM source.account WHERE status = 'closed')",
    "order": "t.closed_at IS NOT NULL OR t.outcome = 'withdrawn'",
    "transformer": "t.retired_on <= $as_of",
}


def _column(session: DuckDBSession, sql: str) -> set[str]:
    return set(session.query(sql).read_all().column(0).to_pylist())


def _pairs(session: DuckDBSession, sql: str) -> set[tuple[Any, Any]]:
    first, second = session.query(sql).read_all().columns
    return set(zip(first.to_pylist(), second.to_pylist(), strict=True))


def _rows(session: DuckDBSession, kind: str) -> _Rows:
    table = session.contract.tables[ROWS[kind]]
    withdrawn = "t.outcome = 'withdrawn'" if kind == "order" else "FALSE"
    found = session.query(
        f"SELECT t.{table.key[0]} AS id, COALESCE({_GONE.get(kind, 'FALSE')}, FALSE) AS is_gone, "
        f"COALESCE({withdrawn}, FALSE) AS is_withdrawn FROM source.{table.name} AS t "
        f"SEMI JOIN _case AS c ON c.subject_type = '{kind}' AND c.subject_id = t.{table.key[0]}"
    ).read_all()
    rows = _Rows()
    for row in found.to_pylist():
        rows.there.add(row["id"])
        if row["is_gone"]:
            rows.gone.add(row["id"])
        if row["is_withdrawn"]:
            rows.withdrawn.add(row["id"])
    return rows


def _pilots(session: DuckDBSession, rules: Iterable[Rule]) -> dict[str, set[str]]:
    """Of rules that are tried in some units, these and all below them."""
    wanted = {rule.rule_id: units for rule in rules if (units := pilot_units(rule, session.settings))}
    if not wanted:
        return {}
    below: dict[str | None, list[str]] = defaultdict(list)
    for unit, parent in _pairs(session, f"SELECT org_unit_id, parent_id FROM {UNITS}"):
        below[parent].append(unit)
    found = {}
    for rule_id, units in wanted.items():
        todo, reached = list(units), set[str]()
        while todo:
            unit = todo.pop()
            if unit not in reached:
                reached.add(unit)
                todo += below[unit]
        found[rule_id] = reached
    return found
