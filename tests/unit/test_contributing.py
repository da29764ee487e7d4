"""CONTRIBUTING.md, followed step by step in a copy of the project: what it shows is what works."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import sqlglot
from jinja2 import Environment, FileSystemLoader

from wattmark.audit.rules import all_rules
from wattmark.checkup import look
from wattmark.contract import load_contract
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.golden import cases_of, run_case
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark_sample import FolderSink, SamplePlan, generate
from wattmark_sample.faults import records
from wattmark_sample.faults.registry import REGISTRY

RUN_DAY = dt.date(2026, 11, 4)
PAGE = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_BLOCK = re.compile(
    r"<!-- (?:(file|at the end of|a query of|a line of)|below `(.+?)`(?: of \w+)? in): (\S+) -->\n```\w+\n(.*?)```",
    re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """A block of the page: what to do with a file, after which line of it, and the text."""

    how: str
    after: str
    path: str
    text: str


STEPS = [Step(*found) for found in _BLOCK.findall(PAGE)]


def step(path: str) -> Step:
    return next(known for known in STEPS if known.path == path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with all that the page says written into it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT_ROOT / "include", folder / "include")
    shutil.copytree(PROJECT_ROOT / "expectations", folder / "expectations")
    for known in STEPS:
        target = folder / known.path
        if known.how == "file":
            assert not (PROJECT_ROOT / known.path).exists(), f"{known.path}: the example is no longer new"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(known.text, encoding="utf-8")
        elif known.after:
            lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
            at = next(number for number, line in enumerate(lines) if known.after in line)
            target.write_text("".join([*lines[: at + 1], known.text, *lines[at + 1 :]]), encoding="utf-8")
    decision = folder / "include" / "sql" / "segment" / "customer_composite.sql"
    decision.write_text(
        decision.read_text(encoding="utf-8").replace("- [21, home,", "- [22, home,"), encoding="utf-8"
    )
    expected = "tests/sql/segment/customer_composite.yaml"
    (folder / expected).parent.mkdir(parents=True, exist_ok=True)
    (folder / expected).write_text(
        (PROJECT_ROOT / expected).read_text(encoding="utf-8").replace("rule_no: 21", "rule_no: 22"),
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTMARK_PROJECT", str(folder))
        yield folder


def test_all_six_are_shown() -> None:
    for name in ("column", "table", "rule", "segment", "campaign", "page"):
        assert f"\n## Your first {name}\n" in PAGE
    assert len(STEPS) == len(re.findall(r"^<!-- ", PAGE, re.MULTILINE)) == 11


def test_every_place_of_the_map_is_there() -> None:
    section = PAGE.split("## Where things are")[1].split("\n## ")[0]
    named = [path for path in re.findall(r"`([\w./<>-]+)`", section) if "/" in path and "<" not in path]
    assert len(named) > 20
    assert [path for path in named if not (PROJECT_ROOT / path).exists()] == []
    packages = {
        path.name for path in (PROJECT_ROOT / "src" / "wattmark").iterdir() if (path / "__init__.py").exists()
    }
    assert [name for name in sorted(packages) if f"wattmark/{name}/" not in PAGE and name != "contract"] == []


def test_the_column(project: Path) -> None:
    column = (
        load_contract(project / "include" / "contract" / "source-model.yaml")
        .tables["meter"]
        .column("firmware")
    )
    assert column.optional and column.type == "string"


@pytest.mark.parametrize("name", ["facts.meter_age", "audit.MET-90", "segment.customer_composite"])
def test_the_golden_cases(project: Path, tmp_path: Path, name: str) -> None:
    for case in cases_of(project / f"tests/sql/{name.replace('.', '/', 1)}.yaml", name):
        difference = run_case(case, tmp_path / "home")
        assert not difference, f"{case.id}\n{difference}"


def test_the_rule_is_in_the_catalogue(project: Path) -> None:
    rule = all_rules(load_catalog(project / "include"))["MET-90"]
    assert rule.subject == "meter" and rule.file.parameters["max_years"].default == 25
    expected = [
        case.body["expect"] for case in cases_of(project / "tests/sql/audit/MET-90.yaml", "audit.MET-90")
    ]
    assert any(case["flagged"] for case in expected)
    assert any(case["should_check"] > len(case["flagged"]) for case in expected)


def test_the_fault_is_seeded(tmp_path: Path) -> None:
    before = list(REGISTRY)
    try:
        exec(step("sample/src/wattmark_sample/faults/records.py").text, vars(records))
        made = generate(SamplePlan(accounts=200, interval_days=0, faults={"MET-90": 1}), FolderSink(tmp_path))
    finally:
        REGISTRY[:] = before
    assert [fault.rule_id for fault in made.truth] == ["MET-90"] and made.unplaced == []
    years = duckdb.sql(
        f"SELECT date_diff('day', manufactured_on, DATE '2026-10-31') // 365 FROM '{tmp_path}/meter.parquet' WHERE meter_id = '{made.truth[0].subject_id}'"
    ).fetchall()
    assert years == [(30,)]


def test_the_segment(project: Path, tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    run = Run.of(RUN_DAY, settings.utility.time_zone)
    with DuckDBSession(settings, run, load_catalog(project / "include"), stored=False) as session:
        session.build("segment.segment_definition")
        found = (
            session.query("SELECT * FROM segment.segment_definition WHERE segment = 'night home'")
            .read_all()
            .to_pylist()
        )
    assert [(row["treatment"], row["relationship_level_zh"]) for row in found] == [
        ("Time-of-use advice", "基本型")
    ]
    decision = (
        load_catalog(project / "include").tables["segment.customer_composite"].parameters["decision"].default
    )  # type: ignore[union-attr]
    assert [row[1] for row in decision][-2:] == ["night home", "home"]
    assert len({row[0] for row in decision}) == len(decision)


def test_the_campaign(project: Path, tmp_path: Path) -> None:
    found = look(load_settings(tmp_path / "home"), files=False)
    assert [str(error) for error in found.errors if "campaigns" in str(error)] == []
    assert found.counts["campaigns"] == len(list((PROJECT_ROOT / "include" / "campaigns").glob("*.yaml"))) + 1


def test_the_page() -> None:
    query = sqlglot.parse_one(step("src/wattmark/web/pages.py").text, read="postgres")
    table = load_catalog(PROJECT_ROOT / "include").tables["mart.audit_exception"]
    assert {column.name for column in query.find_all(sqlglot.exp.Column)} - {"findings"} <= set(
        table.header["columns"]
    )  # type: ignore[union-attr]
    folder = PROJECT_ROOT / "src" / "wattmark" / "web" / "templates"
    page = (folder / "index.html").read_text(encoding="utf-8") + step(
        "src/wattmark/web/templates/index.html"
    ).text
    shown = Environment(loader=FileSystemLoader(folder), autoescape=True).from_string(page).render(
        severities=[{"severity": "high", "findings": 1200}], since=[], links=[], run=[]
    )  # fmt: skip
    assert "Findings by severity" in shown and "1,200" in shown
