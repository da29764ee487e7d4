"""Runs one rule aside of the night: on what was known earlier, or with another parameter.

Nothing is written to the lake.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattmark.audit.in_force import is_on
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import FINDINGS, Coverage, create_findings, run_rule
from wattmark.engine.catalog import Catalog, catalog_of
from wattmark.engine.made import DATED_LAYERS
from wattmark.engine.session import ACCEPTED, DuckDBSession, Session
from wattmark.errors import SettingsError, WattmarkError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Override, Settings


class ReplayError(WattmarkError):
    """A rule cannot be run for a date: what was known then is not there any more, or never was."""


@dataclass(frozen=True)
class Finding:
    """One finding of a rule; ``evidence`` as published."""

    rule_id: str
    subject_type: str
    subject_id: str
    account_id: str | None
    org_unit_id: str | None
    severity: str
    kind: str
    at_stake_amount: decimal.Decimal | None
    evidence: dict[str, Any]

    @property
    def subject(self) -> tuple[str, str]:
        """Type and key of what is flagged."""
        return self.subject_type, self.subject_id

    @property
    def told_from(self) -> dict[str, Any]:
        """What its sentence is filled with."""
        return {
            **self.evidence,
            "subject_id": self.subject_id,
            "account_id": self.account_id,
            "org_unit_id": self.org_unit_id,
            "at_stake_amount": self.at_stake_amount,
        }


def money(findings: Iterable[Finding]) -> tuple[decimal.Decimal, decimal.Decimal]:
    """Money at stake: what is owed to the utility, and what is owed to customers; both above 0."""
    amounts = [finding.at_stake_amount for finding in findings if finding.at_stake_amount is not None]
    none = decimal.Decimal(0)
    return sum((amount for amount in amounts if amount > 0), none), -sum(
        (amount for amount in amounts if amount < 0), none
    )


def rule_named(catalog: Catalog, rule_id: str) -> Rule:
    """The rule of that id.

    Raises:
        SettingsError: there is none.
    """
    rules = all_rules(catalog)
    if rule_id not in rules:
        near = [known for known in rules if known.split("-")[0] == rule_id.split("-")[0].upper()]
        raise SettingsError(
            "rule.unknown", f"there is no rule {rule_id}.", f"There are: {', '.join(near or rules)}."
        )
    return rules[rule_id]


def _rule_in_use(settings: Settings, catalog: Catalog, rule_id: str) -> Rule:
    rule = rule_named(catalog, rule_id)
    if not is_on(rule, settings):
        own = settings.audit.rules.get(rule_id)
        switched_off = own is not None and own.enabled is False
        why = (
            "is switched off"
            if switched_off
            else f"is {rule.country}'s and the utility is in {settings.utility.country}"
        )
        raise SettingsError("rule.off", f"{rule_id} {why}.", f"Set audit.rules.{rule_id}.enabled to use it.")
    return rule


def findings_from(rows: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Findings from rows of ``findings.audit_exception``."""
    names = (
        "rule_id",
        "subject_type",
        "subject_id",
        "account_id",
        "org_unit_id",
        "severity",
        "kind",
        "at_stake_amount",
    )
    return [
        Finding(**{name: row[name] for name in names}, evidence=json.loads(row["evidence"] or "{}"))
        for row in rows
    ]


def find(session: Session, rule: Rule) -> tuple[Coverage, list[Finding]]:
    """Run one rule in a session; returns what it looked at and what it found, by subject."""
    table = create_findings(session, "_whatif")
    coverage = run_rule(session, rule, table)
    rows = session.duck.sql(f"SELECT * FROM {table} ORDER BY subject_id").to_arrow_table().to_pylist()
    return coverage, findings_from(rows)


# --- an earlier date ---------------------------------------------------------------------------------


def versions_of(settings: Settings, run: Run) -> dict[str, int]:
    """Lake versions of the accepted tables as a published night saw them.

    What was accepted does not depend on the audited month, so another run of the same date serves as well.

    Raises:
        ReplayError: no night of that date was published, naming the dates there are; or a table was read anew since.
    """
    folder = Home(settings.home).versions
    exact = folder / f"{run.run_id}.json"
    same_day = sorted(folder.glob(f"{run.as_of:%Y%m%d}-*.json")) if folder.is_dir() else []
    if not exact.exists() and not same_day:
        known = sorted({path.stem.split("-")[0] for path in folder.glob("*.json")}) if folder.is_dir() else []
        dates = ", ".join(f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in known[-10:]) or "none"
        raise ReplayError(
            "replay.unknown",
            f"no night of {run.as_of} was published in {settings.home}.",
            f"Published dates: {dates}.",
        )
    raw = json.loads((exact if exact.exists() else same_day[-1]).read_text(encoding="utf-8"))
    if lost := sorted(table for table, version in raw.items() if version is None):
        raise ReplayError(
            "replay.lost",
            f"what {', '.join(lost)} held on {run.as_of} is lost: the table was damaged and has been read anew since.",
            "Only later nights can be replayed.",
        )
    return {str(table): int(version) for table, version in raw.items()}


def earlier_session(settings: Settings, run: Run, catalog: Catalog | None = None) -> DuckDBSession:
    """A session that knows what the night of the run's date knew, and builds everything else in memory.

    Raises:
        ReplayError: see ``versions_of``.
    """
    versions = versions_of(settings, run)

    def reads(name: str) -> bool:
        return name in versions if name.startswith(f"{ACCEPTED}.") else name.split(".")[0] in DATED_LAYERS

    return DuckDBSession(settings, run, catalog, stored=False, versions=versions, reads=reads)


@dataclass(frozen=True)
class Replay:
    """One rule run again for an earlier date; ``published`` is what that night found, None where gone."""

    run: Run
    rule: Rule
    coverage: Coverage
    findings: tuple[Finding, ...]
    published: tuple[Finding, ...] | None

    @property
    def gained(self) -> list[Finding]:
        """Found now, not published then."""
        return _without(self.findings, self.published or ())

    @property
    def lost(self) -> list[Finding]:
        """Published then, not found now."""
        return _without(self.published or (), self.findings)


def _without(some: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    known = {other.subject for other in others}
    return [finding for finding in some if finding.subject not in known]


def published(settings: Settings, run: Run, rule_id: str) -> tuple[Finding, ...] | None:
    """What a night found with a rule, out of the lake's history; None where those findings are gone."""
    version = Lake(settings.lake).noted(FINDINGS, "run_id", run.run_id)
    if version is None:
        return None
    with DuckDBSession(settings, run, versions={FINDINGS: version}) as session:
        rows = session.query(
            "SELECT * FROM findings.audit_exception WHERE rule_id = $rule_id AND period = $period",
            rule_id=rule_id,
        )
        return tuple(findings_from(rows.read_all().to_pylist()))


def replay(settings: Settings, run: Run, rule_id: str) -> Replay:
    """Run a rule for an earlier date on what was known that day.

    The rule's file and parameters are today's, of which those hold that were in force on the date: a difference to
    what was published then is a changed rule, a changed parameter, or nothing.

    Raises:
        SettingsError: there is no such rule, or the utility does not use it.
        ReplayError: no night of that date was published.
    """
    catalog = catalog_of(settings)
    rule = _rule_in_use(settings, catalog, rule_id)
    with earlier_session(settings, run, catalog) as session:
        coverage, found = find(session, rule)
    return Replay(run, rule, coverage, tuple(found), published(settings, run, rule_id))


# --- another parameter --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What a rule finds with parameters as they stand and as they would stand."""

    run: Run
    rule: Rule
    before: dict[str, Any]
    after: dict[str, Any]
    found: tuple[Finding, ...]
    would_find: tuple[Finding, ...]

    @property
    def gained(self) -> list[Finding]:
        """Found with the new values only."""
        return _without(self.would_find, self.found)

    @property
    def lost(self) -> list[Finding]:
        """Found with the old values only."""
        return _without(self.found, self.would_find)

    @property
    def units(self) -> dict[str, tuple[int, int]]:
        """Findings gained and lost by organisational unit (empty text where there is none)."""
        counts: dict[str, tuple[int, int]] = {}
        for finding in self.gained:
            more, less = counts.get(finding.org_unit_id or "", (0, 0))
            counts[finding.org_unit_id or ""] = (more + 1, less)
        for finding in self.lost:
            more, less = counts.get(finding.org_unit_id or "", (0, 0))
            counts[finding.org_unit_id or ""] = (more, less + 1)
        return dict(sorted(counts.items()))


def audited_run(settings: Settings) -> Run:
    """The run whose findings the lake holds.

    Raises:
        ReplayError: no audit has run in this home.
    """
    noted = Lake(settings.lake).note(FINDINGS).get("run_id")
    if not noted:
        raise ReplayError(
            "preview.nothing", f"no audit has run in {settings.home} yet.", "Run a night first."
        )
    day, month = noted.split("-")
    as_of = dt.date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}")
    return Run.of(as_of, settings.utility.time_zone, dt.date.fromisoformat(f"{month[:4]}-{month[4:]}-01"))


def preview(settings: Settings, run: Run, rule_id: str, values: Mapping[str, Any]) -> Preview:
    """Compare what a rule finds with other parameter values.

    On the run whose tables the lake holds these are used as they are; for an earlier date they are built anew
    from what was known then.

    Args:
        settings: the home's settings; their own overrides are the values before.
        run: the run to look at.
        rule_id: the rule.
        values: new values by parameter name.

    Raises:
        SettingsError: no such rule or parameter, a rule that is not used, or a value outside the declared type or bounds.
        ReplayError: the date was never published.
    """
    catalog = catalog_of(settings)
    rule = _rule_in_use(settings, catalog, rule_id)
    declared = rule.file.parameters
    for name, value in values.items():
        if name not in declared:
            raise SettingsError(
                "parameter.unknown",
                f"{rule_id} has no parameter {name}.",
                f"It has: {', '.join(declared) or 'none'}.",
            )
        declared[name].check(value, rule_id)
    changed = {
        name: Override(value=value, since=run.as_of, reason="preview") for name, value in values.items()
    }
    parameters = {**settings.parameters, rule_id: {**settings.parameters.get(rule_id, {}), **changed}}
    others = settings.model_copy(update={"parameters": parameters})
    standing = {name: declaration.default for name, declaration in declared.items()} | catalog.overrides(
        settings
    ).get(rule.file.name, {})
    in_lake = Lake(settings.lake).note(FINDINGS).get("run_id") == run.run_id
    with (
        DuckDBSession(settings, run, catalog)
        if in_lake
        else earlier_session(settings, run, catalog) as session
    ):
        _, found = find(session, rule)
        session.overrides = catalog.overrides(others)
        _, would_find = find(session, rule)
    return Preview(
        run=run,
        rule=rule,
        before={name: standing[name] for name in values},
        after=dict(values),
        found=tuple(found),
        would_find=tuple(would_find),
    )
