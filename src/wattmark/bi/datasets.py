"""Data sets: a mart with what its codes and ids are called, as one SELECT that a BI tool may group and filter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattmark.bi.definitions import DataSet, Definitions
from wattmark.code_names import CodeNames, Language, form_of
from wattmark.contract.types import TYPES
from wattmark.engine.python_table import python_tables
from wattmark.engine.sqlfile import read_header
from wattmark.errors import SettingsError

SCHEMA = "mart"
MONTH, UNIT, COUNTY, CITY, RULE, FAMILY = "in_month", "unit", "county", "city", "rule", "rule_family_name"
_OF_RUN = {"as_of": ("date", "Day the run speaks for."), "run_id": ("string", "Run that published the row.")}
# The parts of a path are ids, so that finding the units above one takes no comparison of every unit with every other.
_PLACE = """LEFT JOIN (
  SELECT
    u.org_unit_id,
    u.name,
    MAX(a.name) FILTER (WHERE a.level = 'county') AS county,
    MAX(a.name) FILTER (WHERE a.level = 'city') AS city
  FROM mart.dim_org_unit AS u
  CROSS JOIN LATERAL UNNEST(STRING_TO_ARRAY(u.path, '/')) AS part (id)
  JOIN mart.dim_org_unit AS a ON a.org_unit_id = part.id
  GROUP BY u.org_unit_id, u.name
) AS place ON place.org_unit_id = t.{column}"""


@dataclass(frozen=True)
class Column:
    """A column of a data set: its SQL over the mart ``t``, contract type (``json`` besides) and meaning."""

    name: str
    sql: str
    kind: str
    doc: str

    @property
    def is_date(self) -> bool:
        """Whether it tells a day or an instant."""
        return self.kind in ("date", "timestamp")

    @property
    def postgres(self) -> str:
        """Its type in PostgreSQL."""
        return "JSONB" if self.kind == "json" else TYPES[self.kind].postgres.upper()


@dataclass(frozen=True)
class Table:
    """A data set in one language.

    Attributes:
        mart: name of the mart in schema ``mart``.
        columns: by name, those of the mart first.
        metrics: SQL over the columns, by name.
        sql: the SELECT.
        purpose: what a row is for.
    """

    mart: str
    language: Language
    columns: dict[str, Column]
    metrics: dict[str, str]
    sql: str
    purpose: str

    @property
    def time(self) -> str | None:
        """The date that rows lie at: the audited or billed month where there is one."""
        dates = [column.name for column in self.columns.values() if column.is_date and column.name != "as_of"]
        return next((name for name in ("period", "month", "quarter") if name in dates), None) or next(
            iter(dates), None
        )

    def column(self, name: str) -> str | None:
        """The column that a definition means: of two that say the same, that in the language; None where there is none."""
        wanted = [f"{name}_zh", name] if self.language == "zh" else [name, f"{name}_en"]
        return next((column for column in wanted if column in self.columns), None)


@dataclass(frozen=True)
class Mart:
    """A mart as its own file tells of it: purpose, and contract type (or ``json``) and meaning of each column."""

    purpose: str
    columns: dict[str, tuple[str, str]]


def mart_of(include: Path, name: str) -> Mart:
    """What a mart's own file says of it, read without all that the mart is made from.

    Raises:
        SettingsError: no such mart is published.
    """
    path = include / "sql" / SCHEMA / f"{name}.sql"
    if path.is_file():
        header = read_header(path)
        entries: dict[str, dict[str, Any]] = header["columns"]
        return Mart(
            " ".join(str(header["purpose"]).split()),
            {
                column: ("json" if entry.get("json") else str(entry["type"]), str(entry.get("doc", "")))
                for column, entry in entries.items()
            },
        )
    # Only then: the modules of Python tables bring the libraries of models along.
    made = python_tables().get(f"{SCHEMA}.{name}")
    if made is None:
        raise _wrong(name, "is no published table")
    return Mart(
        made.purpose, {column: (kind, made.docs.get(column, "")) for column, kind in made.columns.items()}
    )


def _used(definitions: Definitions) -> list[str]:
    used = {chart.table for each in definitions.dashboards.values() for chart in each.charts.values()}
    return sorted(
        used | {each.table for dashboard in definitions.dashboards.values() for each in dashboard.filters}
    )


def tables(definitions: Definitions, names: CodeNames, language: Language) -> dict[str, Table]:
    """All data sets that the dashboards use, by mart.

    Raises:
        SettingsError: a definition names a mart or a column that is not published.
    """
    include = definitions.folder.parent
    found = {
        mart: _table(mart, definitions.data_sets.get(mart) or DataSet(), mart_of(include, mart), names, language)
        for mart in _used(definitions)
    }  # fmt: skip
    for mart in sorted(set(definitions.data_sets) - set(found)):
        raise _wrong(mart, "is used by no dashboard")
    return found


def _wrong(mart: str, problem: str) -> SettingsError:
    return SettingsError("bi.data_set", f"include/bi: {SCHEMA}.{mart} {problem}.", "Correct include/bi; docs/reference/tables.md has what is published.")  # fmt: skip


def _table(mart: str, given: DataSet, told: Mart, names: CodeNames, language: Language) -> Table:
    own = told.columns
    for column in filter(None, (given.month, given.unit, given.rule, *given.sums)):
        if column not in own:
            raise _wrong(mart, f"has no column {column}")
    joins: list[str] = []
    columns = [Column(name, f"t.{name}", kind, doc) for name, (kind, doc) in (own | _OF_RUN).items()]
    for name, code_list in _coded(mart, own, names):
        joins.append(
            f"LEFT JOIN mart.code_name AS {name}_code ON {name}_code.code_list = '{code_list}' AND {name}_code.code = t.{name}"
        )
        columns.append(
            Column(f"{name}_name", f"COALESCE({name}_code.name_{language}, t.{name})", "string", own[name][1])
        )
    columns += _named(mart, given, joins, language)
    joins += given.joins
    columns += [
        Column(name, told.sql.replace("{language}", language), told.type, told.doc)
        for name, told in given.columns.items()
    ]  # fmt: skip
    by_name = {column.name: column for column in columns}
    if len(by_name) != len(columns):
        raise _wrong(mart, "gets a column of a name that it has already")
    metrics = {f"sum_{name}": f"SUM({name})" for name in given.sums} | given.metrics
    selected = ",\n".join(f"  {column.sql} AS {column.name}" for column in columns)
    sql = "\n".join([f"SELECT\n{selected}", f"FROM {SCHEMA}.{mart} AS t", *joins])
    return Table(mart, language, by_name, metrics, sql, told.purpose)


def _coded(mart: str, own: dict[str, tuple[str, str]], names: CodeNames) -> Iterator[tuple[str, str]]:
    """Columns of a mart that hold a code, with the list that names it."""
    for name, (kind, _) in own.items():
        code_list = names.of_marts.get(f"{mart}.{name}")
        if code_list and kind == "string":
            yield name, code_list


def _named(mart: str, given: DataSet, joins: list[str], language: Language) -> Iterator[Column]:
    """The columns that every data set tells alike: month, units, rule; what they need is added to the joins."""
    if given.month:
        yield Column(MONTH, f"TO_CHAR(t.{given.month}, 'YYYY-MM')", "string", "The month, to choose by.")
    if given.unit:
        joins.append(_PLACE.format(column=given.unit))
        yield Column(UNIT, f"COALESCE(place.name, t.{given.unit})", "string", "Name of the unit.")
        yield Column(COUNTY, "place.county", "string", "Name of the county unit that it is or belongs to.")
        yield Column(CITY, "place.city", "string", "Name of the city unit that it is or belongs to.")
    if given.rule:
        joins += [
            f"LEFT JOIN mart.dim_rule AS rule ON rule.rule_id = t.{given.rule}",
            "LEFT JOIN mart.code_name AS family ON family.code_list = 'rule_family' AND family.code = rule.family",
        ]
        yield Column(
            RULE, f"COALESCE(rule.title_{language}, t.{given.rule})", "string", "What the rule is called."
        )
        yield Column(FAMILY, f"family.name_{language}", "string", "The group of rules it belongs to.")


def called(definitions: Definitions, name: str, language: Language) -> str | None:
    """What a column or metric is called; None where nothing says so."""
    for wanted in (
        name,
        name.removesuffix("_name"),
        name.removesuffix(f"_{language}"),
        name.removeprefix("sum_"),
    ):
        if wanted in definitions.words:
            return definitions.words[wanted].told(language)
    return None


def d3_format(definitions: Definitions, name: str, kind: str | None = None) -> str:
    """How a number is written, in the notation of charts.

    Args:
        definitions: what says how it is called.
        name: of the column or metric.
        kind: contract type of a column; None of a metric, in which cents would be noise.
    """
    plain = name.removeprefix("sum_")
    named = definitions.words.get(name) or definitions.words.get(plain)
    said, form = named.form if named else None, form_of(plain)
    if said == "percent" or (form.percent and not said):
        return ",.1%"
    if said == "whole" or plain.endswith(("_kwh", "_kw")) or kind == "integer":
        return ",.0f"
    if said == "money" or form.least:
        return ",.2f" if kind else ",.0f"
    return ",.3~f"
