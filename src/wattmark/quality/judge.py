"""Great Expectations' judgement of what was handed over, and its Data Docs.

Suites are built from the same checks that fill the quarantine (see checks.py). The judgement is for people:
which expectation failed on how many rows. What may pass is decided by accept.py, row by row.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from wattmark.atomic import write_atomically
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.home import Home
from wattmark.page import page, style
from wattmark.quality.checks import Suite, suites
from wattmark.quality.landing import LANDING, landed, landing_kinds
from wattmark.quality.reading import FILLER, quoted, unparsed
from wattmark.quality.typed import typed_select
from wattmark.run import Run
from wattmark.settings import Settings

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

_OF_READING = ("type", "text", "clock", FILLER.removesuffix(":"))
"""Kinds of checks of how a value is read: not judged where nothing was parsed."""


KEPT_ROWS = 1_000_000
"""Up to so many rows are read once and kept while they are judged: Great Expectations asks some twenty times."""


@dataclass(frozen=True)
class Judged:
    """What became of one table's expectations; ``failed`` has the rows that failed by expectation (``type:column``)."""

    table: str
    rows: int
    expectations: int
    succeeded: bool
    failed: dict[str, int]


def site_folder(settings: Settings) -> Path:
    """Folder of the Data Docs; open ``index.html`` in it."""
    return Home(settings.home).data_docs


def judge(settings: Settings, run: Run, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Validate landing tables and add the results to the Data Docs.

    Args:
        settings: the home's settings.
        run: the run.
        names: contract tables to judge.

    Returns:
        rows that failed, by expectation (``type:column``), by table; only expectations that failed.

    Raises:
        QualityError: Great Expectations could not judge an expectation.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    all_suites = suites(contract, settings.project / "expectations")
    wanted = [all_suites[name] for name in names]
    # What brought no row meets every expectation of a row, and to have that said takes half a second a table.
    full = [suite for suite in wanted if landed(settings, run, suite.table.name).rows]
    judged = _judge_all(settings, run, full) if full else []
    judged += [Judged(suite.table.name, 0, 0, True, {}) for suite in wanted if suite not in full]
    write_index(site_folder(settings), run, judged)
    return {table.table: table.failed for table in judged if table.failed}


def _judge_all(settings: Settings, run: Run, wanted: list[Suite]) -> list[Judged]:
    import great_expectations as gx

    site = site_folder(settings)
    scratch = Path(tempfile.mkdtemp(prefix="judge-", dir=settings.scratch))
    try:
        database = scratch / "landing.duckdb"
        parsed = _make_typed(settings, run, wanted, database)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = _no_bars()
        store = {
            "class_name": "ValidationResultsStore",
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(scratch / "results"),
            },
        }
        context.add_store("results", store)
        context.validation_results_store_name = "results"
        context.add_data_docs_site(
            site_name="local",
            site_config={
                "class_name": "SiteBuilder",
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "show_how_to_buttons": False,
            },
        )
        source = context.data_sources.add_sql(
            name="landing",
            connection_string=f"duckdb:///{database}",
            kwargs={
                "isolation_level": "AUTOCOMMIT",
                "skip_autocommit_rollback": True,
                "pool_reset_on_return": None,
            },
        )
        judged = [_judge_one(gx, context, source, suite, parsed[suite.table.name], run) for suite in wanted]
        context.build_data_docs()
        source.get_execution_engine().close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    make_readable_offline(site)
    return judged


def _no_bars() -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    return ProgressBarsConfig(globally=False)


def _make_typed(settings: Settings, run: Run, wanted: list[Suite], database: Path) -> dict[str, set[str]]:
    """Make a relation of typed rows per table; returns the columns of each that were parsed or have values that were not read."""
    parsed: dict[str, set[str]] = {}
    with DuckDBSession(settings, run) as session:
        files = {}
        for suite in wanted:
            name = f"{LANDING}.{suite.table.name}"
            session.see([name])
            kinds = landing_kinds(session.duck, name)
            parsed[suite.table.name] = {
                column.name
                for column in suite.table.columns
                if kinds[column.name] != column.duckdb_type and column.type != "string"
            }
            definition = session.duck.execute(
                "SELECT sql FROM duckdb_views() WHERE schema_name = ? AND view_name = ?",
                [LANDING, suite.table.name],
            ).fetchall()[0][0]
            body = definition.split(" AS ", 1)[1].rstrip("; \n")
            marks = "".join(
                f", COALESCE({check.failing}, FALSE) AS {quoted(check.mark)}"
                for check in suite.checks
                if check.mark
            )
            note = landed(settings, run, suite.table.name)
            typed = typed_select(suite.table, f"({body})", kinds, reading=note.reading)
            kind = "TABLE" if note.rows <= KEPT_ROWS else "VIEW"
            files[suite.table.name] = f"{kind} {quoted(suite.table.name)} AS SELECT *{marks} FROM ({typed})"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"SET TimeZone = '{settings.zone.key}'")
        for made in files.values():
            connection.execute(f"CREATE {made}")
        for suite in wanted:
            # Native values and texts are seldom refused: one look at all of them saves an expectation of each.
            rest = [column for column in suite.table.columns if column.name not in parsed[suite.table.name]]
            if rest:
                marks = ", ".join(f"BOOL_OR({quoted(unparsed(column))})" for column in rest)
                found = connection.execute(f"SELECT {marks} FROM {quoted(suite.table.name)}").fetchall()[0]
                parsed[suite.table.name] |= {
                    column.name for column, bad in zip(rest, found, strict=True) if bad
                }
    return parsed


def _judge_one(gx: Any, context: Any, source: Any, suite: Suite, parsed: set[str], run: Run) -> Judged:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    name = suite.table.name
    asset = source.add_table_asset(name=name, table_name=name)
    batch = asset.add_batch_definition_whole_table("all")
    built = context.suites.add(gx.ExpectationSuite(name=name))
    for check in suite.checks:
        if check.name.split(":")[0] in _OF_READING and check.column not in parsed:
            continue
        kwargs = {**check.kwargs, "mostly": 1 - check.tolerate}
        built.add_expectation_configuration(
            ExpectationConfiguration(
                type=check.type,
                kwargs=kwargs,
                meta={"check": check.name, "severity": check.severity, "why": check.why},
            )
        )
    built.save()
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=built)
    )
    result = definition.run(
        result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        run_id=gx.RunIdentifier(run_name=run.run_id, run_time=_moment(run)),
    )
    for outcome in result.results:
        if _raised(outcome.exception_info):
            raise QualityError(
                "quality.not_judged",
                f"{name}: Great Expectations cannot judge {outcome.expectation_config.meta['check']}.",
                f"Correct the expectation in expectations/{name}.yaml.",
            )
    failed = {
        outcome.expectation_config.meta["check"]: int(outcome.result.get("unexpected_count", 0) or 0)
        for outcome in result.results
        if outcome.result.get("unexpected_count")
    }
    counts = [int(outcome.result.get("element_count", 0) or 0) for outcome in result.results]
    return Judged(name, max(counts, default=0), len(result.results), bool(result.success), failed)


def _raised(info: Any) -> bool:
    """Whether a judgement ended in an exception; the information is nested by metric where it did."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(_raised(value) for value in info.values())


def _moment(run: Run) -> Any:
    import datetime as dt

    return dt.datetime.combine(run.as_of, dt.time(), dt.UTC)


_NOT_OURS = re.compile(
    r"<link\b[^>]*>|<script\b.*?</script>|<style\b.*?</style>|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)
_REMOTE_IMAGE = re.compile(r"https?://[^\"?]*/([\w.-]+\.(?:png|svg|gif))(?:\?[^\"]*)?")
_HANDLER = re.compile(r"\son\w+=(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_MARK = "<!-- read without scripts -->"


def _with_landmarks(text: str) -> str:
    """A page of Great Expectations with what people need who hear it or have no mouse: a main part, headings in order, names."""
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    heading = "" if "<h1" in text or not title else f"<h1>{title[1].strip()}</h1>"
    text = re.sub(r"<body\b[^>]*>", lambda _: f"<body><main>{heading}", text, count=1)
    text = text.replace("</body>", "</main></body>", 1)
    # Their headings begin at the fourth level.
    text = re.sub(r"(</?h)([456])\b", lambda found: f"{found[1]}{int(found[2]) - 2}", text)
    numbers = itertools.count(1)
    text = re.sub(r"<nav\b", lambda _: f'<nav aria-label="Navigation {next(numbers)}"', text)
    # What scrolls sideways is reached by the keyboard.
    return re.sub(r"<table\b", '<table tabindex="0"', text)


def make_readable_offline(site: Path) -> None:
    """Make pages of Great Expectations pages of ours: they load nothing, run nothing, and hide nothing behind a script.

    Their scripts, which the pages' content security policy refuses, only fold and filter what is there anyway.
    """
    own = Path(__file__).with_name("data_docs.css").read_text(encoding="utf-8")
    images = site / "static" / "images"
    for file in site.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        if _MARK in text:
            continue

        def beside(found: re.Match[str], file: Path = file) -> str:
            image = images / found[1]
            return os.path.relpath(image, file.parent) if image.exists() else ""

        text = _HANDLER.sub("", _NOT_OURS.sub("", text))
        text = _REMOTE_IMAGE.sub(beside, text)
        text = re.sub(r"<html\b[^>]*>", '<html lang="en">', text, count=1)
        text = _with_landmarks(text)
        head = f'{_MARK}<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style()}{own}</style></head>'
        file.write_text(text.replace("</head>", head, 1), encoding="utf-8")


def write_index(site: Path, run: Run, judged: Iterable[Judged]) -> None:
    """Write the first page: this run's tables and what failed in them, and the pages of earlier runs.

    The index of Great Expectations fills its tables by scripts that it loads from elsewhere.
    """

    def pages(run_id: str) -> dict[str, str]:
        found = sorted((site / "validations").glob(f"*/{run_id}/*/*.html"))
        return {page.relative_to(site).parts[1]: page.relative_to(site).as_posix() for page in found}

    runs = sorted({folder.name for folder in (site / "validations").glob("*/*")} - {run.run_id}, reverse=True)
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    text = environment.get_template("data_docs.html").render(
        run=run,
        judged=sorted(
            judged, key=lambda judgement: (judgement.succeeded and not judgement.failed, judgement.table)
        ),
        pages=pages(run.run_id),
        suites={file.stem for file in (site / "expectations").glob("*.html")},
        earlier={run_id: pages(run_id) for run_id in runs},
    )
    framed = page(f"Data Docs, {run.as_of}", Markup(text))  # noqa: S704 - rendered with escaping
    write_atomically(site / "index.html", framed)
