"""Rows and findings that would differ: what would be built anew is built aside, from the last night's inputs, and compared.

Nothing goes into the lake. A table that comes out the same spares those that rest on it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wattmark.audit.replay import Finding, findings_from
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import (
    COVERAGE,
    COVERAGE_UNIT,
    FINDINGS,
    NOT_CHECKED,
    Coverage,
    coverage_by_unit,
    coverage_table,
    create_findings,
    create_not_checked,
    run_rule,
    told,
)
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import literal
from wattmark.errors import SqlFileError, WattmarkError
from wattmark.plan.reasons import OF_RULES, Step

OF_CASES = "cases"


@dataclass(frozen=True)
class RowChange:
    """Rows of a table that would differ, by its key; ``columns`` names those that come, go or change their type.

    ``not_compared`` says why nothing is known; the counts are 0 then.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: tuple[str, ...] = ()
    not_compared: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything would be another."""
        return bool(self.added or self.removed or self.changed or self.columns)


@dataclass(frozen=True)
class FindingChange:
    """Subjects whose finding by a rule would appear, go, or say something else."""

    appear: tuple[str, ...] = ()
    go: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    not_compared: str = ""

    @property
    def differs(self) -> bool:
        """Whether any finding would be another."""
        return bool(self.appear or self.go or self.changed)


Change = RowChange | FindingChange


class Comparison:
    """Builds steps aside, in their order, and compares each with what the lake holds.

    Args:
        open_session: makes a session that keeps what it builds in files, given which tables of the lake may be read.
        steps: all steps that would be built anew and are needed for those asked about, in the order of a night.
    """

    def __init__(
        self, open_session: Callable[[Callable[[str], bool]], DuckDBSession], steps: Sequence[Step]
    ) -> None:
        self._steps = steps
        self._pending = {step.name for step in steps}
        self.session = open_session(lambda name: name not in self._pending)
        self._rules = all_rules(self.session.catalog)
        self._differs: set[str] = set()
        self._unknown: dict[str, str] = {}
        self._judged: dict[str, tuple[Coverage | None, Rule]] = {}
        self._findings_put = False

    def run(self, watched: Callable[[Step], None] = lambda _: None) -> dict[str, Change]:
        """What would differ, by step.

        Args:
            watched: is told of each step before it is built.

        Raises:
            SqlFileError: a file does not run; names file and line.
        """
        found: dict[str, Change] = {}
        create_findings(self.session, "_plan_findings")
        create_not_checked(self.session, "_plan_not_checked")
        for step in self._steps:
            watched(step)
            if not step.is_rule and step.upstream & set(OF_RULES):
                self._put_findings()
            found[step.name] = change = self._compared(step)
            self._pending.discard(step.name)
            if change.not_compared:
                self._unknown[step.name] = change.not_compared
            elif change.differs:
                self._differs.add(step.name)
        return found

    def _compared(self, step: Step) -> Change:
        nothing: Change = FindingChange() if step.is_rule else RowChange()
        if step.only_upstream:
            unknown = sorted(step.upstream & set(self._unknown))
            if not step.upstream & self._differs:
                return type(nothing)(not_compared=f"rests on {unknown[0]}") if unknown else nothing
        if step.is_rule:
            return self._findings_of(self._rules[step.shown_name], step)
        return self._rows_of(step.name)

    # --- tables --------------------------------------------------------------------------------------

    def _rows_of(self, name: str) -> RowChange:
        session = self.session
        if name.startswith(f"{OF_CASES}."):
            return RowChange(not_compared="is read from the warehouse when the night closes")
        try:
            session.build(name)
        except SqlFileError:
            raise
        except WattmarkError as error:
            return RowChange(not_compared=error.message)
        built = session.spooled.pop(name)
        self._pending.discard(name)
        session.forget(name)
        change = self._between(name, built)
        session.forget(name)
        if change.differs:
            session.spooled[name] = built
        else:
            built.unlink()
        return change

    def _between(self, name: str, built: Path) -> RowChange:
        """What differs between a table of the lake and a file."""
        session = self.session
        after = f"read_parquet({literal(str(built)).sql(dialect='duckdb')})"
        if not session.lake.exists(name):
            return RowChange(added=_count(session, f"SELECT COUNT(*) FROM {after}"))
        session.see([name])
        old, new = _columns(session, f"SELECT * FROM {name}"), _columns(session, f"SELECT * FROM {after}")
        columns = tuple(sorted(column for column in {*old, *new} if old.get(column) != new.get(column)))
        same = ", ".join(f'"{column}"' for column in new if column in old and column not in columns) or "1"
        key = [column for column in session.catalog.tables[name].key if column in old and column in new]
        if not key:
            counts = [_count(session, f"SELECT COUNT(*) FROM {rows}") for rows in (after, name)]
            return RowChange(counts[0], counts[1], 0, columns)
        keys = ", ".join(f'"{column}"' for column in key)
        matched = " AND ".join(f'o."{column}" = n."{column}"' for column in key)
        added, removed, changed = session.duck.execute(
            "SELECT COUNT(*) FILTER (o._said IS NULL), COUNT(*) FILTER (n._said IS NULL), COUNT(*) FILTER (o._said <> n._said) "
            f"FROM (SELECT {keys}, hash({same}) AS _said FROM {name}) AS o "
            f"FULL JOIN (SELECT {keys}, hash({same}) AS _said FROM {after}) AS n ON {matched}"
        ).fetchall()[0]
        return RowChange(added, removed, changed, columns)

    # --- rules ---------------------------------------------------------------------------------------

    def _findings_of(self, rule: Rule, step: Step) -> FindingChange:
        session = self.session
        session.see([FINDINGS])
        before = self._by_subject(FINDINGS, rule)
        coverage = None
        if not any(reason.kind == "off" for reason in step.reasons):
            coverage = run_rule(session, rule, "_plan_findings", "_plan_not_checked")
        after = self._by_subject("_plan_findings", rule)
        self._judged[rule.rule_id] = coverage, rule
        self._differs |= set(OF_RULES)
        return FindingChange(
            tuple(sorted(set(after) - set(before))),
            tuple(sorted(set(before) - set(after))),
            tuple(sorted(key for key in set(after) & set(before) if after[key] != before[key])),
        )

    def _by_subject(self, table: str, rule: Rule) -> dict[str, Finding]:
        rows = self.session.duck.sql(
            f"SELECT * FROM {table} WHERE rule_id = '{rule.rule_id}'"
        ).to_arrow_table()
        return {finding.subject_id: finding for finding in findings_from(rows.to_pylist())}

    def _put_findings(self) -> None:
        """Have what is built from now on read the findings as they would be; root causes stay as the night left them."""
        if self._findings_put or not self._judged:
            return
        self._findings_put = True
        session = self.session
        session.see([FINDINGS, COVERAGE, COVERAGE_UNIT, NOT_CHECKED])
        covered = [coverage for coverage, _ in self._judged.values() if coverage is not None]
        new = {
            FINDINGS: told(session, [rule for _, rule in self._judged.values()], "_plan_findings").read_all(),
            COVERAGE: self._with_seconds(coverage_table(covered)),
            COVERAGE_UNIT: coverage_by_unit(covered),
            NOT_CHECKED: session.duck.sql("SELECT * FROM _plan_not_checked").to_arrow_table(),
        }
        ids = ", ".join(literal(rule_id).sql(dialect="duckdb") for rule_id in self._judged)
        for name, rows in new.items():
            columns = ", ".join(f'"{column}"' for column in PRODUCED[name])
            kept = session.duck.sql(
                f"SELECT {columns} FROM {name} WHERE rule_id NOT IN ({ids})"
            ).to_arrow_table()
            schema = schema_of(PRODUCED[name])
            target = session.scratch / f"{name}.parquet"
            pq.write_table(
                pa.concat_tables([kept.cast(schema), rows.select(schema.names).cast(schema)]), target
            )
            session.forget(name)
            session.spooled[name] = target

    def _with_seconds(self, coverage: pa.Table) -> pa.Table:
        """Coverage that took as long as the night's did, so that this is no difference."""
        session = self.session
        session.duck.register("_plan_coverage", coverage)
        columns = ", ".join(
            "COALESCE(o.seconds, n.seconds) AS seconds" if column == "seconds" else f"n.{column}"
            for column in PRODUCED[COVERAGE]
        )
        rows = session.duck.sql(
            f"SELECT {columns} FROM _plan_coverage AS n LEFT JOIN {COVERAGE} AS o ON o.rule_id = n.rule_id ORDER BY n.rule_id"
        ).to_arrow_table()
        session.duck.unregister("_plan_coverage")
        return rows


def _count(session: DuckDBSession, sql: str) -> int:
    return int(session.duck.execute(sql).fetchall()[0][0])


def _columns(session: DuckDBSession, sql: str) -> dict[str, str]:
    relation = session.duck.sql(sql)
    return {column: str(kind) for column, kind in zip(relation.columns, relation.types, strict=True)}


def needed(steps: Iterable[Step], wanted: set[str]) -> list[Step]:
    """The steps that would be built anew of those wanted, and those before them that they read, in the same order."""
    listed = list(steps)
    found: set[str] = set()
    for step in reversed(listed):
        if step.is_anew and (
            step.name in wanted or step.name in found or (step.is_rule and found & set(OF_RULES))
        ):
            found |= {step.name, *step.upstream}
    return [step for step in listed if step.name in found]
