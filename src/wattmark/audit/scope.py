"""Where rules are used: all over the utility, or in some units and those below them alone; and which families.

``audit.rules.<RULE-ID>.units`` of the settings makes a pilot of a rule: what lies elsewhere is not looked at and not
counted. ``audit.families`` leaves whole families out. The unit of a subject is its account's, else the one that the rule
names, else the subject's own (``core.subject_unit``); a subject without any is in no pilot.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence

from wattmark.audit.rules import Rule
from wattmark.engine.catalog import meant
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import literal
from wattmark.errors import SettingsError
from wattmark.settings import Settings, place

log = logging.getLogger(__name__)

ACCOUNTS, UNITS, SUBJECT_UNIT = "source.account", "source.org_unit", "core.subject_unit"
READ = (ACCOUNTS, UNITS, SUBJECT_UNIT)
"""What is read to say where a subject lies."""
HAVE_UNITS = frozenset(
    {
        "customer",
        "line",
        "meter",
        "metering_point",
        "org_unit",
        "reading_area",
        "service_call",
        "staff",
        "transformer",
    }
)
"""Subjects that stand in ``core.subject_unit``; all others are an account's."""


def is_looked_at(rule: Rule, settings: Settings) -> bool:
    """Whether a utility looks at a rule's family."""
    families = settings.audit.families
    return families is None or rule.family in families


def pilot_units(rule: Rule, settings: Settings) -> tuple[str, ...]:
    """The units that a rule is tried in; none where it is used everywhere."""
    own = settings.audit.rules.get(rule.rule_id)
    return own.units if own is not None else ()


def refuse_unknown_families(rules: Iterable[Rule], settings: Settings) -> None:
    """Hold ``audit.families`` of the settings against the families there are.

    Raises:
        SettingsError: it names a family without rules.
    """
    known = sorted({rule.family for rule in rules})
    for family in settings.audit.families or ():
        if family not in known:
            raise SettingsError(
                "rule.unknown_family",
                f"{place(settings.home, settings.project, ['audit', 'families'])}: audit.families: "
                f"there is no family {family}.",
                meant(family, known) or f"There are {', '.join(known)}.",
            )


def scoped_sql(
    session: Session, rule: Rule, body: str, columns: Collection[str], *, readable: Sequence[str] = READ
) -> str:
    """SQL text for DuckDB of a rule's rows of subjects that it is tried on; all of them where it is no pilot.

    Args:
        session: whose settings hold.
        rule: the rule.
        body: text of its rows.
        columns: of these rows.
        readable: the tables of ``READ`` that the session holds.
    """
    units = pilot_units(rule, session.settings)
    if not units:
        return body
    named = ", ".join(literal(unit).sql(dialect="duckdb") for unit in units)
    whose, joins = [], []
    if "account_id" in columns:
        whose.append("pilot_account.org_unit_id")
        joins.append(f"LEFT JOIN {ACCOUNTS} AS pilot_account ON pilot_account.account_id = r.account_id")
    if "org_unit_id" in columns:
        whose.append("r.org_unit_id")
    if rule.subject in HAVE_UNITS and SUBJECT_UNIT in readable:
        whose.append("pilot_subject.org_unit_id")
        joins.append(
            f"LEFT JOIN {SUBJECT_UNIT} AS pilot_subject "
            f"ON pilot_subject.subject_type = '{rule.subject}' AND pilot_subject.subject_id = CAST(r.subject_id AS VARCHAR)"
        )
    return (
        f"WITH RECURSIVE pilot_unit AS (SELECT org_unit_id FROM {UNITS} WHERE org_unit_id IN ({named}) "
        f"UNION SELECT below.org_unit_id FROM {UNITS} AS below JOIN pilot_unit ON below.parent_id = pilot_unit.org_unit_id) "
        f"SELECT r.* FROM ({body}) AS r {' '.join(joins)} "
        f"WHERE COALESCE({', '.join([*whose, 'NULL', 'NULL'])}) IN (SELECT org_unit_id FROM pilot_unit)"
    )


def tell_unknown_units(session: Session, rules: Iterable[Rule]) -> None:
    """Log a warning for each unit of a pilot that the utility does not have: nothing is looked at there."""
    wanted = {unit: rule.rule_id for rule in rules for unit in pilot_units(rule, session.settings)}
    if not wanted:
        return
    session.see([UNITS])
    there = {row[0] for row in session.duck.sql(f"SELECT org_unit_id FROM {UNITS}").fetchall()}
    for unit, rule_id in sorted(wanted.items()):
        if unit not in there:
            log.warning("audit.rules.%s.units names %s, which is no unit.", rule_id, unit)
