"""The dashboards for Superset: what they name is published, each chart's query runs on PostgreSQL, the bundle is what is imported."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from typer.testing import CliRunner

from tests.web.desk_data import columns_of, put
from wattmark import cli
from wattmark.bi.bundle import MASK, Bundle, address, zipped
from wattmark.bi.charts import Drawn
from wattmark.bi.definitions import load_definitions
from wattmark.code_names import LANGUAGES, Language, load_code_names
from wattmark.errors import SettingsError
from wattmark.publish.ops import libpq_url
from wattmark.settings import PROJECT_ROOT

INCLUDE = PROJECT_ROOT / "include"
URI = address("postgresql+psycopg://own:secret@127.0.0.1:5499/warehouse", "superset")
DASHBOARDS = {"audit", "segments", "campaigns", "losses", "key_figures"}
AS_OF, PERIOD = dt.date(2026, 10, 15), dt.date(2026, 9, 1)


def bundle_of(language: Language, include: Path = INCLUDE) -> Bundle:
    return Bundle(load_definitions(include), load_code_names(INCLUDE / "code-names.yaml"), language, URI)


@pytest.fixture(scope="module")
def bundles() -> dict[Language, Bundle]:
    return {language: bundle_of(language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def published(warehouse_url: str, bundles: dict[Language, Bundle]) -> Iterator[psycopg.Connection[Any]]:
    """The marts that dashboards read, as their headers say they are published, with a few rows; gone afterwards."""
    read = {name for each in bundles["en"].tables.values() for name in re.findall(r"mart\.(\w+)", each.sql)}
    with psycopg.connect(libpq_url(warehouse_url)) as connection:
        connection.execute("DROP SCHEMA IF EXISTS mart CASCADE")
        connection.execute("CREATE SCHEMA mart")
        for name in sorted(read - {"code_name"}):
            columns = {**columns_of(f"mart.{name}"), "as_of": "date", "run_id": "text"}
            connection.execute(
                f"CREATE TABLE mart.{name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})"
            )
        connection.execute(
            "CREATE TABLE mart.code_name (code_list text, code text, name_en text, name_zh text)"
        )
        fill(connection)
        yield connection
        connection.rollback()


def fill(connection: psycopg.Connection[Any]) -> None:
    """A county with a station; three findings, of which the largest follows from another one."""
    put(
        connection, "mart.dim_org_unit",
        {"org_unit_id": "P", "name": "Province", "level": "province", "path": "P", "depth": 0},
        {"org_unit_id": "C", "name": "East county", "level": "county", "path": "P/C", "depth": 1, "parent_id": "P"},
        {"org_unit_id": "S", "name": "North station", "level": "station", "path": "P/C/S", "depth": 2, "parent_id": "C"},
    )  # fmt: skip
    put(
        connection,
        "mart.dim_rule",
        {
            "rule_id": "TAR-01",
            "family": "TAR",
            "title_en": "Reading does not continue",
            "title_zh": "抄见示数不连续",
        },
    )
    put(
        connection,
        "mart.code_name",
        {"code_list": "severity", "code": "high", "name_en": "high", "name_zh": "高"},
    )
    for subject, amount, unit in (("A1", 100, "S"), ("A2", -30, "S"), ("A3", 900, "C"), ("A4", None, "X9")):
        finding = {
            "rule_id": "TAR-01", "subject_type": "account", "subject_id": subject, "period": PERIOD, "severity": "high",
            "org_unit_id": unit, "at_stake_amount": amount, "kind": "exception", "message_en": f"{subject} is wrong", "message_zh": subject,
        }  # fmt: skip
        put(connection, "mart.audit_exception", finding)
    put(
        connection,
        "mart.audit_root_cause",
        {"rule_id": "TAR-01", "subject_type": "account", "subject_id": "A3", "period": PERIOD},
    )
    for unit, should, done in (("S", 10, 10), ("C", 30, 20)):
        put(
            connection, "mart.audit_coverage_unit",
            {"rule_id": "TAR-01", "org_unit_id": unit, "should_check": should, "checked": done, "flagged": 2, "not_checked": should - done},
        )  # fmt: skip
    for number, (state, due, cause) in enumerate(
        (
            ("open", dt.date(2026, 10, 1), None),
            ("rectifying", AS_OF, "effect_of"),
            ("closed", dt.date(2026, 9, 1), None),
        )
    ):
        put(
            connection, "mart.audit_case",
            {
                "case_id": f"K{number}", "rule_id": "TAR-01", "state": state, "due_on": due, "as_of": AS_OF, "at_stake_amount": -50,
                "root_cause_case_id": "K0" if cause else None, "cause_kind": cause, "opened_on": AS_OF, "org_unit_id": "S",
            },
        )  # fmt: skip
    put(
        connection, "mart.audit_kpi",
        {"level": "org_unit", "id": "C", "span": "month", "period": PERIOD, "kpi": "collection_rate", "value": 0.98765, "standard": 0.99},
        {"level": "org_unit", "id": "C", "span": "month", "period": PERIOD, "kpi": "composite", "value": 81.5},
    )  # fmt: skip
    put(connection, "mart.dim_kpi", {"kpi": "collection_rate", "form": "share", "post": "collection"})


def text_of(drawn: Drawn, query: dict[str, Any]) -> str:
    """A chart's query as Superset puts it to PostgreSQL: the data set as a subquery, grouped where there are metrics."""
    columns = [each if isinstance(each, str) else each["sqlExpression"] for each in query["columns"]]
    metrics = [f"{drawn.table.metrics[name]} AS {name}_" for name in query.get("metrics", ())]
    where = f" WHERE {query['extras']['where']}" if query["extras"]["where"] else ""
    group = f" GROUP BY {', '.join(columns)}" if metrics and columns else ""
    order = ", ".join(
        f"{f'{name}_' if name in drawn.table.metrics else name} {'ASC' if rises else 'DESC'}"
        for name, rises in query["orderby"]
    )
    return (
        f"SELECT {', '.join([*columns, *metrics])} FROM ({drawn.table.sql}) AS virtual_table{where}{group}"
        + (f" ORDER BY {order}" if order else "")
        + f" LIMIT {query['row_limit']}"
    )


def rows(
    bundle: Bundle, published: psycopg.Connection[Any], dashboard: str, chart: str
) -> list[tuple[Any, ...]]:
    drawn = bundle.drawn[dashboard, chart]
    return [row for query in drawn.queries() for row in published.execute(text_of(drawn, query)).fetchall()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chart_is_asked_of_what_is_published(
    bundles: dict[Language, Bundle], published: psycopg.Connection[Any], language: Language
) -> None:
    bundle = bundles[language]
    assert {dashboard for dashboard, _ in bundle.drawn} == DASHBOARDS
    assert len(bundle.drawn) > 60
    for dashboard, chart in bundle.drawn:
        rows(bundle, published, dashboard, chart)


def test_a_data_set_has_exactly_the_columns_it_tells_of(
    bundles: dict[Language, Bundle], published: psycopg.Connection[Any]
) -> None:
    types = {"text": "TEXT", "int8": "BIGINT", "int4": "BIGINT", "float8": "DOUBLE PRECISION", "numeric": "NUMERIC(18,2)", "date": "DATE", "bool": "BOOLEAN", "timestamptz": "TIMESTAMP WITH TIME ZONE", "jsonb": "JSONB"}  # fmt: skip
    for table in bundles["en"].tables.values():
        told = published.execute(f"SELECT * FROM ({table.sql}) AS v LIMIT 0").description or []
        names = dict(
            published.execute(
                "SELECT oid, typname FROM pg_type WHERE typname = ANY(%s)", [list(types)]
            ).fetchall()
        )
        assert {column.name: types[names[column.type_code]] for column in told} == {
            name: column.postgres for name, column in table.columns.items()
        }, table.mart


def test_money_is_told_either_way_and_once(
    bundles: dict[Language, Bundle], published: psycopg.Connection[Any]
) -> None:
    def one(chart: str) -> Any:
        return rows(bundles["en"], published, "audit", chart)[0][0]

    assert one("findings") == 4
    assert (one("to_utility"), one("to_customers")) == (100, 30)
    assert (one("open_cases"), one("late_cases")) == (2, 1)
    assert one("coverage") == pytest.approx(0.75)
    assert [row[1] for row in rows(bundles["en"], published, "audit", "list")] == [
        "A1 is wrong",
        "A2 is wrong",
    ]


def test_codes_and_ids_are_told_by_their_names(
    bundles: dict[Language, Bundle], published: psycopg.Connection[Any]
) -> None:
    english = set(rows(bundles["en"], published, "audit", "by_unit"))
    # A unit that the utility does not list is told by its id.
    assert english == {("North station", "high", 2), ("East county", "high", 1), ("X9", "high", 1)}
    assert {row[1] for row in rows(bundles["zh"], published, "audit", "by_unit")} == {"高"}
    assert rows(bundles["zh"], published, "audit", "by_rule") == [("抄见示数不连续", 4)]
    counties = published.execute(
        f"SELECT DISTINCT unit, county FROM ({bundles['en'].tables['audit_coverage_unit'].sql}) AS v"
    ).fetchall()
    assert set(counties) == {("North station", "East county"), ("East county", "East county")}
    figure = rows(bundles["en"], published, "key_figures", "figures")[0]
    assert figure[2:4] == ("98.77%", "99.00%")
    assert rows(bundles["en"], published, "key_figures", "composite") == [(81.5,)]


def test_the_same_definitions_give_the_same_bytes(bundles: dict[Language, Bundle]) -> None:
    assert zipped(bundle_of("en").texts()) == zipped(bundles["en"].texts())
    assert zipped(bundles["zh"].texts()) != zipped(bundles["en"].texts())


def test_both_languages_may_stand_side_by_side(bundles: dict[Language, Bundle]) -> None:
    found = {
        language: {body["uuid"] for body in bundle.files.values() if "uuid" in body}
        for language, bundle in bundles.items()
    }
    database = bundles["en"].files["databases/Wattmark.yaml"]["uuid"]
    assert found["en"] & found["zh"] == {database}
    # What was imported once is found again by it, whatever the release.
    assert database == str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "wattmark"), "database"))
    slugs = {body["slug"] for bundle in bundles.values() for body in bundle.files.values() if "slug" in body}
    assert len(slugs) == 2 * len(DASHBOARDS)


def test_all_that_a_file_names_is_in_the_bundle(bundles: dict[Language, Bundle]) -> None:
    files = bundles["en"].files
    ids = {path: body["uuid"] for path, body in files.items() if "uuid" in body}
    assert len(set(ids.values())) == len(ids)
    data_sets = {body["uuid"]: body for path, body in files.items() if path.startswith("datasets/")}
    charts = {body["uuid"]: body for path, body in files.items() if path.startswith("charts/")}
    placed: set[str] = set()
    for path, body in files.items():
        if not path.startswith("dashboards/"):
            continue
        held = {part["meta"]["chartId"]: charts[part["meta"]["uuid"]] for part in body["position"].values() if isinstance(part, dict) and part["type"] == "CHART"}  # fmt: skip
        placed |= {chart["uuid"] for chart in held.values()}
        for each in body["metadata"]["native_filter_configuration"]:
            wanted = each["targets"][0]["column"]["name"]
            assert wanted in {
                column["column_name"] for column in data_sets[each["targets"][0]["datasetUuid"]]["columns"]
            }
            followed = [chart for number, chart in held.items() if number not in each["scope"]["excluded"]]
            assert followed, (path, wanted)
            for chart in followed:
                assert wanted in {
                    column["column_name"] for column in data_sets[chart["dataset_uuid"]]["columns"]
                }
    assert placed == set(charts)


def test_columns_are_described_as_the_marts_describe_them(bundles: dict[Language, Bundle]) -> None:
    header = (
        (INCLUDE / "sql" / "mart" / "audit_exception.sql")
        .read_text(encoding="utf-8")
        .split("*/")[0]
        .removeprefix("/*")
    )
    own = yaml.safe_load(header)["columns"]
    told = {
        column["column_name"]: column
        for column in bundles["zh"].files["datasets/Wattmark/audit_exception_zh.yaml"]["columns"]
    }
    assert {name: told[name]["description"] for name in own} == {
        name: entry["doc"] for name, entry in own.items()
    }
    assert (told["period"]["type"], told["period"]["is_dttm"], told["at_stake_amount"]["type"]) == (
        "DATE",
        True,
        "NUMERIC(18,2)",
    )
    assert (told["severity_name"]["verbose_name"], told["evidence"]["groupby"]) == ("严重程度", False)


def test_no_password_is_written(bundles: dict[Language, Bundle]) -> None:
    assert f"postgresql+psycopg2://superset:{MASK}@127.0.0.1:5499/warehouse" == URI
    assert not [path for path, text in bundles["en"].texts().items() if "secret" in text]
    assert (
        address("postgresql+psycopg://own:secret@127.0.0.1:5499/w", "anna", "db.example", 5432)
        == f"postgresql+psycopg2://anna:{MASK}@db.example:5432/w"
    )


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("dashboards/audit.yaml", "metrics: [findings]", "metrics: [finding]", "shows finding, which is no metric of audit_exception"),
        ("dashboards/audit.yaml", "x: unit\n", "x: units\n", "shows units, which is no column of audit_exception"),
        ("dashboards/losses.yaml", "table: unit_price", "table: unit_prices", "mart.unit_prices is no published table"),
        ("dashboards/losses.yaml", "viz: line", "viz: spiral", "losses.yaml:"),
        ("dashboards/segments.yaml", "[by_segment, by_grade]", "[by_segment]", "by_grade is in no row"),
        ("dashboards/campaigns.yaml", "table: campaign_result}", "table: line_loss}", "filter campaign_id: line_loss has no such column"),
        ("datasets.yaml", "month: opened_on", "month: open_on", "mart.audit_case has no column open_on"),
        ("words.yaml", "lost_rate: {en: Loss, zh: 线损率}\n", "", "lost_rate has no name"),
        ("words.yaml", "lost_rate: {en: Loss, zh: 线损率}", "lost_rate: {en: Loss}", "words.yaml:"),
    ],
)  # fmt: skip
def test_a_wrong_definition_is_refused(tmp_path: Path, file: str, before: str, after: str, told: str) -> None:
    include = tmp_path / "include"
    shutil.copytree(INCLUDE / "bi", include / "bi")
    (include / "sql").symlink_to(INCLUDE / "sql")
    path = include / "bi" / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(SettingsError, match=re.escape(told)):
        bundle_of("en", include)


def test_the_command_writes_a_file_or_a_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.yaml").write_text(
        "services: {warehouse_url: 'postgresql+psycopg://own:secret@db:5432/warehouse'}\n"
    )
    if not cli.app.registered_commands:
        cli.mount()

    def made(*arguments: str) -> Any:
        return CliRunner().invoke(cli.app, ["bi", "superset", "--home", str(home), *arguments])

    file, folder = tmp_path / "out" / "wattmark.zip", tmp_path / "bundle"
    done = made("--out", str(file), "--language", "zh", "--login", "anna")
    assert done.exit_code == 0, done.output
    assert "5 dashboards" in done.output
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as opened:
        texts = {name.partition("/")[2]: opened.read(name).decode() for name in opened.namelist()}
    assert yaml.safe_load(texts["metadata.yaml"])["type"] == "Dashboard"
    assert f"anna:{MASK}@db:5432/warehouse" in texts["databases/Wattmark.yaml"]
    for _ in range(2):
        assert made("--out", str(folder), "--language", "zh", "--login", "anna", "--replace").exit_code == 0
    written = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")
    }
    assert yaml.safe_load(written.pop("metadata.yaml"))["type"] == "assets"
    assert texts.pop("metadata.yaml")
    assert written == texts
    refused = made("--out", str(home))
    assert isinstance(refused.exception, SettingsError)
    assert "holds something that is no bundle" in str(refused.exception)
