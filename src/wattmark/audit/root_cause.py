"""Findings that follow from another one hang on it.

For each cause the few source rows that it names are mended in memory, and the rules behind the findings on
the same account, or on the areas and lines that its points belong to, are run again over these few rows. A
finding that is gone then follows from the cause. It is tried twice: with the readings and files mended, and
with the month billed anew as well. No pair of rules is taken for granted.

A rule whose finding does not come out the same over the few rows as it did over all (it compares with
peers) is run over all accounts with the mended account put in place, where it reads nothing but bills; else
its findings stay unexplained.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wattmark.audit.mend import CAUSES, Bench, Change, add_lines, plain
from wattmark.audit.replay import Finding, findings_from
from wattmark.audit.rules import FIXED_COLUMNS, Rule, all_rules
from wattmark.audit.runner import FINDINGS
from wattmark.contract.types import schema_of
from wattmark.engine.catalog import Catalog
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import ACCEPTED, DuckDBSession, Session
from wattmark.engine.sqlfile import SqlFile
from wattmark.run import Run
from wattmark.settings import Settings

ROOT_CAUSE = "findings.root_cause"
SCHEMA = schema_of(PRODUCED[ROOT_CAUSE])

AREAS = ("transformer", "line")
"""Subjects that are judged over many accounts at once."""
TOGETHER = 6
"""Causes of one area that are tried together at most."""
_POPULATION = frozenset({"source.account", "facts.bill_net"})
"""What a rule may read to be run over all accounts with one account mended."""
_COMPONENTS = ("energy", "loss_iron", "loss_copper", "capacity", "demand", "power_factor", "surcharge")

Subject = tuple[str, str, str]
"""Rule id, subject type and subject id of a finding."""


@dataclass(frozen=True)
class Link:
    """A finding that is gone once another one is mended: what was mended, and the values on both sides."""

    effect: Finding
    cause: Finding
    billed_anew: bool
    changes: tuple[Change, ...]
    before: dict[str, Any]
    after: dict[str, Any]
    together_with: tuple[Finding, ...] = ()
    """Other causes that had to be mended as well."""

    def explanation(self) -> dict[str, Any]:
        """What a clerk reads: the mend in words, the values changed, the effect's values before and after."""
        kind = CAUSES[self.cause.rule_id]
        return {
            "if": kind.what,
            "if_zh": kind.zh,
            "together_with": ["/".join(subject_of(one)) for one in self.together_with],
            "billed_anew": self.billed_anew,
            "changes": [change.told() for change in self.changes],
            "before": {name: plain(value) for name, value in self.before.items()},
            "after": {name: plain(value) for name, value in self.after.items()},
        }


@dataclass(frozen=True)
class Outcome:
    """What was looked at: ``left_out`` causes were over the limit, ``unmended`` ones name no change."""

    links: tuple[Link, ...]
    causes: int
    left_out: int
    unmended: int
    effects: int


def subject_of(finding: Finding) -> Subject:
    """Which finding it is."""
    return finding.rule_id, finding.subject_type, finding.subject_id


# --- a few accounts, in memory -------------------------------------------------------------------------


class _SmallSession(DuckDBSession):
    """A session in memory that shares bound statements with others of the same run."""

    texts: dict[str, str]

    def text_of(self, file: SqlFile, dialect: str = "duckdb") -> str:
        """As for any session, bound once for all that share ``texts``."""
        key = f"{dialect}:{file.name}"
        if key not in self.texts:
            self.texts[key] = super().text_of(file, dialect)
        return self.texts[key]


class _Pool:
    """Accepted rows of some accounts and points, and the interval facts of these points.

    Args:
        session: where they are read from.
        rules: what is to be run over them.
        accounts: whose rows; of tables that the rules do not read, only those of ``own`` accounts.
        points: metering points besides those of the accounts.
        texts: bound statements, shared by all pools of a run.
        areas: ids of the transformers and lines to hold; those that feed the accounts where None.
        own: accounts of the causes.
    """

    def __init__(
        self,
        session: Session,
        rules: Sequence[Rule],
        accounts: Iterable[str],
        points: Iterable[str],
        texts: dict[str, str],
        areas: Mapping[str, Iterable[str]] | None = None,
        own: Iterable[str] | None = None,
    ) -> None:
        self.settings, self.run, self.catalog = session.settings, session.run, session.catalog
        self.texts = texts
        self.tables: dict[str, pa.Table] = {}
        self._session = session
        duck = session.duck
        self._ids("_rc_account", accounts)
        self._ids("_rc_own", accounts if own is None else own)
        order = [
            session.catalog.tables[name] for name in session.catalog.order(rule.file.name for rule in rules)
        ]
        read = {
            reference.split(".")[1]
            for one in order
            for reference in one.references
            if reference.startswith("source.")
        }
        is_dated = any(one.name == "facts.interval_register" for one in order)
        self._ids("_rc_point", points)
        session.see([f"{ACCEPTED}.{name}" for name in session.contract.tables])
        self._ids(
            "_rc_point",
            self._column(
                "metering_point_id",
                "metering_point",
                "account_id IN (FROM _rc_account) OR metering_point_id IN (FROM _rc_point)",
            ),
        )
        self._ids("_rc_customer", self._column("customer_id", "account", "account_id IN (FROM _rc_account)"))
        self._ids("_rc_bill", self._column("bill_id", "bill", "account_id IN (FROM _rc_own)"))
        self._ids(
            "_rc_meter", self._column("meter_id", "metering_point", "metering_point_id IN (FROM _rc_point)")
        )
        self._ids(
            "_rc_fed", self._column("transformer_id", "supply_point", "account_id IN (FROM _rc_account)")
        )
        for name, table in session.contract.tables.items():
            columns = {column.name for column in table.columns}
            if areas is not None and name in areas:
                self._ids("_rc_area", areas[name])
                where = f"{name}_id IN (FROM _rc_area)"
            elif name == "transformer":
                where = "account_id IN (FROM _rc_account) OR transformer_id IN (FROM _rc_fed)"
            elif name == "metering_point":
                where = "metering_point_id IN (FROM _rc_point)"
            elif name == "meter":
                where = "metering_point_id IN (FROM _rc_point) OR meter_id IN (FROM _rc_meter)"
            elif name == "interval_reading":
                days = self._edge_days() if is_dated else "NULL"
                where = f"metering_point_id IN (FROM _rc_point) AND day IN ({days})"
            elif "account_id" in columns:
                where = f"account_id IN (FROM {'_rc_account' if name in read else '_rc_own'})"
            elif "metering_point_id" in columns:
                where = "metering_point_id IN (FROM _rc_point)"
            elif "bill_id" in columns:
                where = "bill_id IN (FROM _rc_bill)"
            elif "customer_id" in columns:
                where = "customer_id IN (FROM _rc_customer)"
            else:
                where = "TRUE"
            self.tables[f"{ACCEPTED}.{name}"] = self._rows(f"{ACCEPTED}.{name}", where)
        for name in sorted(_interval_facts(session, rules)):
            session.see([name])
            columns = set(duck.sql(f"SELECT * FROM {name} LIMIT 0").columns)
            by = (
                "metering_point_id"
                if "metering_point_id" in columns
                else "account_id"
                if "account_id" in columns
                else None
            )
            where = (
                "TRUE"
                if by is None
                else f"{by} IN (FROM _rc_{'point' if by == 'metering_point_id' else 'account'})"
            )
            self.tables[name] = self._rows(name, where)

    def _ids(self, name: str, values: Iterable[str | None]) -> None:
        rows = pa.table({"id": pa.array(sorted({value for value in values if value}), pa.string())})
        self._session.duck.register("_rc_ids", rows)
        self._session.duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT id FROM _rc_ids")
        self._session.duck.unregister("_rc_ids")

    def _column(self, column: str, table: str, where: str) -> list[str]:
        found = self._session.duck.execute(
            f"SELECT DISTINCT {column} FROM {ACCEPTED}.{table} WHERE {where}"
        ).fetchall()
        return [row[0] for row in found]

    def _rows(self, name: str, where: str) -> pa.Table:
        return self._session.duck.sql(f"SELECT * FROM {name} WHERE {where}").to_arrow_table()

    def _edge_days(self) -> str:
        """Days on which a register was read: the only ones whose intervals are needed one by one."""
        session = self._session
        if "facts.interval_register" not in session.catalog.tables:
            return "NULL"
        session.see(["facts.interval_register"])
        found = session.duck.execute(
            "SELECT CAST(i.from_at AS DATE) FROM facts.interval_register AS i "
            "WHERE i.metering_point_id IN (FROM _rc_point) "
            "UNION SELECT CAST(i.to_at AS DATE) FROM facts.interval_register AS i "
            "WHERE i.metering_point_id IN (FROM _rc_point)"
        ).fetchall()
        return ", ".join(f"DATE '{row[0].isoformat()}'" for row in found if row[0]) or "NULL"

    @contextmanager
    def bench(self, mended: Bench | None = None) -> Iterator[Bench]:
        """A session in memory with the pool's rows, or a bench's as they stand, and nothing calculated."""
        with _SmallSession(self.settings, self.run, self.catalog, stored=False) as session:
            session.texts = self.texts
            for name, rows in self.tables.items():
                is_row = mended is not None and name.startswith(f"{ACCEPTED}.")
                standing = (
                    mended.session.duck.sql(f"SELECT * FROM {name}").to_arrow_table()
                    if mended and is_row
                    else rows
                )
                session.give(name, standing)
            yield Bench(session)


def _interval_facts(session: Session, rules: Iterable[Rule]) -> set[str]:
    """Facts of some rules made of intervals and files alone: they are taken as they stand."""
    found: set[str] = set()
    catalog = session.catalog
    for name in catalog.order(rule.file.name for rule in rules):
        if not name.startswith("facts.") or catalog.tables[name].is_view:
            continue
        needed = {reference for one in catalog.order([name]) for reference in catalog.tables[one].references}
        if "source.interval_reading" in needed and not needed & {"source.register_reading", "source.bill"}:
            found.add(name)
    return found


def _judged(session: Session, rule: Rule, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What a rule says of some subjects, flagged or not."""
    wanted = sorted(set(subjects))
    session.duck.register("_rc_wanted", pa.table({"id": pa.array(wanted, pa.string())}))
    try:
        body = session.result_sql(rule.file)
        rows = session.duck.sql(
            f"SELECT * FROM ({body}) AS r WHERE CAST(r.subject_id AS VARCHAR) IN (FROM _rc_wanted)"
        ).to_arrow_table()
    finally:
        session.duck.unregister("_rc_wanted")
    return {str(row["subject_id"]): row for row in rows.to_pylist()}


def _evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in FIXED_COLUMNS}


def _same(row: Mapping[str, Any], finding: Finding) -> bool:
    """Whether a rule says over the few rows what it said over all."""
    if not _flagged(row):
        return False
    for name, value in _evidence(row).items():
        told, value = finding.evidence.get(name), plain(value)
        if isinstance(value, (int, float)) and isinstance(told, (int, float)):
            if not math.isclose(value, told, rel_tol=1e-6, abs_tol=1e-6):
                return False
        elif isinstance(value, (int, float, bool)) and value != told:
            return False
    return True


def _flagged(row: Mapping[str, Any]) -> bool:
    return bool(row["flagged"]) and row.get("not_checked") is None


def _cleared(row: Mapping[str, Any] | None) -> bool:
    """Whether a subject was judged and is in order; one that cannot be judged any more explains nothing."""
    return row is not None and not row["flagged"] and row.get("not_checked") is None


# --- billing anew ---------------------------------------------------------------------------------------


def _shadow(session: Session) -> dict[str, dict[str, Any]]:
    session.see(["facts.shadow_bill"])
    rows = session.duck.sql("SELECT * FROM facts.shadow_bill WHERE total_amount IS NOT NULL").to_arrow_table()
    return {row["bill_id"]: row for row in rows.to_pylist()}


def _amounts(row: Mapping[str, Any]) -> dict[str, Decimal]:
    nothing = Decimal(0)
    iron = row["loss_iron_amount"] or nothing
    copper = (row["loss_amount"] or nothing) - iron
    told = {"loss_iron": iron, "loss_copper": copper}
    return {name: told[name] if name in told else row[f"{name}_amount"] or nothing for name in _COMPONENTS}


def bill_anew(
    bench: Bench, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """Move each bill by what its recalculation moved.

    What was wrong with a bill besides stays wrong with it.

    Args:
        bench: where the mended rows stand.
        before: rows of ``facts.shadow_bill`` by bill before the mend.
        after: the same after it.
    """
    changes: list[Change] = []
    for bill_id in sorted(set(before) & set(after)):
        old, new = before[bill_id], after[bill_id]
        was, now = _amounts(old), _amounts(new)
        moved = {name: now[name] - was[name] for name in _COMPONENTS if now[name] != was[name]}
        metered, loss = new["metered_kwh"] - old["metered_kwh"], new["loss_kwh"] - old["loss_kwh"]
        if not moved and not metered and not loss:
            continue
        key = {"bill_id": bill_id}
        for column, more in (("metered_kwh", metered), ("loss_kwh", loss), ("billed_kwh", metered + loss)):
            standing = bench.rows(f'SELECT "{column}" FROM {ACCEPTED}.bill WHERE bill_id = ?', [bill_id])
            if more and standing:
                changes += bench.set("bill", key, column, standing[0][0] + more)
        if moved:
            changes += add_lines(bench, bill_id, moved)
    return changes


# --- trying one round ------------------------------------------------------------------------------------


class _Trial:
    """Findings of some subjects before and after a mend, over one pool."""

    def __init__(
        self, pool: _Pool, rules: Mapping[str, Rule], effects: Sequence[Finding], session: Session
    ) -> None:
        self.pool, self.rules, self._session = pool, rules, session
        self.effects: dict[Subject, Finding] = {}
        self.before: dict[Subject, dict[str, Any]] = {}
        self._population: set[str] = set()
        with pool.bench() as bench:
            found = self._judge(bench.session, effects)
            # Areas and lines are weighed by what was metered, whatever was billed for it.
            self.shadow = {} if all(one.subject_type in AREAS for one in effects) else _shadow(bench.session)
        for one in effects:
            key, row = subject_of(one), found.get(subject_of(one))
            if row is not None and _same(row, one):
                self.effects[key], self.before[key] = one, row
            elif rules[one.rule_id].file.references <= _POPULATION:
                # Judged against peers: over the few rows it is something else, over all it is not.
                self.effects[key], self.before[key] = one, dict(one.evidence)
                self._population.add(one.rule_id)

    def _judge(self, session: Session, effects: Iterable[Finding]) -> dict[Subject, dict[str, Any]]:
        wanted: dict[str, list[Finding]] = {}
        for one in effects:
            wanted.setdefault(one.rule_id, []).append(one)
        found: dict[Subject, dict[str, Any]] = {}
        for rule_id, findings in sorted(wanted.items()):
            rows = _judged(session, self.rules[rule_id], [one.subject_id for one in findings])
            for one in findings:
                if one.subject_id in rows:
                    found[subject_of(one)] = rows[one.subject_id]
        return found

    def _after(self, session: Session, effects: Iterable[Finding]) -> dict[Subject, dict[str, Any]]:
        listed = list(effects)
        found = self._judge(session, [one for one in listed if one.rule_id not in self._population])
        peers = [one for one in listed if one.rule_id in self._population]
        if peers:
            found |= self._over_all(session, peers)
        return found

    def _over_all(self, mended: Session, effects: Sequence[Finding]) -> dict[Subject, dict[str, Any]]:
        whole = self._session
        mended.see(["facts.bill_net", f"{ACCEPTED}.account"])
        whole.see(["facts.bill_net", f"{ACCEPTED}.account"])
        with DuckDBSession(self.pool.settings, self.pool.run, self.pool.catalog, stored=False) as session:
            for name, where in (
                ("facts.bill_net", f"period = DATE '{self.pool.run.period.isoformat()}'"),
                (f"{ACCEPTED}.account", "TRUE"),
            ):
                some = mended.duck.sql(f"SELECT * FROM {name} WHERE {where}").to_arrow_table()
                whole.duck.register("_rc_some", some)
                rows = whole.duck.sql(
                    f"SELECT * FROM {name} WHERE {where} "
                    "AND account_id NOT IN (SELECT account_id FROM _rc_some) "
                    "UNION ALL BY NAME SELECT * FROM _rc_some"
                ).to_arrow_table()
                whole.duck.unregister("_rc_some")
                session.give(name, rows)
            return self._judge(session, effects)

    def links(self, causes: Sequence[tuple[Finding, Sequence[Finding]]]) -> tuple[list[Link], int]:
        """Try several causes at once, of different accounts; returns links and how many name no change."""
        links: list[Link] = []
        with self.pool.bench() as bench:
            changes = {subject_of(cause): CAUSES[cause.rule_id].mend(bench, cause) for cause, _ in causes}
            mended = [
                (cause, [one for one in near if subject_of(one) in self.effects])
                for cause, near in causes
                if changes[subject_of(cause)]
            ]
            unmended = len(causes) - len(mended)
            if not any(near for _, near in mended):
                return links, unmended
            # What was built from rows before they were mended would hide the mend.
            with self.pool.bench(bench) as fresh:
                after = self._after(fresh.session, [one for _, near in mended for one in near])
                shadow = _shadow(fresh.session) if self.shadow else {}
            links += self._cleared(mended, changes, after, billed_anew=False)
            left = {subject_of(link.effect) for link in links}
            open_ = [(cause, [one for one in near if subject_of(one) not in left]) for cause, near in mended]
            anew = bill_anew(bench, self.shadow, shadow)
            if anew and any(near for _, near in open_):
                with self.pool.bench(bench) as fresh:
                    after = self._after(fresh.session, [one for _, near in open_ for one in near])
                links += self._cleared(open_, changes, after, billed_anew=True)
        return links, unmended

    def _cleared(
        self,
        causes: Iterable[tuple[Finding, Sequence[Finding]]],
        changes: Mapping[Subject, list[Change]],
        after: Mapping[Subject, dict[str, Any]],
        *,
        billed_anew: bool,
    ) -> list[Link]:
        return [
            Link(
                effect=effect,
                cause=cause,
                billed_anew=billed_anew,
                changes=tuple(changes[subject_of(cause)]),
                before=dict(effect.evidence),
                after=_evidence(after[subject_of(effect)]),
            )
            for cause, near in causes
            for effect in near
            if _cleared(after.get(subject_of(effect)))
        ]


# --- the night's step ------------------------------------------------------------------------------------


def explain(session: Session, findings: Sequence[Finding], limit: int) -> Outcome:
    """Find which findings follow from which.

    Args:
        session: a session that can read accepted tables and facts of the night, from the lake or from memory.
        findings: everything the rules found.
        limit: causes to try at most, those with most money at stake first.

    Returns:
        at most one link an effect: to the first cause, in the order of ``mend.CAUSES``, that clears it.
    """
    catalog = session.catalog
    rank = {rule_id: number for number, rule_id in enumerate(CAUSES)}
    rules = {
        rule_id: rule
        for rule_id, rule in all_rules(catalog).items()
        if not any(_is_model(catalog, name) for name in catalog.order([rule.file.name]))
    }
    all_causes = sorted(
        (one for one in findings if one.rule_id in rank),
        key=lambda one: (-abs(one.at_stake_amount or Decimal(0)), rank[one.rule_id], one.subject_id),
    )
    causes = sorted(all_causes[:limit], key=lambda one: (rank[one.rule_id], one.subject_id))
    effects = [one for one in findings if one.rule_id in rules]
    account_of = _accounts(causes)

    def may_follow(effect: Finding, cause: Finding) -> bool:
        # Only the deeper of two causes may explain the other, so that none explains itself in the end.
        return rank.get(effect.rule_id, len(rank)) > rank[cause.rule_id] and subject_of(effect) != subject_of(
            cause
        )

    near: dict[Subject, list[Finding]] = {subject_of(one): [] for one in causes}
    by_account: dict[str, list[Finding]] = {}
    by_point: dict[str, list[Finding]] = {}
    for one in effects:
        if one.subject_type in AREAS and one.account_id is None:
            continue
        if one.account_id:
            by_account.setdefault(one.account_id, []).append(one)
        elif one.subject_type == "metering_point":
            by_point.setdefault(one.subject_id, []).append(one)
    for cause in causes:
        candidates = by_account.get(account_of.get(subject_of(cause), ""), []) + by_point.get(
            cause.subject_id, []
        )
        near[subject_of(cause)] = [one for one in candidates if may_follow(one, cause)]

    links: dict[Subject, Link] = {}
    texts: dict[str, str] = {}
    unmended = 0
    wanted = {subject_of(one): one for cause in causes for one in near[subject_of(cause)]}
    if wanted:
        points = [cause.subject_id for cause in causes if cause.subject_type == "metering_point"]
        needed = [rules[rule_id] for rule_id in sorted({one.rule_id for one in wanted.values()})]
        pool = _Pool(session, needed, account_of.values(), points, texts)
        trial = _Trial(pool, rules, list(wanted.values()), session)
        for group in _rounds(causes, account_of):
            found, nothing = trial.links([(cause, near[subject_of(cause)]) for cause in group])
            unmended += nothing
            for link in found:
                links.setdefault(subject_of(link.effect), link)
    balances = []
    touched = _touched(session, causes, account_of) if causes else {}
    for effect in effects:
        if effect.subject_type in AREAS and effect.account_id is None:
            area = (effect.subject_type, effect.subject_id)
            related = [
                cause for cause in causes if area in touched[subject_of(cause)] and may_follow(effect, cause)
            ]
            if related:
                wanted[subject_of(effect)] = effect
                balances.append(_balance_of(session, effect, related, account_of))
    for link in _explain_areas(session, rules, balances, texts):
        links.setdefault(subject_of(link.effect), link)
    ordered = tuple(links[key] for key in sorted(links))
    return Outcome(ordered, len(all_causes), len(all_causes) - len(causes), unmended, len(wanted))


def _is_model(catalog: Catalog, name: str) -> bool:
    """Whether a table is scored over all accounts, so that a few of them mean nothing."""
    layer = name.split(".")[0]
    return layer == "segment" or (layer != "core" and isinstance(catalog.tables[name], PythonTable))


def _accounts(causes: Iterable[Finding]) -> dict[Subject, str]:
    return {subject_of(one): one.account_id for one in causes if one.account_id}


def _rounds(causes: Iterable[Finding], account_of: Mapping[Subject, str]) -> list[list[Finding]]:
    """Causes in rounds such that no two of a round touch the same account; each in its order."""
    rounds: list[list[Finding]] = []
    used: list[set[str]] = []
    for cause in causes:
        at = account_of.get(subject_of(cause)) or cause.subject_id
        number = next((number for number, taken in enumerate(used) if at not in taken), len(rounds))
        if number == len(rounds):
            rounds.append([])
            used.append(set())
        rounds[number].append(cause)
        used[number].add(at)
    return rounds


def _balance(session: Session, level: str, area: str) -> tuple[set[str], set[str]]:
    """Points and accounts that the balance of an area or line holds."""
    session.see(["facts.loss_member"])
    rows = session.duck.execute(
        "SELECT metering_point_id, account_id FROM facts.loss_member WHERE level = ? AND id = ?",
        [level, area],
    ).fetchall()
    points = {point for point, _ in rows}
    accounts = {account for _, account in rows if account}
    return points, accounts


def _touched(
    session: Session, causes: Sequence[Finding], account_of: Mapping[Subject, str]
) -> dict[Subject, set[tuple[str, str]]]:
    """Areas and lines by cause: whose balance holds its point or account, or that it names itself."""
    points = {cause.subject_id for cause in causes if cause.subject_type == "metering_point"}
    accounts = set(account_of.values())
    session.see(["facts.loss_member"])
    session.duck.register("_rc_points", pa.table({"id": pa.array(sorted(points), pa.string())}))
    session.duck.register("_rc_accounts", pa.table({"id": pa.array(sorted(accounts), pa.string())}))
    held = session.duck.execute(
        "SELECT level, id, metering_point_id, account_id FROM facts.loss_member "
        "WHERE metering_point_id IN (FROM _rc_points) OR account_id IN (FROM _rc_accounts)"
    ).fetchall()
    session.duck.unregister("_rc_points")
    session.duck.unregister("_rc_accounts")
    by_point: dict[str, set[tuple[str, str]]] = {}
    by_account: dict[str, set[tuple[str, str]]] = {}
    for level, area, point, account in held:
        by_point.setdefault(point, set()).add((level, area))
        by_account.setdefault(account, set()).add((level, area))
    found = {}
    for cause in causes:
        areas = set(by_account.get(account_of.get(subject_of(cause), ""), set()))
        if cause.subject_type == "metering_point":
            areas |= by_point.get(cause.subject_id, set())
        named = (cause.evidence.get("other_transformer_id"), cause.evidence.get("transformer_id"))
        found[subject_of(cause)] = areas | {("transformer", str(one)) for one in named if one}
    return found


@dataclass(frozen=True)
class _Balance:
    """An area's or line's finding, the causes related to it, and whose rows it needs."""

    effect: Finding
    causes: list[Finding]
    points: set[str]
    accounts: set[str]
    own: set[str]
    areas: dict[str, list[str]]


def _balance_of(
    session: Session, effect: Finding, causes: list[Finding], account_of: Mapping[Subject, str]
) -> _Balance:
    points, accounts = _balance(session, effect.subject_type, effect.subject_id)
    own = {account_of[subject_of(cause)] for cause in causes if subject_of(cause) in account_of}
    points |= {cause.subject_id for cause in causes if cause.subject_type == "metering_point"}
    areas: dict[str, list[str]] = {"transformer": [effect.subject_id], "line": []}
    if effect.subject_type == "line":
        session.see([f"{ACCEPTED}.transformer"])
        on_line = session.duck.execute(
            f"SELECT transformer_id FROM {ACCEPTED}.transformer WHERE line_id = ? ORDER BY 1",
            [effect.subject_id],
        ).fetchall()
        areas = {"transformer": [row[0] for row in on_line], "line": [effect.subject_id]}
    return _Balance(effect, causes, points, accounts | own, own, areas)


def _explain_areas(
    session: Session, rules: Mapping[str, Rule], balances: Sequence[_Balance], texts: dict[str, str]
) -> Iterator[Link]:
    """Run rules of areas and lines again with one related cause after the other mended.

    The night's tables are read once for all of them.
    """
    if not balances:
        return
    needed = [rules[rule_id] for rule_id in sorted({one.effect.rule_id for one in balances})]
    stage = _Pool(
        session,
        needed,
        {account for one in balances for account in one.accounts},
        {point for one in balances for point in one.points},
        texts,
        {name: [area for one in balances for area in one.areas[name]] for name in AREAS},
        {account for one in balances for account in one.own},
    )
    with stage.bench() as all_of_them:
        for one in balances:
            own_rule = [rules[one.effect.rule_id]]
            pool = _Pool(all_of_them.session, own_rule, one.accounts, one.points, texts, one.areas, one.own)
            link = _explain_area(_Trial(pool, rules, [one.effect], session), one)
            if link is not None:
                yield link


def _explain_area(trial: _Trial, balance: _Balance) -> Link | None:
    for cause in balance.causes:
        found, _ = trial.links([(cause, [balance.effect])])
        if found:
            return found[0]
    few = balance.causes[:TOGETHER]
    return _together(trial, balance.effect, few) if len(few) > 1 else None


def _together(trial: _Trial, effect: Finding, causes: Sequence[Finding]) -> Link | None:
    """Several causes that clear a finding only together: those without which it stays, hung on the largest."""

    def cleared_by(some: Sequence[Finding]) -> list[Link]:
        return trial.links([(cause, [effect]) for cause in some])[0]

    needed, found = list(causes), cleared_by(causes)
    if not found:
        return None
    for cause in causes:
        fewer = [one for one in needed if one is not cause]
        if len(fewer) > 1 and (still := cleared_by(fewer)):
            needed, found = fewer, still
    largest = max(
        found, key=lambda link: (abs(link.cause.at_stake_amount or Decimal(0)), subject_of(link.cause))
    )
    others = tuple(link.cause for link in found if link is not largest)
    changes = tuple(change for link in found for change in link.changes)
    return replace(largest, changes=changes, together_with=others)


def rows_of(links: Iterable[Link]) -> pa.Table:
    """Links as rows of ``findings.root_cause``."""
    return pa.Table.from_pylist(
        [
            {
                "rule_id": link.effect.rule_id,
                "subject_type": link.effect.subject_type,
                "subject_id": link.effect.subject_id,
                "cause_rule_id": link.cause.rule_id,
                "cause_subject_type": link.cause.subject_type,
                "cause_subject_id": link.cause.subject_id,
                "explanation": json.dumps(link.explanation(), ensure_ascii=False, sort_keys=True),
            }
            for link in links
        ],
        schema=SCHEMA,
    )


def night_root_causes(settings: Settings, run: Run, families: Sequence[str]) -> dict[str, int]:
    """Hang tonight's findings of some rule families on the ones they follow from; call it once these have run.

    Writes ``findings.root_cause``; ``audit.root_causes`` of the settings bounds how many causes are tried.

    Returns:
        counts: causes, causes left out and not mendable, effects tried, effects explained.
    """
    with DuckDBSession(settings, run) as session:
        found = session.query(f"SELECT * FROM {FINDINGS}").read_all()
        findings = findings_from(
            found.filter(pc.is_in(found["family"], pa.array(families, pa.string()))).to_pylist()
        )
        done = explain(session, findings, settings.audit.root_causes)
        session.lake.replace(ROOT_CAUSE, rows_of(done.links), metadata={"run_id": run.run_id})
    return {
        "causes": done.causes,
        "left_out": done.left_out,
        "not_mendable": done.unmended,
        "effects_tried": done.effects,
        "explained": len(done.links),
    }
