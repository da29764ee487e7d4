"""Pages of the findings: by rule with their sentences, causes with what follows from them, and what each rule covered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from wattmark.code_names import Language, load_code_names
from wattmark.home import warehouse_url
from wattmark.page import page as framed
from wattmark.publish import findings
from wattmark.publish.ops import libpq_url
from wattmark.settings import Settings

_TITLES: dict[str, dict[Language, str]] = {
    "findings": {"en": "Findings", "zh": "稽查发现"},
    "coverage": {"en": "Coverage", "zh": "稽查覆盖"},
}


def with_values(text: str, params: Mapping[str, Any]) -> str:
    """What a rule flags, with the values in force where its text names a single one."""
    for name, value in params.items():
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            # Chinese stands beside a name without a blank, so word boundaries do not find it.
            name_alone = rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])"
            text = re.sub(name_alone, str(value).replace("\\", r"\\"), text)
    return text


def findings_router(settings: Settings, headers: dict[str, str]) -> APIRouter:
    """Routes ``/findings/``, ``/findings/{rule}/`` and ``/coverage/``; ``?language=zh`` asks for Chinese.

    Args:
        settings: the home's settings.
        headers: of each answer.
    """
    router = APIRouter()
    pages = Environment(loader=PackageLoader("wattmark.web"), autoescape=True)
    subjects = load_code_names(settings.include / "code-names.yaml").lists["subject_type"]

    async def read(question: Callable[[psycopg.Connection[Any]], dict[str, Any]]) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            plain = libpq_url(warehouse_url(settings))
            with psycopg.connect(plain) as connection, connection.transaction():
                # One snapshot: a night that is published meanwhile must not mix two runs on one page.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                return question(connection)

        try:
            return await run_in_threadpool(ask)
        except psycopg.OperationalError:
            raise HTTPException(503, "The warehouse does not answer.") from None

    def shown(template: str, title: str, language: Language, **values: Any) -> HTMLResponse:
        body = pages.get_template(template).render(language=language, subjects=subjects, **values)
        lang = "zh-CN" if language == "zh" else "en"
        return HTMLResponse(framed(title, Markup(body), lang), headers=headers)  # noqa: S704 - rendered with escaping

    @router.get("/findings/")
    async def all_findings(language: Language = "en") -> HTMLResponse:
        found = await read(
            lambda connection: {
                "rules": findings.asked(connection, findings.BY_RULE),
                "causes": findings.causes(connection),
            }
        )
        return shown("findings.html", _TITLES["findings"][language], language, **found)

    @router.get("/findings/{rule_id}/")
    async def of_rule(rule_id: str, language: Language = "en") -> HTMLResponse:
        if "\x00" in rule_id:
            raise HTTPException(404, "There is no such rule.")

        def question(connection: psycopg.Connection[Any]) -> dict[str, Any]:
            return {
                "rule": findings.asked(
                    connection, "SELECT * FROM mart.dim_rule WHERE rule_id = %(rule_id)s", rule_id=rule_id
                ),
                "rows": findings.asked(connection, findings.OF_RULE, rule_id=rule_id, most=findings.MOST),
                "causes": [
                    cause
                    for cause in findings.causes(connection)
                    if rule_id in (cause["rule_id"], *(effect["rule_id"] for effect in cause["effects"]))
                ],
            }

        found = await read(question)
        if not found["rule"]:
            raise HTTPException(404, "There is no such rule.")
        rule = found.pop("rule")[0]
        for each in ("flags_en", "flags_zh"):
            rule[each] = with_values(rule[each] or "", rule["params"] or {})
        return shown("rule.html", rule[f"title_{language}"], language, rule=rule, most=findings.MOST, **found)

    @router.get("/coverage/")
    async def coverage(language: Language = "en") -> HTMLResponse:
        def question(connection: psycopg.Connection[Any]) -> dict[str, Any]:
            common: dict[str, list[dict[str, Any]]] = {}
            for row in findings.asked(connection, findings.COMMON):
                common.setdefault(row["rule_id"], []).append(row)
            return {"rules": findings.asked(connection, findings.COVERAGE), "common": common}

        return shown("coverage.html", _TITLES["coverage"][language], language, **await read(question))

    return router
