"""Pages about the last night: findings, lists, what was refused, and the reports beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.params import Depends as Dependency
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from wattmark.home import Home, warehouse_url
from wattmark.page import page as framed
from wattmark.publish import findings
from wattmark.publish.ops import libpq_url, published_run, runs_since
from wattmark.quality.judge import site_folder
from wattmark.settings import Settings
from wattmark.web import security
from wattmark.web.answers import HEADERS, tell_refusals
from wattmark.web.findings import findings_router
from wattmark.web.lists import lists_router
from wattmark.web.workbench.router import workbench_router

_QUERIES = {
    "run": "SELECT run_id, as_of, state, CAST(published_at AS timestamp(0)) AS published_at, rows_in, rows_out FROM ops.pipeline_run ORDER BY as_of DESC, run_id DESC LIMIT 10",
    "findings": findings.BY_RULE,
    "coverage": "SELECT COUNT(*) AS rules, COUNT(*) FILTER (WHERE is_flood) AS floods, SUM(should_check) AS should_check, SUM(checked) AS checked, SUM(not_checked) AS not_checked FROM mart.audit_coverage",
    "lists": "SELECT r.campaign_id, r.state, COUNT(*) FILTER (WHERE m.outcome = 'listed' AND NOT m.is_seed) AS listed, COUNT(*) FILTER (WHERE m.outcome = 'control') AS control, "
    "COUNT(*) FILTER (WHERE m.outcome = 'excluded') AS excluded, COUNT(*) FILTER (WHERE m.outcome = 'over_limit') AS over_limit "
    "FROM ops.campaign_run r LEFT JOIN ops.campaign_member m USING (campaign_run_id) WHERE r.as_of = (SELECT MAX(as_of) FROM ops.campaign_run) GROUP BY 1, 2 ORDER BY 1",
    "programme": "SELECT quarter, measure, treated, held_out, CAST(difference AS numeric(18, 4)) AS difference, CAST(low AS numeric(18, 4)) AS low, "
    "CAST(high AS numeric(18, 4)) AS high FROM mart.programme_result WHERE quarter = (SELECT MAX(quarter) FROM mart.programme_result) ORDER BY measure",
    "refused": "SELECT source_table, read_rows, accepted_rows, quarantined_rows, superseded_rows FROM mart.reconciliation WHERE quarantined_rows + superseded_rows > 0 ORDER BY 4 DESC, 1",
}  # fmt: skip


def folders(settings: Settings) -> dict[str, Path]:
    """Folders of ready-made pages, by the name they are served under."""
    return {"data-docs": site_folder(settings), "reports": Home(settings.home).reports}


def _links(settings: Settings) -> list[tuple[str, str]]:
    """Data Docs and the newest report of each kind: link and text."""
    found = [("data-docs/index.html", "Data Docs")] if (site_folder(settings) / "index.html").exists() else []
    reports = Home(settings.home).reports
    for kind in sorted(reports.iterdir()) if reports.is_dir() else []:
        pages = sorted([*kind.glob("*.html"), *kind.glob("*/index.html")])
        if pages:
            found.append((f"reports/{pages[-1].relative_to(reports).as_posix()}", f"Report on {kind.name}"))
    return found


def _figures(settings: Settings) -> dict[str, Any]:
    plain = libpq_url(warehouse_url(settings))
    found: dict[str, Any] = {}
    with (
        psycopg.connect(plain, row_factory=psycopg.rows.dict_row) as connection,
        # One snapshot: a night that is published meanwhile must not mix two runs on one page.
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found["published"], found["since"] = published_run(connection), runs_since(connection)
        for name, query in _QUERIES.items():
            try:
                with connection.transaction():
                    found[name] = connection.execute(query).fetchall()
            except (
                psycopg.errors.UndefinedTable,
                psycopg.errors.UndefinedColumn,
                psycopg.errors.InvalidSchemaName,
            ):
                found[name] = []
    return found


def _page(folder: Path | None, name: str) -> Path | None:
    """The file of that name below a folder, whatever the name says; None where there is none."""
    try:
        wanted = (folder / name).resolve() if folder is not None else None
        if (
            wanted is None
            or folder is None
            or not wanted.is_relative_to(folder.resolve())
            or not wanted.is_file()
        ):
            return None
    except (OSError, ValueError):
        # A NUL, a lone surrogate, or a name longer than any file's: no file has such a name.
        return None
    return wanted


def pages_app(
    settings: Settings,
    *,
    guards: Sequence[Dependency] | None = None,
    login: Callable[[Request], str] | None = None,
    who: Callable[..., str] | None = None,
    counter: str | None = None,
) -> FastAPI:
    """The application: ``GET /``, campaign lists, and the files of Data Docs and reports, for whoever is signed in.

    Args:
        settings: the home's settings.
        guards: dependencies every request must pass; Airflow's for readers where None.
        login: where somebody who is not signed in is sent; Airflow's own page where None.
        who: dependency that names the user, for lists; Airflow's where None.
        counter: where the counter's page is; no link to it where None.
    """
    app = FastAPI(title="wattmark", docs_url=None, redoc_url=None, openapi_url=None)
    router = APIRouter(dependencies=list(security.readers() if guards is None else guards))
    page = Environment(loader=PackageLoader("wattmark.web"), autoescape=True).get_template("index.html")

    @router.get("/")
    async def index() -> HTMLResponse:
        try:
            figures = await run_in_threadpool(_figures, settings)
        except (psycopg.OperationalError, sa.exc.SQLAlchemyError):
            raise HTTPException(503, "The warehouse does not answer.") from None
        body = Markup(page.render(**figures, links=_links(settings), counter=counter))  # noqa: S704 - rendered with escaping
        return HTMLResponse(framed("Wattmark", body), headers=HEADERS)

    router.include_router(findings_router(settings, HEADERS))
    router.include_router(lists_router(settings, who or security.user_name(), HEADERS))
    router.include_router(workbench_router(settings, who or security.user_name(), HEADERS))

    @router.get("/{area}/")
    async def first(area: str) -> RedirectResponse:
        if area not in folders(settings):
            raise HTTPException(404, "There is no such page.")
        return RedirectResponse("index.html")

    @router.get("/{area}/{name:path}")
    async def file(area: str, name: str) -> FileResponse:
        wanted = _page(folders(settings).get(area), name)
        if wanted is None:
            raise HTTPException(404, "There is no such page.")
        return FileResponse(wanted, headers=HEADERS)

    tell_refusals(app, "/", login)
    app.include_router(router)
    return app
