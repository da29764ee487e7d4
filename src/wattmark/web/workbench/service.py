"""Pages of the service loop: complaints, what takes longer than allowed, and how long each step takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from wattmark.charts import Series, chart
from wattmark.publish.findings import asked
from wattmark.web.workbench import steps
from wattmark.web.workbench.desk import Desk, Row, Workbench
from wattmark.web.workbench.sheets import TYPES, file_of
from wattmark.web.workbench.steps import COMPLAINTS, OVERTIME, STATISTICS, VIEWS, Wish

_STATISTIC_COLUMNS: tuple[str, ...] = (
    "month", "org_unit_id", "post", "kind", "step", "time_unit", "steps", "ended", "over_limit", "over_share", "median_time", "p90_time",
)  # fmt: skip
_TABLES = {
    view: told.table.removeprefix("mart.") for view, told in VIEWS.items()
} | {STATISTICS: "step_statistic"}  # fmt: skip


def service_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Routes ``/service/`` and ``/service/list.{xlsx,csv}``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()

    @router.get("/service/")
    async def the_service(request: Request, user: str = Depends(who)) -> HTMLResponse:
        wish = Wish.of(request.query_params)

        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            if wish.view == STATISTICS:
                return _statistics(bench, connection, desk, wish)
            return _list(bench, connection, desk, wish)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.get("/service/list.{form}")
    async def as_file(request: Request, form: str, user: str = Depends(who)) -> Response:
        if form not in TYPES:
            raise HTTPException(404, "There is no such page.")
        wish = Wish.of(request.query_params)

        def made(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            if wish.view == STATISTICS:
                rows, columns = _statistic(connection, desk, wish)[1], _STATISTIC_COLUMNS
            else:
                rows, columns = steps.every_one(connection, desk.person, wish), wish.told.exported
            for row in rows:
                for name in ("opened_at", "settled_at", "called_back_at", "began_at", "ended_at"):
                    if name in row:
                        row[name] = desk.told(name, row[name])
            data = file_of(desk, desk.text(wish.view), rows, columns, form)
            headers = {
                **bench.headers,
                "Content-Disposition": f'attachment; filename="{wish.view}.{form}"',
            }
            return Response(data, media_type=TYPES[form], headers=headers)

        answer: Response = await bench.look(request, user, made)
        return answer

    return router


def _list(bench: Workbench, connection: psycopg.Connection[Any], desk: Desk, wish: Wish) -> HTMLResponse:
    found = steps.listed(connection, desk.person, wish)
    table = _TABLES[wish.view]

    def said(facet: str, code: str) -> str:
        if facet in ("org_unit_id", "under"):
            return desk.unit(code) + (desk.text("and_below") if facet == "under" else "")
        if facet == "what":
            return desk.word("service_what", code)
        return code[:7] if facet == "month" else desk.told(facet, code, table)

    def ordered(facet: str) -> list[tuple[str, str, int]]:
        counts = found.counts[facet]
        known = [*VIEWS[wish.view].what] if facet == "what" else [*steps.STEPS] if facet == "step" else []
        place = {code: at for at, code in enumerate(known)}
        codes = sorted(
            counts, key=lambda code: (place.get(code, 99), -counts[code] if facet != "month" else 0, code)
        )
        return [(code, said(facet, code), counts[code]) for code in codes]

    chosen = [
        (facet, said(facet, getattr(wish, facet)))
        for facet in ("what", *steps.FILTERS)
        if getattr(wish, facet) and (facet in wish.told.facets or facet in ("what", "under", "staff_id", "account_id"))
    ]  # fmt: skip
    return bench.show(
        desk, "service.html", desk.text("service"), here="service/", query=wish.query(page=wish.page if wish.page > 1 else None),
        wish=wish, views=(COMPLAINTS, OVERTIME, STATISTICS), list=found, facets={facet: ordered(facet) for facet in found.counts}, chosen=chosen,
        table=table,
    )  # fmt: skip


def _statistic(
    connection: psycopg.Connection[Any], desk: Desk, wish: Wish
) -> tuple[dict[str, Any], list[Row]]:
    """Unit, month and months of the statistic, and its rows.

    Raises:
        HTTPException: 404, the unit is not of the person's tree.
    """
    unit = wish.under or desk.person.org_unit_id
    if unit not in desk.person.tree:
        raise HTTPException(404, "There is no such unit among yours.")
    months = [row["month"] for row in asked(connection, steps.MONTHS, unit=unit)]
    at = wish.at if wish.at in months else (months[-1] if months else None)
    rows = asked(connection, steps.STATISTIC, unit=unit, month=at, steps=list(steps.STEPS)) if at else []
    return {"of_unit": unit, "months": months, "at": at}, rows


def _statistics(
    bench: Workbench, connection: psycopg.Connection[Any], desk: Desk, wish: Wish
) -> HTMLResponse:
    where, rows = _statistic(connection, desk, wish)
    above = asked(
        connection,
        "SELECT parent_id FROM mart.dim_org_unit WHERE org_unit_id = %(unit)s",
        unit=where["of_unit"],
    )
    chosen = next((row for row in rows if (row["step"], row["post"]) == (wish.step, wish.post)), None)
    grades = (
        asked(connection, steps.BY_GRADE, unit=where["of_unit"], month=where["at"]) if where["at"] else []
    )
    return bench.show(
        desk, "service_statistics.html", desk.text("service"), here="service/", query=wish.query(), wish=wish, views=(COMPLAINTS, OVERTIME, STATISTICS),
        rows=rows, chosen=chosen, detail=_detail(connection, desk, where, chosen) if chosen else None, grades=grades,
        above=above[0]["parent_id"] if above and above[0]["parent_id"] in desk.person.tree else None, **where,
    )  # fmt: skip


def _detail(
    connection: psycopg.Connection[Any], desk: Desk, where: dict[str, Any], row: Row
) -> dict[str, Any]:
    """How one step's time changed, and the units below."""
    values = {"unit": where["of_unit"], "step": row["step"], "post": row["post"]}
    series = asked(connection, steps.OVER_TIME, **values)
    title = f"{desk.told('step', row['step'], 'step_statistic')}: {desk.label('median_time')} ({desk.told('time_unit', row['time_unit'], 'step_statistic')})"
    shares = Series(
        f"{desk.label('over_share')} (%)", [100 * float(each["over_share"] or 0) for each in series]
    )
    bars = Series(
        title, [None if each["median_time"] is None else float(each["median_time"]) for each in series]
    )
    places = [f"{each['month']:%y-%m}" for each in series]
    marked = next((at for at, each in enumerate(series) if each["month"] == where["at"]), None)
    return {
        "svg": chart(title, places, bars, shares, marked),
        "series": series,
        "below": asked(connection, steps.BELOW, **values, month=where["at"]),
    }
