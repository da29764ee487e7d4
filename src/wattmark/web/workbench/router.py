"""All routes of the workbench."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from wattmark.settings import Settings
from wattmark.web.workbench.accounts import accounts_router
from wattmark.web.workbench.books import books_router
from wattmark.web.workbench.bulk import bulk_router
from wattmark.web.workbench.cases import cases_router
from wattmark.web.workbench.desk import Workbench
from wattmark.web.workbench.figures import figures_router
from wattmark.web.workbench.reviews import reviews_router
from wattmark.web.workbench.service import service_router


def workbench_router(settings: Settings, who: Callable[..., str], headers: dict[str, str]) -> APIRouter:
    """Routes below ``/cases/``, ``/accounts/``, ``/figures/``, ``/reviews/`` and ``/service/``.

    Args:
        settings: the home's settings.
        who: dependency that names the user.
        headers: of each answer.
    """
    router = APIRouter()
    bench = Workbench(settings, headers)
    # What stands apart from any case's address comes before it.
    router.include_router(books_router(bench, who))
    router.include_router(bulk_router(bench, who))
    router.include_router(cases_router(bench, who))
    router.include_router(accounts_router(bench, who))
    router.include_router(figures_router(bench, who))
    router.include_router(reviews_router(bench, who))
    router.include_router(service_router(bench, who))
    return router
