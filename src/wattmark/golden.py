"""Golden cases: a few input rows and what must come out, one YAML file for each SQL file.

``tests/sql/<layer>/<table>.yaml`` mirrors ``include/sql/<layer>/<table>.sql`` (or a Python table).
See docs/architecture.md for the format. A case is run on DuckDB in memory, and answers with the difference.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wattmark.audit.rules import Rule, rule_of, words_of
from wattmark.audit.runner import create_findings, run_rule
from wattmark.code_names import LANGUAGES
from wattmark.contract.types import arrow_type
from wattmark.contract.types import schema_of as schema_of_columns
from wattmark.engine.catalog import Catalog, load_catalog, meant
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import WattmarkError
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings
from wattmark.yamlfile import line_of, read_yaml

ROOT = PROJECT_ROOT / "tests" / "sql"

WANTED, FOUND = "wanted", "found"


class GoldenError(WattmarkError):
    """A golden case is missing or wrong in itself."""


@dataclass(frozen=True)
class Case:
    """One case of one file; ``at`` is its place in the file."""

    file: Path
    table: str
    at: int
    body: dict[str, Any]

    @property
    def id(self) -> str:
        """Table and name, as tests are named."""
        return f"{self.table}: {self.body['name']}"

    def error(self, code: str, message: str, *keys: str | int) -> GoldenError:
        """An error of the case, with file, line and name."""
        line = line_of(self.file, [self.at, *keys]) or 1
        return GoldenError(code, f"{self.file}:{line}: {self.body['name']}: {message}")


@dataclass(frozen=True)
class Difference:
    """What a case wanted and what was found, side by side; without rows where they are the same.

    The first heading is that of what is told apart: ``wanted`` and ``found`` of a table's row, or what of a rule
    (``flagged``, ``should_check``, ``at_stake A1``). Of a pair of rows, cells that are the same stand in both.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __str__(self) -> str:
        """As plain text in columns, for a failing test."""
        lines = [self.headings, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.headings))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def cases(root: Path = ROOT) -> Iterator[Case]:
    """All cases below a folder, in the order of their files.

    Raises:
        GoldenError: two cases of a file have one name.
    """
    for file in sorted(root.glob("*/**/*.yaml")):
        yield from cases_of(file, f"{file.relative_to(root).parts[0]}.{file.stem}")


def cases_of(file: Path, table: str) -> list[Case]:
    """The cases of one file.

    Raises:
        GoldenError: two of them have one name, or one has none.
    """
    found: list[Case] = []
    for at, body in enumerate(read_yaml(file)):
        case = Case(file, table, at, body)
        if "name" not in body or "expect" not in body:
            raise GoldenError(
                "golden.shape", f"{file}:{line_of(file, [at]) or 1}: a case has `name` and `expect`."
            )
        if any(other.body["name"] == body["name"] for other in found):
            raise case.error("golden.twice", "two cases have this name.")
        found.append(case)
    return found


def _value(value: Any, kind: pa.DataType, settings: Settings) -> Any:
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
        return moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)
    if pa.types.is_date(kind):
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    if pa.types.is_decimal(kind):
        return decimal.Decimal(str(value)).quantize(decimal.Decimal("0.01"))
    if pa.types.is_floating(kind):
        return float(value)
    return value if isinstance(value, bool) or not pa.types.is_string(kind) else str(value)


def schema_of(name: str, catalog: Catalog) -> pa.Schema:
    """Arrow schema of a table that a case gives rows of: of the source, of a step of the night, or derived.

    Raises:
        GoldenError: there is no such table, or it declares no types.
    """
    layer, _, table = name.partition(".")
    if layer == "source" and table in catalog.contract.tables:
        return catalog.contract.tables[table].accepted_schema
    if name in PRODUCED:
        return schema_of_columns(PRODUCED[name])
    if name not in catalog.tables:
        raise GoldenError("golden.unknown_table", f"there is no table {name} to give rows of.")
    definition = catalog.tables[name]
    types: Mapping[str, Any] = (
        definition.columns
        if isinstance(definition, PythonTable)
        else (definition.header.get("columns") or {})
    )
    fields = [
        (column, arrow_type(declared["type"] if isinstance(declared, dict) else declared))
        for column, declared in types.items()
    ]
    if not fields:
        raise GoldenError(
            "golden.no_types",
            f"{name} declares no column types, so it cannot be given.",
            "Give what it is made from.",
        )
    return pa.schema(fields)


def rows_given(
    name: str, rows: Sequence[Mapping[str, Any]], catalog: Catalog, settings: Settings
) -> pa.Table:
    """Rows of a case in the types of their table; missing columns are empty, local days are filled in.

    Raises:
        GoldenError: a row has a column that the table has not, or a value does not fit.
    """
    schema = schema_of(name, catalog)
    if unknown := {key for row in rows for key in row} - set(schema.names):
        raise GoldenError("golden.unknown_column", f"{name} has no column {', '.join(sorted(unknown))}.")
    try:
        typed = [
            {field.name: _value(row.get(field.name), field.type, settings) for field in schema}
            for row in rows
        ]
        layer, table = name.split(".")
        if layer == "source" and (contract := catalog.contract.tables[table]).by_day and contract.since:
            typed = [{**row, "day": row[contract.since].astimezone(settings.zone).date()} for row in typed]
        return pa.Table.from_pylist(typed, schema=schema)
    except (ValueError, TypeError, decimal.InvalidOperation, pa.ArrowInvalid) as error:
        raise GoldenError("golden.value", f"{name}: a value does not fit its column ({error}).") from None


def run_case(case: Case, home: Path) -> Difference:
    """Run one case on DuckDB and compare.

    Args:
        case: the case.
        home: an empty folder, for scratch files.

    Raises:
        WattmarkError: the case is wrong in itself, or the table's file does not run; names file and line.
    """
    body = case.body
    owner = case.table.removeprefix("audit.")
    overrides = {
        name: {"value": value, "since": dt.date(2026, 1, 1), "reason": "golden case"}
        for name, value in (body.get("params") or {}).items()
    }
    settings = load_settings(
        home,
        utility=body.get("utility", {}),
        parameters={owner: overrides} if overrides else {},
    )
    catalog = load_catalog(settings.include)
    if case.table not in catalog.tables:
        raise case.error("golden.unknown_table", f"there is no table {case.table}.")
    run = Run.of(
        _value(body.get("as_of", "2026-11-04"), pa.date32(), settings),
        settings.utility.time_zone,
        body.get("period") and _value(body["period"], pa.date32(), settings),
    )
    with DuckDBSession(settings, run, catalog, stored=False, shared=True) as session:
        for name, rows in (body.get("given") or {}).items():
            filler = (body.get("defaults") or {}).get(name, {})
            try:
                given = rows_given(name, [{**filler, **row} for row in rows], catalog, settings)
            except GoldenError as error:
                raise case.error(error.code, error.message, "given", name) from None
            layer, table = name.split(".")
            session.give(f"accepted.{table}" if layer == "source" else name, given)
        return _of_rule(case, session) if case.table.startswith("audit.") else _of_rows(case, session)


def _told(value: Any) -> str:
    """A value as a cell."""
    if value is None:
        return "(empty)"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return (
        json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
    )


def _of_rule(case: Case, session: DuckDBSession) -> Difference:
    file = session.catalog.tables[case.table]
    if not isinstance(file, SqlFile):
        raise case.error("golden.unknown_table", f"{case.table} is no rule.")
    rule, findings = rule_of(file), create_findings(session)
    coverage = run_rule(session, rule, findings)
    rows = session.duck.sql(f"SELECT * FROM {findings} ORDER BY subject_id").to_arrow_table().to_pylist()
    by_subject = {row["subject_id"]: row for row in rows}
    expect = case.body["expect"]
    compared: list[tuple[str, Any, Any]] = [
        ("flagged", sorted(map(str, expect["flagged"])), list(by_subject))
    ]
    if "should_check" in expect:
        compared.append(("should_check", expect["should_check"], coverage.should_check))
    if "not_checked" in expect:
        compared.append(("not_checked", expect["not_checked"], coverage.reasons))
    for subject, wanted in (expect.get("at_stake") or {}).items():
        amount = by_subject.get(str(subject), {}).get("at_stake_amount")
        compared.append((f"at_stake {subject}", wanted, None if amount is None else float(amount)))
    for kind in ("evidence", "fields"):
        for subject, wanted in (expect.get(kind) or {}).items():
            row = by_subject.get(str(subject), {})
            found = json.loads(row.get("evidence") or "{}") if kind == "evidence" else row
            compared += [(f"{kind} {subject}.{key}", value, found.get(key)) for key, value in wanted.items()]
    compared += _messages(rule, by_subject, expect.get("messages") or {}, session.settings)
    return Difference(
        ("", WANTED, FOUND),
        tuple((what, _told(wanted), _told(found)) for what, wanted, found in compared if wanted != found),
    )


def _messages(
    rule: Rule, rows: Mapping[str, Any], wanted: Mapping[str, Any], settings: Settings
) -> Iterator[tuple[str, Any, Any]]:
    """What the findings say: the sentences that the case wants, each wholly in its language."""
    words = words_of({rule.rule_id: rule}, settings)
    for subject, row in rows.items():
        values = row | json.loads(row["evidence"] or "{}")
        for language in LANGUAGES:
            for flaw in words.flaws(rule.rule_id, values, language):
                yield f"message_{language} {subject}", "", flaw
            text = (wanted.get(subject) or {}).get(language)
            if text is not None:
                yield f"message_{language} {subject}", text, words.told(rule.rule_id, values, language)


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(float(value), 9)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return value


def _of_rows(case: Case, session: DuckDBSession) -> Difference:
    expect = case.body["expect"]
    expected: list[dict[str, Any]] = expect["rows"]
    where = f" WHERE {expect['where']}" if expect.get("where") else ""
    rows = session.query(f"SELECT * FROM {case.table}{where}").read_all()
    columns = list(expected[0]) if expected else rows.column_names
    if unknown := [column for column in columns if column not in rows.column_names]:
        raise case.error(
            "golden.unknown_column", f"{case.table} has no column {', '.join(unknown)}.", "expect"
        )
    found = [tuple(_plain(row[name]) for name in columns) for row in rows.to_pylist()]
    wanted = [tuple(_plain(row.get(name)) for name in columns) for row in expected]
    return Difference(("", *columns), tuple(_paired(wanted, found)))


def _paired(wanted: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> Iterator[tuple[str, ...]]:
    """Rows that stand on one side only, each next to the row of the other side that has most cells in common."""
    told_wanted = [tuple(map(_told, row)) for row in wanted]
    told_found = [tuple(map(_told, row)) for row in found]
    missing = list((Counter(told_wanted) - Counter(told_found)).elements())
    extra = list((Counter(told_found) - Counter(told_wanted)).elements())

    def alike(cells: tuple[str, ...], other: tuple[str, ...]) -> int:
        return sum(a == b for a, b in zip(cells, other, strict=True))

    for row in missing:
        yield (WANTED, *row)
        near = max(extra, key=lambda other: alike(row, other), default=None)
        if near is not None and alike(row, near):
            extra.remove(near)
            yield (FOUND, *near)
    for row in extra:
        yield (FOUND, *row)


# --- the command -------------------------------------------------------------------------------------------


def find_cases(name: str, root: Path = ROOT) -> list[Case]:
    """Cases of a table or rule (``facts.bill_net``, ``TAR-03``), or the one of them that is named (``TAR-03: name``).

    Raises:
        GoldenError: there is none; names those that come near.
    """
    table, _, wanted = name.partition(":")
    table, wanted = table.strip(), wanted.strip()
    full = table if "." in table else f"audit.{table}"
    file = root / full.replace(".", "/", 1)
    file = file.with_name(f"{file.name}.yaml")
    if not file.is_file():
        known = [path.stem if path.parent.name == "audit" else f"{path.parent.name}.{path.stem}" for path in root.glob("*/*.yaml")]  # fmt: skip
        raise GoldenError(
            "golden.none",
            f"{full} has no golden cases: there is no {file}.",
            meant(table, known) or "Name a table by layer and name, such as facts.bill_net, or a rule, such as TAR-03.",
        )  # fmt: skip
    found = cases_of(file, full)
    if not wanted:
        return found
    chosen = [case for case in found if case.body["name"].startswith(wanted)]
    if not chosen:
        listed = "; ".join(case.body["name"] for case in found)
        raise GoldenError("golden.none", f"{file}: no case is named {wanted!r}.", f"It has: {listed}.")
    return chosen


def _shown(difference: Difference) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for heading in difference.headings:
        table.add_column(Text(heading))
    before: tuple[str, ...] | None = None
    for row in difference.rows:
        pair = before is not None and row[0] == FOUND and before[0] == WANTED
        cells = [Text(cell) for cell in row]
        if pair and before is not None:
            cells = [
                cell if text == other else Text(text, style="bold red")
                for cell, text, other in zip(cells, row, before, strict=True)
            ]
        table.add_row(*cells)
        before = row
    return table


def golden(
    name: Annotated[
        str,
        typer.Argument(
            help="A table (facts.bill_net) or rule (TAR-03); one case of it as 'TAR-03: how it begins'."
        ),
    ],
) -> None:
    """Run the golden cases of a table or rule, and show what differs as a table; exit 1 where anything does."""
    console = Console()
    wrong = 0
    for case in find_cases(name):
        with tempfile.TemporaryDirectory() as home:
            difference = run_case(case, Path(home))
        sign = "[red]✗[/red]" if difference else "[green]✓[/green]"
        line = line_of(case.file, [case.at]) or 1
        console.print(sign, Text(case.id), highlight=False, soft_wrap=True)
        if difference:
            wrong += 1
            console.print(Text(f"{case.file}:{line}", style="dim"), soft_wrap=True)
            console.print(_shown(difference))
    if wrong:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add ``golden`` to a command line."""
    app.command("golden")(golden)
