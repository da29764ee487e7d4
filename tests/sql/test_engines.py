"""Every SQL file gives the same rows on DuckDB and on Spark, on one small utility with faults."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlglot

from wattmark import night
from wattmark.code_names import CodeNames, load_code_names
from wattmark.engine.catalog import load_catalog
from wattmark.engine.idioms import IDIOMS, expand
from wattmark.engine.session import DuckDBSession, SparkSession
from wattmark.engine.sqlfile import SqlFile, render
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings
from wattmark_sample.aims import put_targets
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
FILES = sorted(
    name
    for name, table in load_catalog(PROJECT_ROOT / "include").tables.items()
    if isinstance(table, SqlFile)
)

pytestmark = pytest.mark.timeout(1200)

# Over a few rows Spark spends its time compiling each query; interpreted it means the same and answers sooner. Likewise Java's
# own second compiler and its collector in threads, which take half of its processor time.
INTERPRETED = (
    "--conf spark.sql.codegen.wholeStage=false --conf spark.sql.codegen.factoryMode=NO_CODEGEN "
    "--conf spark.sql.adaptive.enabled=false --conf spark.sql.optimizer.dynamicPartitionPruning.enabled=false "
    "--conf spark.sql.constraintPropagation.enabled=false "
    "--conf 'spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' "
    "--conf spark.ui.showConsoleProgress=false pyspark-shell"
)


def _thin(source: Path) -> None:
    """Leave the intervals of one whole area, of all sums, and of some others: each has 1,500 rows to interpret."""
    kept = duckdb.sql(
        f"""
        SELECT metering_point_id FROM '{source}/metering_point.parquet'
        WHERE role <> 'main' OR account_id IN (
            SELECT account_id FROM '{source}/supply_point.parquet'
            WHERE transformer_id = (
                SELECT MIN(transformer_id) FROM '{source}/transformer.parquet' WHERE area_metering_point_id IS NOT NULL
            ))
        UNION
        (SELECT metering_point_id FROM '{source}/metering_point.parquet' ORDER BY md5(metering_point_id) LIMIT 8)
        """
    ).to_arrow_table()["metering_point_id"]
    for day in (source / "interval_reading").rglob("*.parquet"):
        rows = pq.read_table(day)
        pq.write_table(rows.filter(pc.is_in(rows["metering_point_id"], kept)), day)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("engines")
    plan = SamplePlan(accounts=60, interval_days=33, faults=True)
    generate(plan, FolderSink(folder / "source", "parquet"))
    put_targets(folder / "home", plan)
    _thin(folder / "source")
    made = load_settings(folder / "home", sources=[{"location": str(folder / "source")}])
    for table in night.tables(made):
        night.extract(made, RUN, table)
    night.accept(made, RUN)
    for layer in ("core", "facts", "segment", "campaign"):
        night.build(made, RUN, layer)
    night.audit(made, RUN, scored=False)
    night.audit(made, RUN, scored=True)
    for layer in ("kpi", "mart", "mart_pii"):
        night.build(made, RUN, layer)
    with DuckDBSession(made, RUN) as session:
        for name in session.catalog.closing():
            session.build(name)
    return made


@pytest.fixture(scope="module")
def sessions(settings: Settings) -> Iterator[tuple[DuckDBSession, SparkSession]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", INTERPRETED)
        with DuckDBSession(settings, RUN) as duck, SparkSession(settings, RUN) as spark:
            yield duck, spark


def _rows(session: Any, file: SqlFile) -> list[tuple[Any, ...]]:
    table = session.duck.sql(session.result_sql(file)).to_arrow_table()
    table = table.select(sorted(table.column_names))
    return sorted((tuple(_plain(value) for value in row.values()) for row in table.to_pylist()), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float):
        # Sums of doubles depend on their order in the last places.
        return float(f"{value:.9g}") + 0.0 if math.isfinite(value) else None
    return value


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_same_rows_on_both_engines(name: str, sessions: tuple[DuckDBSession, SparkSession]) -> None:
    duck, spark = sessions
    file = duck.catalog.tables[name]
    assert isinstance(file, SqlFile)
    ours, theirs = _rows(duck, file), _rows(spark, file)
    assert len(ours) == len(theirs)
    different = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert different == [], f"{len(different)} of {len(ours)} rows differ; the first: {different[:1]}"


@pytest.mark.slow
def test_each_idiom_means_the_same_on_both_engines(sessions: tuple[DuckDBSession, SparkSession]) -> None:
    duck, spark = sessions
    of_rows = {
        "MONEY(x / 3)",
        "MONEY(-x)",
        "HALF_UP(x, 2)",
        "RATIO(x, n)",
        "RATIO(n, n - 1)",
        "NOMINAL_KV(x / 2.5125e0)",
        "MONTH_OF(d)",
        "ADD_MONTHS(d, -1)",
    }
    of_groups = {
        "MONEY(SUM(x))",
        "EXACT_SUM(x + 1)",
        "EXACT_SUM(x) FILTER (WHERE n > 1)",
        "EXACT_AVG(x)",
        "DECIMAL_SUM(x)",
        "INTEGER_SUM(n) FILTER (WHERE x > 1)",
    }
    assert {call.partition("(")[0] for call in of_rows | of_groups} == set(IDIOMS)
    over = {f"{call} OVER (PARTITION BY MONTH_OF(d))" for call in of_groups}
    rows = (
        "(SELECT CAST(1.005 AS DOUBLE) AS x, 1 AS n, CAST('2026-03-31' AS DATE) AS d "
        "UNION ALL SELECT CAST(2.675 AS DOUBLE), 2, CAST('2026-03-01' AS DATE) "
        "UNION ALL SELECT CAST(-0.125 AS DOUBLE), 3, CAST('2026-05-31' AS DATE)) AS v"
    )
    for calls in (of_rows | over, of_groups):
        listed = ", ".join(f"{call} AS c{at}" for at, call in enumerate(sorted(calls)))
        statement = expand(sqlglot.parse_one(f"SELECT {listed} FROM {rows}", read="duckdb"))
        ours = duck.duck.sql(render(statement, "duckdb")).fetchall()
        theirs = [tuple(row) for row in spark.spark.sql(render(statement, "spark")).collect()]
        assert sorted([_plain(v) for v in row] for row in ours) == sorted(
            [_plain(v) for v in row] for row in theirs
        )


def test_the_utility_is_not_empty(duck: DuckDBSession) -> None:
    assert duck.query("SELECT COUNT(*) AS n FROM mart.audit_exception").read_all()["n"][0].as_py() > 20
    assert duck.query("SELECT COUNT(value) AS n FROM mart.audit_kpi_target").read_all()["n"][0].as_py() > 20
    assert Path(PROJECT_ROOT / "include" / "sql").is_dir()


@pytest.fixture
def duck(settings: Settings) -> Iterator[DuckDBSession]:
    with DuckDBSession(settings, RUN) as session:
        yield session


def test_every_finding_is_told_in_both_languages_and_has_a_unit(duck: DuckDBSession) -> None:
    found = duck.query("SELECT * FROM mart.audit_exception").read_all().to_pylist()
    assert len({row["rule_id"] for row in found}) > 25
    assert [row["rule_id"] for row in found if row["org_unit_id"] is None] == []
    codes = {code for codes in names_of(duck).lists.values() for code in codes if "_" in code}
    people = _personal_data(duck)
    for row in found:
        english, chinese = row["message_en"], row["message_zh"]
        assert english and chinese, row["rule_id"]
        words = set(re.findall(r"[A-Za-z_0-9.-]+", f"{english} {chinese}"))
        assert words & codes == set(), (row["rule_id"], words & codes)
        assert "{" not in english + chinese, row["rule_id"]
        if row["at_stake_amount"]:
            assert "at stake" in english and "涉及" in chinese, row["rule_id"]
    said = " ".join(f"{row['message_en']} {row['message_zh']}" for row in found)
    assert [value[:2] for value in people if value in said] == []


def _personal_data(duck: DuckDBSession) -> set[str]:
    """What the customers of the sample are called and how they are reached, where it is long enough to be told apart."""
    return {
        value
        for table in duck.contract.tables.values()
        for column in table.columns
        if column.pii and column.type == "string"
        for value in duck.query(f"SELECT DISTINCT {column.name} AS value FROM accepted.{table.name}")
        .read_all()["value"]
        .to_pylist()
        if value and len(value) > 3
    }


def names_of(duck: DuckDBSession) -> CodeNames:
    return load_code_names(duck.settings.include / "code-names.yaml")


TEXTS = re.compile(
    r"_id$|^id$|_hash$|^assigned_to$|((^|_)reasons|_reason|_sign|_not_shown|_cluster_name|not_judged)(_zh)?$|^not_judged$|^(message|title|flags|what_to_do|name)_(en|zh)$|^(reason|description|treatment|segment"
    r"|relationship_level|name)_zh$|^(reason|description|treatment|name|path|basis|topic|cell|row_key|file|model|value|filed"
    r"|found|edited_by|code|code_list)$"
)
"""Columns that hold ids, texts and names of things, and no codes."""
OTHERWISE = {"record_proposal.field", "dim_transformer.model", "meter_fault_rate.model"}
"""Columns whose values are a thing's own name although others of the name hold codes."""


def test_every_code_that_a_mart_holds_has_a_name(duck: DuckDBSession) -> None:
    """A column that holds codes stands at its list in include/code-names.yaml, and each code of it has a row."""
    names = names_of(duck)
    named = {
        (row["code_list"], row["code"])
        for row in duck.query("SELECT code_list, code FROM mart.code_name").read_all().to_pylist()
    }
    unlisted, nameless = [], []
    for table in duck.catalog.layer("mart"):
        header = table.header["columns"] if isinstance(table, SqlFile) else {}
        types = {name: entry["type"] for name, entry in header.items()} or table.columns  # type: ignore[union-attr]
        for column in (name for name, kind in types.items() if kind == "string"):
            place = f"{table.name.partition('.')[2]}.{column}"
            held = names.of_marts.get(place)
            is_json = bool(header.get(column, {}).get("json"))
            if held is None:
                if not (is_json or TEXTS.search(column) or place in OTHERWISE):
                    unlisted.append(place)
                continue
            values = duck.query(f"SELECT DISTINCT {column} AS value FROM {table.name}").read_all()["value"]
            codes = {value for value in values.to_pylist() if value is not None}
            if is_json:
                codes = {code for value in codes for code in json.loads(value)}
            nameless += [(place, code) for code in sorted(codes) if (held, code) not in named]
    assert unlisted == [] and nameless == []
    assert {place.partition(".")[0] for place in names.of_marts} <= {
        table.name.partition(".")[2] for table in duck.catalog.layer("mart")
    }
