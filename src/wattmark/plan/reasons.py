"""Which tables and rules would be built anew, and why: what each was made of, as its last commit noted, against what stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wattmark.audit.replay import audited_run
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import COVERAGE, COVERAGE_UNIT, FINDINGS, NOT_CHECKED, families_made, rule_made
from wattmark.audit.scope import is_looked_at
from wattmark.engine.catalog import Catalog
from wattmark.engine.incremental import part_of
from wattmark.engine.made import Made
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile
from wattmark.home import Home
from wattmark.run import Run
from wattmark.settings import Settings, place

AUDIT = "audit"
OF_RULES = (FINDINGS, COVERAGE, COVERAGE_UNIT, NOT_CHECKED, "findings.root_cause")
"""Tables that rules make together: whoever reads one rests on all rules."""

ReasonKind = Literal[
    "never_built",
    "not_noted",
    "other_night",
    "definition",
    "parameter",
    "setting",
    "input",
    "upstream",
    "off",
]


@dataclass(frozen=True)
class Reason:
    """Why a table or rule would be built anew: ``what`` changed, and ``where`` that stands (a file; empty where none)."""

    kind: ReasonKind
    what: str
    where: str = ""

    @property
    def text(self) -> str:
        """The reason as people read it."""
        return f"{self.what} ({self.where})" if self.where else self.what


@dataclass(frozen=True)
class Step:
    """A table (``layer.table``) or rule (``audit.<RULE-ID>``) of a night; kept as it is where there are no ``reasons``.

    ``upstream`` names the tables it reads that would be built anew themselves.
    """

    name: str
    reasons: tuple[Reason, ...]
    upstream: frozenset[str]

    @property
    def is_rule(self) -> bool:
        """Whether it is a rule and not a table."""
        return self.name.startswith(f"{AUDIT}.")

    @property
    def shown_name(self) -> str:
        """The table, or the rule by its id."""
        return self.name.removeprefix(f"{AUDIT}.")

    @property
    def is_anew(self) -> bool:
        """Whether it would be built anew."""
        return bool(self.reasons)

    @property
    def only_upstream(self) -> bool:
        """Whether nothing but what it reads would be another."""
        return all(reason.kind == "upstream" for reason in self.reasons)


def last_night(settings: Settings) -> tuple[Run, dict[str, int]]:
    """The last night whose findings the lake holds, and the versions of accepted tables that it read.

    Of a night that was not published yet these are the newest.

    Raises:
        ReplayError: no night audited in this home yet.
    """
    run = audited_run(settings)
    note = Home(settings.home).versions / f"{run.run_id}.json"
    if not note.exists():
        return run, {}
    noted: dict[str, int | None] = json.loads(note.read_text(encoding="utf-8"))
    return run, {name: version for name, version in noted.items() if version is not None}


def steps_of(session: Session) -> list[Step]:
    """All stored tables and all rules in the order of a night, each with why it would be built anew.

    Args:
        session: on the lake, of the last night and at the versions that it read.
    """
    rules = all_rules(session.catalog)
    used = {f"{AUDIT}.{rule_id}" for rule_id, rule in rules.items() if is_looked_at(rule, session.settings)}
    families = families_made(session.lake)
    anew: set[str] = set()
    steps = []
    for name in in_order(session.catalog):
        rule = rules.get(name.removeprefix(f"{AUDIT}.")) if name.startswith(f"{AUDIT}.") else None
        if rule is not None:
            step = _rule_step(session, rule, families, anew) if name in used else _unused(rule, families)
            if step is not None and step.is_anew:
                anew.update((name, *OF_RULES))
        else:
            step = _table_step(session, name, anew)
            if step.is_anew:
                anew.add(name)
        if step is not None:
            steps.append(step)
    return steps


def in_order(catalog: Catalog) -> list[str]:
    """Stored tables and rules in the order of a night: what rests on findings comes after all rules."""
    names = [name for name in catalog.order() if not catalog.tables[name].is_view]
    of_rules = set(OF_RULES)
    last = {name for name in names if catalog.rests_on(name) & of_rules}
    rules = {name for name in names if name.startswith(f"{AUDIT}.")}
    first = [name for name in names if name not in rules | last]
    return [
        *first,
        *(name for name in names if name in rules),
        *(name for name in names if name in last - rules),
    ]


def resting_on(catalog: Catalog, names: Iterable[str]) -> set[str]:
    """The named tables and rules and all that rests on them; on a rule rests what reads findings."""
    wanted = set(names)
    if any(name.startswith(f"{AUDIT}.") for name in wanted):
        wanted |= set(OF_RULES)
    for name in in_order(catalog):
        if catalog.rests_on(name) & wanted:
            wanted |= {name, *(OF_RULES if name.startswith(f"{AUDIT}.") else ())}
    return wanted - set(OF_RULES)


def _table_step(session: Session, name: str, anew: set[str]) -> Step:
    lake, definition = session.lake, session.catalog.tables[name]
    made = session.maker.made(name)
    upstream = frozenset(made.inputs) & anew
    if not lake.exists(name):
        return Step(
            name, (Reason("never_built", "never built", _place(session, f"statement {name}")),), upstream
        )
    note = lake.note(name)
    before = Made.noted(note)
    if before is None:
        return Step(name, (Reason("not_noted", "built by a version that did not note what of"),), upstream)
    reasons = [*_changed(session, before, made), *_upstream(made, upstream)]
    part = part_of(definition, session)
    if part is None:
        if note.get("run_id") != session.run.run_id:
            reasons.append(Reason("other_night", f"built for the run {note.get('run_id')}"))
        reasons += _inputs(before, made, upstream)
    elif part.parts is None and not reasons:
        reasons.append(
            Reason("input", "what it was built from is another, or cannot be compared with what is there")
        )
    elif part.parts or part.keys:
        parts = f"{len(part.parts or ()):,} parts by {part.cut.column}"
        keys = f" and {len(part.keys):,} of {part.key}" if part.keys else ""
        reasons.append(Reason("input", f"{parts}{keys} are made from what changed"))
    return Step(name, tuple(reasons), upstream)


def _rule_step(
    session: Session, rule: Rule, families: Mapping[str, tuple[str, dict[str, Made]]], anew: set[str]
) -> Step:
    name = rule.file.name
    made = rule_made(session, rule)
    upstream = frozenset(made.inputs) & anew
    run_id, rules = families.get(rule.family, ("", {}))
    if not rules and session.lake.exists(FINDINGS) and rule.family not in families:
        return Step(
            name, (Reason("not_noted", "run by a version that did not note what of, or never"),), upstream
        )
    before = rules.get(rule.rule_id)
    if before is None:
        return Step(
            name, (Reason("never_built", "never run", _place(session, f"statement {name}")),), upstream
        )
    reasons = [*_changed(session, before, made), *_upstream(made, upstream)]
    if run_id != session.run.run_id:
        reasons.append(Reason("other_night", f"run for the run {run_id}"))
    return Step(name, (*reasons, *_inputs(before, made, upstream)), upstream)


def _unused(rule: Rule, families: Mapping[str, tuple[str, dict[str, Made]]]) -> Step | None:
    """A rule whose family is not looked at: its findings would go where it has any."""
    if rule.rule_id not in families.get(rule.family, ("", {}))[1]:
        return None
    return Step(
        rule.file.name,
        (Reason("off", "its family is not looked at any more", "audit.families"),),
        frozenset(),
    )


def _changed(session: Session, before: Made, made: Made) -> Iterator[Reason]:
    for key in sorted({*before.by, *made.by}):
        if before.by.get(key) == made.by.get(key):
            continue
        kind, _, what = key.partition(" ")
        how = "changed" if key in before.by and key in made.by else "is new" if key in made.by else "is gone"
        reason: ReasonKind = (
            "parameter" if kind == "parameter" else "setting" if kind == "setting" else "definition"
        )
        yield Reason(reason, f"{kind} {what.removeprefix(f'{AUDIT}.')} {how}", _place(session, key))


def _upstream(made: Made, upstream: frozenset[str]) -> Iterator[Reason]:
    of_rules = upstream & set(OF_RULES)
    for name in sorted(upstream - of_rules):
        yield Reason("upstream", f"reads {name}")
    if of_rules:
        yield Reason("upstream", "reads findings")


def _inputs(before: Made, made: Made, upstream: frozenset[str]) -> Iterator[Reason]:
    for name, stamp in sorted(made.inputs.items()):
        if name not in upstream and name in before.inputs and before.inputs[name] != stamp:
            yield Reason("input", f"{name} was written since")


def _place(session: Session, key: str) -> str:
    """Where what a note names stands: a file of the project, or the key of the settings and its line."""
    kind, _, name = key.partition(" ")
    settings, catalog = session.settings, session.catalog
    if kind in ("statement", "header", "code"):
        definition = catalog.tables.get(name)
        if isinstance(definition, SqlFile):
            return _relative(definition.path, settings)
        return definition.maker if isinstance(definition, PythonTable) else ""
    if kind == "parameter":
        owner, _, parameter = name.rpartition(".")
        if parameter in settings.parameters.get(owner, {}):
            return place(settings.home, settings.project, ["parameters", owner, parameter])
        lender = catalog.tables.get(owner if "." in owner else f"{AUDIT}.{owner}")
        return _relative(lender.path, settings) if isinstance(lender, SqlFile) else ""
    if kind == "setting":
        return place(settings.home, settings.project, name.split("."))
    if kind == "contract":
        return _relative(settings.include / "contract" / "source-model.yaml", settings)
    return ""


def _relative(path: Path, settings: Settings) -> str:
    return str(path.relative_to(settings.project)) if path.is_relative_to(settings.project) else str(path)
