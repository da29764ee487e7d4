"""``wattmark audit``: run a rule for an earlier date, preview a parameter."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from wattmark.audit.replay import Finding, audited_run, money
from wattmark.audit.rules import Rule
from wattmark.errors import SettingsError
from wattmark.options import HomeOption
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.yamlfile import parse_yaml

SHOWN = 20

DayOption = Annotated[
    dt.datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        help="Date of the night; the last one where left out.",
        show_default=False,
    ),
]
PeriodOption = Annotated[
    dt.datetime | None,
    typer.Option(
        "--period",
        formats=["%Y-%m-%d", "%Y-%m"],
        help="Audited month; the last full one where left out.",
        show_default=False,
    ),
]
LanguageOption = Annotated[Literal["en", "zh"], typer.Option("--language", help="Language of titles.")]
RuleArgument = Annotated[str, typer.Argument(help="Rule id, such as TAR-03.")]

audit = typer.Typer(help="Try rules aside of the night.", no_args_is_help=True)


def _run(settings: Settings, as_of: dt.datetime | None, period: dt.datetime | None) -> Run:
    if as_of is None and period is None:
        return audited_run(settings)
    day = as_of.date() if as_of else audited_run(settings).as_of
    return Run.of(day, settings.utility.time_zone, period.date() if period else None)


def _title(rule: Rule, language: str) -> str:
    return f"{rule.rule_id} {rule.zh if language == 'zh' else rule.title}"


def _listed(title: str, findings: list[Finding]) -> Table:
    table = Table(
        "subject",
        "key",
        "account",
        "unit",
        "at stake",
        title=f"{title}: {len(findings):,}",
        title_justify="left",
    )
    largest = sorted(findings, key=lambda one: (-abs(one.at_stake_amount or Decimal(0)), one.subject))
    for finding in largest[:SHOWN]:
        amount = "" if finding.at_stake_amount is None else f"{finding.at_stake_amount:,.2f}"
        table.add_row(
            finding.subject_type,
            finding.subject_id,
            finding.account_id or "",
            finding.org_unit_id or "",
            amount,
        )
    if len(findings) > SHOWN:
        table.caption = f"the {SHOWN} with most money of {len(findings):,}"
    return table


@audit.command("replay")
def replay_command(
    rule: RuleArgument,
    as_of: DayOption = None,
    period: PeriodOption = None,
    home: HomeOption = None,
    language: LanguageOption = "en",
) -> None:
    """Run a rule for an earlier date on what was known that day."""
    from wattmark.audit.replay import replay

    settings = load_settings(home)
    done = replay(settings, _run(settings, as_of, period), rule)
    console = Console()
    console.print(
        f"{_title(done.rule, language)}, {done.run.as_of}, month {done.run.period:%Y-%m}", highlight=False
    )
    console.print(
        f"{done.coverage.should_check:,} to check, {done.coverage.not_checked:,} not checked, "
        f"{len(done.findings):,} found, {money(done.findings):,.2f} at stake",
        highlight=False,
    )
    if done.published is None:
        console.print("That night's own findings are not in the lake any more.")
    elif not done.gained and not done.lost:
        console.print("The same as that night published.")
    else:
        console.print(f"That night published {len(done.published):,}.")
        console.print(_listed("Found now only", done.gained))
        console.print(_listed("Published then only", done.lost))


def _values(given: list[str]) -> dict[str, Any]:
    values = {}
    for setting in given:
        name, sign, text = setting.partition("=")
        if not sign:
            raise SettingsError(
                "preview.set",
                f"--set {setting}: the value is missing.",
                "Write --set name=value, the value as YAML.",
            )
        values[name.strip()] = parse_yaml(text, f"--set {name.strip()}")
    return values


@audit.command("preview")
def preview_command(
    rule: RuleArgument,
    given: Annotated[
        list[str],
        typer.Option(
            "--set", help="Parameter and new value as YAML, such as max_change=0.6; may be repeated."
        ),
    ],
    as_of: DayOption = None,
    period: PeriodOption = None,
    home: HomeOption = None,
    language: LanguageOption = "en",
) -> None:
    """Show what a changed parameter would find, before it is put into the settings."""
    from wattmark.audit.replay import preview

    settings = load_settings(home)
    done = preview(settings, _run(settings, as_of, period), rule, _values(given))
    console = Console()
    console.print(
        f"{_title(done.rule, language)}, {done.run.as_of}, month {done.run.period:%Y-%m}", highlight=False
    )
    for name, value in done.after.items():
        console.print(f"  {name}: {done.before[name]} → {value}", highlight=False, markup=False)
    summary = Table("", "findings", "at stake")
    for label, findings in (
        ("as it stands", list(done.found)),
        ("as it would be", list(done.would_find)),
        ("gained", done.gained),
        ("lost", done.lost),
    ):
        summary.add_row(label, f"{len(findings):,}", f"{money(findings):,.2f}")
    console.print(summary)
    if done.units:
        units = Table("unit", "gained", "lost", title="Units affected", title_justify="left")
        for unit, (more, less) in done.units.items():
            units.add_row(unit or "none", f"{more:,}", f"{less:,}")
        console.print(units)
    for title, findings in (("Gained", done.gained), ("Lost", done.lost)):
        if findings:
            console.print(_listed(title, findings))


def register(app: typer.Typer) -> None:
    """Add the group ``audit`` to a command line."""
    app.add_typer(audit, name="audit")
