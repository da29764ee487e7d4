"""``wattmark audit``: run a rule for an earlier date, preview a parameter, check an application as at the counter."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from wattmark.audit.in_force import kind_on
from wattmark.audit.replay import Finding, audited_run, money
from wattmark.audit.rules import Rule, words_of
from wattmark.audit.words import Words
from wattmark.code_names import Language
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


def _owed(findings: Sequence[Finding]) -> str:
    to_utility, to_customers = money(findings)
    return f"{to_utility:,.2f} owed to the utility, {to_customers:,.2f} owed to customers"


def _listed(title: str, findings: list[Finding], words: Words, language: Language) -> Table:
    table = Table(
        "subject",
        "key",
        "account",
        "unit",
        "at stake",
        "finding",
        title=f"{title}: {len(findings):,}",
        title_justify="left",
    )
    largest = sorted(
        findings, key=lambda finding: (-abs(finding.at_stake_amount or Decimal(0)), finding.subject)
    )
    for finding in largest[:SHOWN]:
        amount = "" if finding.at_stake_amount is None else f"{finding.at_stake_amount:,.2f}"
        table.add_row(
            finding.subject_type,
            finding.subject_id,
            finding.account_id or "",
            finding.org_unit_id or "",
            amount,
            words.told(finding.rule_id, finding.told_from, language),
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
        f"{len(done.findings):,} found, {_owed(done.findings)}",
        highlight=False,
    )
    day = done.rule.file.day_of(done.run.scalars())
    if (kind := kind_on(done.rule, day)) != done.rule.kind and not done.rule.on:
        console.print("The rule was off that day." if kind is None else f"The rule was a {kind} that day.")
    if done.published is None:
        console.print("That night's own findings are not in the lake any more.")
    elif not done.gained and not done.lost:
        console.print("The same as that night published.")
    else:
        console.print(f"That night published {len(done.published):,}.")
        words = words_of({done.rule.rule_id: done.rule}, settings)
        console.print(_listed("Found now only", done.gained, words, language))
        console.print(_listed("Published then only", done.lost, words, language))


def values_given(given: list[str]) -> dict[str, Any]:
    """Values out of ``--set name=value``, the value as YAML.

    Raises:
        SettingsError: there is no value.
    """
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
    done = preview(settings, _run(settings, as_of, period), rule, values_given(given))
    console = Console()
    console.print(
        f"{_title(done.rule, language)}, {done.run.as_of}, month {done.run.period:%Y-%m}", highlight=False
    )
    for name, value in done.after.items():
        console.print(f"  {name}: {done.before[name]} → {value}", highlight=False, markup=False)
    summary = Table("", "findings", "owed to the utility", "owed to customers")
    for label, findings in (
        ("as it stands", list(done.found)),
        ("as it would be", list(done.would_find)),
        ("gained", done.gained),
        ("lost", done.lost),
    ):
        summary.add_row(label, f"{len(findings):,}", *(f"{amount:,.2f}" for amount in money(findings)))
    console.print(summary)
    if done.units:
        units = Table("unit", "gained", "lost", title="Units affected", title_justify="left")
        for unit, (more, less) in done.units.items():
            units.add_row(unit or "none", f"{more:,}", f"{less:,}")
        console.print(units)
    words = words_of({done.rule.rule_id: done.rule}, settings)
    for title, findings in (("Gained", done.gained), ("Lost", done.lost)):
        if findings:
            console.print(_listed(title, findings, words, language))


@audit.command("counter")
def counter_command(
    application: Annotated[
        Path,
        typer.Argument(
            help="JSON file as the counter's interface takes it; - reads what is piped in.", allow_dash=True
        ),
    ],
    as_of: Annotated[
        dt.datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day it is checked on; today where left out."),
    ] = None,
    home: HomeOption = None,
    language: LanguageOption = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check an application as the counter does."""
    from wattmark.audit.counter import Counter

    given = _application(application)
    counter = Counter(load_settings(home), workers=1)
    try:
        found = counter.check(given, language, as_of.date() if as_of else None)
        rules = len(counter.rules)
    finally:
        counter.close()
    console = Console()
    if as_json:
        typer.echo(json.dumps([asdict(violation) for violation in found], ensure_ascii=False, indent=2))
        return
    for violation in found:
        console.print(f"{violation.rule_id} {violation.title}", highlight=False, markup=False)
        console.print(f"  {violation.message}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{rules} rules looked at it, {len({violation.rule_id for violation in found})} object.",
        highlight=False,
    )


def _application(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise SettingsError(
            "counter.file", f"{file} cannot be read: {what}.", "Name a file of UTF-8 JSON."
        ) from None
    if not isinstance(given, dict):
        raise SettingsError(
            "counter.file", f"{file} holds no object of tables.", 'Begin with {"service_order": …}.'
        )
    return given


def register(app: typer.Typer) -> None:
    """Add the group ``audit`` to a command line."""
    app.add_typer(audit, name="audit")
