"""What a night published, for the person who ran it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from wattmark.home import Home, login_secret, secret, warehouse_url
from wattmark.local.services import status
from wattmark.publish import findings
from wattmark.publish.ops import libpq_url, published_run, runs_since
from wattmark.quality.judge import site_folder
from wattmark.settings import Settings
from wattmark.urls import masked
from wattmark.user_settings import ADMIN

SHOWN_RULES, SHOWN_CAUSES = 20, 10


def _rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query).fetchall()
    except psycopg.errors.UndefinedTable:
        return []


def print_night(settings: Settings, console: Console) -> None:
    """Print the published night, what runs or failed since, its tables, findings by money, lists, refused rows, and where to look."""
    with psycopg.connect(libpq_url(warehouse_url(settings)), autocommit=True) as connection:
        published = published_run(connection)
        if published is not None:
            console.print(f"Published: the night {published.as_of} (run {published.run_id})", highlight=False)
        for night in runs_since(connection):
            what = "runs" if night.state == "running" else "failed"
            console.print(f"Since then the night {night.as_of} (run {night.run_id}) {what}", highlight=False)
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('mart', 'mart_pii') ORDER BY 1, 2"
        ).fetchall()
        shown = Table("table", "rows", title="Published", title_justify="left")
        for schema, name in tables:
            count = connection.execute(
                psycopg.sql.SQL("SELECT COUNT(*) FROM {}").format(psycopg.sql.Identifier(schema, name))
            ).fetchall()[0][0]
            shown.add_row(f"{schema}.{name}", f"{count:,}")
        console.print(shown)
        _print_findings(connection, console)
        lists = _rows(
            connection,
            "SELECT campaign_run.campaign_id, campaign_run.state, COUNT(*) FILTER (WHERE campaign_member.outcome = 'listed' AND NOT campaign_member.is_seed), COUNT(*) FILTER (WHERE campaign_member.outcome = 'control'), "
            "COUNT(*) FILTER (WHERE campaign_member.outcome = 'excluded') FROM ops.campaign_run LEFT JOIN ops.campaign_member USING (campaign_run_id) "
            "WHERE campaign_run.as_of = (SELECT as_of FROM mart_store.current_run) GROUP BY 1, 2 ORDER BY 1",
        )
        if lists:
            made = Table(
                "campaign",
                "state",
                "listed",
                "control",
                "excluded",
                title="Campaign lists",
                title_justify="left",
            )
            for campaign, state, listed, control, excluded in lists:
                made.add_row(campaign, state, f"{listed:,}", f"{control:,}", f"{excluded:,}")
            console.print(made)
        read = _rows(
            connection,
            "SELECT SUM(read_rows), SUM(accepted_rows), SUM(quarantined_rows), SUM(superseded_rows) FROM mart.reconciliation",
        )
        if read and read[0][0] is not None:
            total, accepted, quarantined, superseded = read[0]
            console.print(
                f"Rows: {total:,} read = {accepted:,} accepted + {quarantined:,} quarantined + {superseded:,} superseded"
            )


def _print_findings(connection: psycopg.Connection[Any], console: Console) -> None:
    """Findings by rule with their money, signed; then each cause once with what follows from it."""
    found = findings.asked(connection, findings.BY_RULE)
    shown = Table(
        "rule",
        "kind",
        "severity",
        "findings",
        "owed to the utility",
        "owed to customers",
        title="Findings by money",
        title_justify="left",
    )
    for row in found[:SHOWN_RULES]:
        amounts = (row["owed_to_utility"], row["owed_to_customers"])
        shown.add_row(
            row["rule_id"],
            row["kind"],
            row["severity"],
            f"{row['findings']:,}",
            *(f"{amount:,.2f}" if amount is not None else "" for amount in amounts),
        )
    if len(found) > SHOWN_RULES:
        shown.caption = f"and {len(found) - SHOWN_RULES} more rules with findings, in mart.audit_exception"
    console.print(shown)
    causes = findings.causes(connection)
    if causes:
        console.print("Causes, each with what follows from it", highlight=False)
    for cause in causes[:SHOWN_CAUSES]:
        console.print(
            f"  {cause['rule_id']} {cause['subject_id']}: {cause['message_en']}",
            highlight=False,
            markup=False,
        )
        for effect in cause["effects"]:
            console.print(
                f"    {effect['rule_id']} {effect['subject_id']}: {effect['effect_en']}",
                highlight=False,
                markup=False,
            )
    if len(causes) > SHOWN_CAUSES:
        console.print(f"  and {len(causes) - SHOWN_CAUSES} more, in mart.audit_root_cause", highlight=False)


def print_places(settings: Settings, console: Console, *, password: bool = False) -> None:
    """Print where to look, by address and path; nothing that is not there.

    Args:
        settings: the home's settings.
        console: where to print.
        password: whether the password that signs one in is told, not only where it stands.
    """
    lines: list[tuple[str, str]] = []
    web = next(
        (part for part in status(settings) if part.component == "api-server" and part.state == "running"),
        None,
    )
    if web is not None:
        # Of each role the first that settings.yaml names.
        first = {user.role: login for login, user in reversed(settings.users.items())}
        users = {ADMIN: "administrator", **{login: role for role, login in first.items() if login != ADMIN}}
        secrets = Home(settings.home).secrets
        lines += [
            ("Pages", f"{web.address}/wattmark/"),
            ("Cases", f"{web.address}/wattmark/cases/"),
            ("Airflow", str(web.address)),
            *(("", _user(settings, login, role, secrets, password)) for login, role in users.items()),
        ]
        if settings.users:
            lines.append(
                (
                    "",
                    f"all users: {Home(settings.home).settings}; their passwords: {secrets}, under airflow_ and the user",
                )
            )
    lists = _newest(Home(settings.home).lists)
    lines += [
        (label, str(path))
        for label, path in (
            ("Data Docs", site_folder(settings) / "index.html"),
            ("Reports", _newest(Home(settings.home).segment_reports)),
            ("", _newest(Home(settings.home).campaign_reports, "*/index.html")),
            ("Lists", lists),
        )
        if path is not None and path.exists()
    ]
    if lists is not None:
        lines.append(
            ("", "those that await their approval: in Airflow under Required Actions, DAG campaigns")
        )
    url = sa.make_url(warehouse_url(settings))
    lines += [
        ("Findings", "mart.audit_exception in the warehouse"),
        ("Refused", f"wattmark quarantine --home {settings.home}"),
        ("Warehouse", masked(url)),
        ("", f"with its password: wattmark warehouse-url --home {settings.home}"),
    ]
    for label, text in lines:
        console.print(f"{label:<10} {text}", soft_wrap=True, highlight=False, markup=False)


def _user(settings: Settings, login: str, role: str, secrets: Path, password: bool) -> str:
    name = login_secret(login)
    told = secret(settings.home, name) if password else f"under {name} in {secrets}"
    return f"user {login} ({role}), password {told}"


def _newest(folder: Path, pattern: str = "*") -> Path | None:
    """The last of what is named after days."""
    return max(folder.glob(pattern), default=None)
