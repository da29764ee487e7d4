"""Golden cases: a few input rows and what must come out, one YAML file for each SQL file.

``tests/sql/<layer>/<table>.yaml`` mirrors ``include/sql/<layer>/<table>.sql`` (or a Python table).
See docs/architecture.md for the format.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattmark.audit.rules import rule_of
from wattmark.audit.runner import create_findings, run_rule
from wattmark.contract.types import arrow_type, schema_of
from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.yamlfile import read_yaml

ROOT = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Case:
    """One case of one file."""

    file: Path
    table: str
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.table}: {self.body['name']}"


def cases(root: Path = ROOT) -> Iterator[Case]:
    for file in sorted(root.glob("*/**/*.yaml")):
        table = f"{file.relative_to(root).parts[0]}.{file.stem}"
        names = set()
        for body in read_yaml(file):
            if body["name"] in names:
                raise ValueError(f"{file}: two cases are named {body['name']!r}")
            names.add(body["name"])
            yield Case(file, table, body)


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


def _schema(name: str, rows: list[dict[str, Any]], catalog: Catalog) -> pa.Schema:
    layer, table = name.split(".")
    if layer == "source":
        return catalog.contract.tables[table].accepted_schema
    if name in PRODUCED:
        return schema_of(PRODUCED[name])
    definition = catalog.tables[name]
    types = (
        definition.columns
        if isinstance(definition, PythonTable)
        else (definition.header.get("columns") or {})
    )
    fields = []
    for column, declared in types.items():
        kind = declared["type"] if isinstance(declared, dict) else declared
        fields.append((column, arrow_type(kind)))
    if not fields:
        raise ValueError(f"{name} declares no column types, so it cannot be given; give what it is made from")
    return pa.schema(fields)


def run_case(case: Case, home: Path) -> None:
    """Run one case on DuckDB and compare; raises AssertionError that shows expected and found."""
    body = case.body
    settings = load_settings(
        home,
        utility=body.get("utility", {}),
        parameters={
            case.table.removeprefix("audit."): {
                name: {"value": value, "since": dt.date(2026, 1, 1), "reason": "golden case"}
                for name, value in (body.get("params") or {}).items()
            }
        }
        if body.get("params")
        else {},
    )
    catalog = load_catalog(settings.include)
    run = Run.of(
        _value(body.get("as_of", "2026-11-04"), pa.date32(), settings),
        settings.utility.time_zone,
        body.get("period") and _value(body["period"], pa.date32(), settings),
    )
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        for name, rows in (body.get("given") or {}).items():
            schema = _schema(name, rows, catalog)
            filler = (body.get("defaults") or {}).get(name, {})
            unknown = {key for row in rows for key in row} - set(schema.names)
            if unknown:
                raise ValueError(
                    f"{case.file}: {case.body['name']}: {name} has no column {', '.join(sorted(unknown))}"
                )
            full = [{**filler, **row} for row in rows]
            layer, table = name.split(".")
            target = f"accepted.{table}" if layer == "source" else name
            typed = [
                {field.name: _value(row.get(field.name), field.type, settings) for field in schema}
                for row in full
            ]
            if layer == "source" and (contract := catalog.contract.tables[table]).by_day:
                typed = [
                    {**row, "day": row[contract.since].astimezone(settings.zone).date()} for row in typed
                ]
                schema = contract.accepted_schema
            session.give(target, pa.Table.from_pylist(typed, schema=schema))
        if case.table.startswith("audit."):
            _check_rule(case, session)
        else:
            _check_rows(case, session)


def _check_rule(case: Case, session: DuckDBSession) -> None:
    file = session.catalog.tables[case.table]
    assert isinstance(file, SqlFile)
    findings = create_findings(session)
    coverage = run_rule(session, rule_of(file), findings)
    rows = session.duck.sql(f"SELECT * FROM {findings} ORDER BY subject_id").to_arrow_table().to_pylist()
    expect = case.body["expect"]
    assert [row["subject_id"] for row in rows] == sorted(map(str, expect["flagged"]))
    if "should_check" in expect:
        assert coverage.should_check == expect["should_check"]
    if "not_checked" in expect:
        assert coverage.reasons == expect["not_checked"]
    by_subject = {row["subject_id"]: row for row in rows}
    for subject, amount in (expect.get("at_stake") or {}).items():
        found = by_subject[str(subject)]["at_stake_amount"]
        assert (None if found is None else float(found)) == amount, (
            f"at stake of {subject}: {found}, not {amount}"
        )
    for subject, wanted in (expect.get("evidence") or {}).items():
        evidence = json.loads(by_subject[str(subject)]["evidence"])
        assert {key: evidence.get(key) for key in wanted} == wanted
    for subject, wanted in (expect.get("fields") or {}).items():
        assert {key: by_subject[str(subject)][key] for key in wanted} == wanted


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(float(value), 9)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return value


def _check_rows(case: Case, session: DuckDBSession) -> None:
    expected: list[dict[str, Any]] = case.body["expect"]["rows"]
    columns = list(expected[0]) if expected else ["*"]
    if case.body["expect"].get("where"):
        rows = (
            session.query(f"SELECT * FROM {case.table} WHERE {case.body['expect']['where']}")
            .read_all()
            .to_pylist()
        )
    else:
        rows = session.query(f"SELECT * FROM {case.table}").read_all().to_pylist()
    found = [{name: _plain(row[name]) for name in columns} for row in rows] if expected else rows
    wanted = [{name: _plain(row.get(name)) for name in columns} for row in expected]

    def order(row: dict[str, Any]) -> str:
        return json.dumps(row, default=str, sort_keys=True)

    found, wanted = sorted(found, key=order), sorted(wanted, key=order)
    assert found == wanted, f"found {found}\nwanted {wanted}"
