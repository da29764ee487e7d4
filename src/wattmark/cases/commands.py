"""``wattmark case``: every step of people on audit cases, the logins that take them, and the proof of the log."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from wattmark.cases.console import (
    AsOption,
    CaseArgument,
    NoteOption,
    StaffOption,
    WhyOption,
    tell,
    warehouse,
)
from wattmark.cases.step_commands import steps_app
from wattmark.options import HomeOption
from wattmark.settings import load_settings

case_app = typer.Typer(
    name="case", help="Audit cases: decide, mend and prove findings.", no_args_is_help=True
)
login_app = typer.Typer(name="login", help="Who works on cases.", no_args_is_help=True)
case_app.add_typer(steps_app)
case_app.add_typer(login_app)


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(case_app)


@case_app.command("list")
def list_(
    login: Annotated[
        str | None, typer.Option("--as", help="Only what this login sees.", show_default=False)
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only those in this state.", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Only those of this rule.", show_default=False)
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Only those of this account.", show_default=False)
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those assigned to the login.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="So many at most.")] = 100,
    home: HomeOption = None,
) -> None:
    """List cases, those due first."""
    from wattmark.cases.listing import cases
    from wattmark.cases.rights import who

    with warehouse(load_settings(home)) as connection:
        actor = who(connection, login) if login is not None else None
        rows = cases(connection, actor, state=state, rule_id=rule, account_id=account, mine=mine, most=most)
    table = Table("case", "state", "severity", "at stake", "unit", "assigned to", "due", "cause", "version")
    for row in rows:
        money = row["at_stake_amount"]
        table.add_row(
            row["case_id"], row["state"], row["severity"], "" if money is None else f"{money:,.2f}",
            row["assigned_org_unit_id"] or row["org_unit_id"] or "", row["assigned_to"] or "", str(row["due_on"] or ""),
            row["root_cause_case_id"] or "", str(row["version"]),
        )  # fmt: skip
    Console().print(table if rows else "There is no such case.")


@case_app.command()
def show(
    case_id: CaseArgument,
    login: Annotated[
        str | None, typer.Option("--as", help="Only where this login sees it.", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Show a case, its effects and its log."""
    from wattmark.cases.act import read_cases
    from wattmark.cases.links import effects_of
    from wattmark.cases.listing import events
    from wattmark.cases.model import CaseError
    from wattmark.cases.rights import who

    with warehouse(load_settings(home)) as connection:
        actor = who(connection, login) if login is not None else None
        case = read_cases(connection, [case_id]).get(case_id)
        if case is None or (actor is not None and not actor.sees(case)):
            raise CaseError(
                "case.unknown", f"There is no case {case_id} that you may see.", "See wattmark case list."
            )
        effects = effects_of(connection, case_id)
        log = events(connection, case_id)
    for name, value in vars(case).items():
        if value not in (None, (), "") and name not in ("evidence", "own_staff_ids", "message_zh", "case_id"):
            tell(f"{name.removesuffix('_en')}: {value}")
    for key, value in (case.evidence or {}).items():
        tell(f"  {key}: {value}")
    for effect in effects:
        tell(f"effect: {effect}")
    for event in log:
        told = ", ".join(f"{key} {value}" for key, value in event["detail"].items())
        tell(
            f"{event['event_no']}. {event['on_day']} {event['actor']}: {event['step']} → {event['to_state']}  {told}"
        )
        if event["note"]:
            tell(f"   {event['note']}")


@case_app.command("open")
def open_(
    why: WhyOption,
    login: AsOption,
    rule: Annotated[
        str, typer.Option("--rule", help="Rule of the finding; MANUAL for one by hand.")
    ] = "MANUAL",
    subject_type: Annotated[str, typer.Option("--subject-type", help="What is flagged.")] = "account",
    subject: Annotated[str | None, typer.Option("--subject", help="Its key.", show_default=False)] = None,
    period: Annotated[
        dt.datetime | None,
        typer.Option("--period", formats=["%Y-%m"], help="Audited month.", show_default=False),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="By hand: the account.", show_default=False)
    ] = None,
    severity: Annotated[str, typer.Option("--severity", help="By hand: high, medium or low.")] = "medium",
    note: NoteOption = None,
    home: HomeOption = None,
) -> None:
    """Open a case from a finding that opened none, or by hand for an account."""
    from wattmark.cases.act import Desk, tried
    from wattmark.cases.model import MANUAL
    from wattmark.cases.opening import open_finding, open_manual

    settings = load_settings(home)
    with warehouse(settings) as connection:
        desk = Desk(connection, settings, login)
        if rule == MANUAL:
            case_id = tried(open_manual, desk, account or subject or "", severity, why, note)
        else:
            month = period.date() if period is not None else None
            case_id = tried(open_finding, desk, rule, subject_type, subject or "", why, month, note)
    tell(f"{case_id} is open, version 1.")


@case_app.command("verify-log")
def verify_log(home: HomeOption = None) -> None:
    """Prove that nobody changed the log: each case's chain of hashes, and the newest night's chain over all."""
    from wattmark.cases.log import verify

    with warehouse(load_settings(home)) as connection, connection.transaction():
        proof = verify(connection)
    night = f"as is the chain of night {proof.run_id}" if proof.run_id else "no night has written a chain yet"
    tell(f"{proof.events:,} events of {proof.cases:,} cases are whole; {night}.")


@case_app.command("record-checks")
def record_checks(
    login: AsOption,
    account: Annotated[
        str | None,
        typer.Option("--account", help="Enter what was found at this account.", show_default=False),
    ] = None,
    mismatched: Annotated[
        list[str] | None,
        typer.Option(
            "--mismatch",
            help="With --account: what is otherwise there; none: all agrees.",
            show_default=False,
        ),
    ] = None,
    note: NoteOption = None,
    home: HomeOption = None,
) -> None:
    """List accounts drawn to hold their files against the field, or enter what was found at one."""
    from wattmark.cases.act import Desk
    from wattmark.cases.record_check import enter_check, waiting

    settings = load_settings(home)
    with warehouse(settings) as connection:
        if account is not None:
            entered = enter_check(Desk(connection, settings, login), account, mismatched or (), note)
            tell(
                f"{account}, drawn for the week of {entered['week']}: {', '.join(mismatched or ()) or 'all agrees'}."
            )
            return
        table = Table("week", "account", "unit")
        for row in waiting(connection, login):
            table.add_row(str(row["week"]), row["account_id"], row["org_unit_id"])
    Console().print(table if table.rows else "No file waits to be held against the field.")


@case_app.command("rules")
def rules(
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule", help="Also what this rule would lose, retired or with --set.", show_default=False
        ),
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", help="With --rule: parameter=value.", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """List rules that are so seldom right that it is proposed to tighten or retire them."""
    from wattmark.audit.commands import values_given
    from wattmark.audit.replay import audited_run
    from wattmark.cases.performance import questions, would_lose

    settings = load_settings(home)
    table = Table("rule", "of", "decided", "confirmed", "share", "at most", "hours", "recovered")
    with warehouse(settings) as connection:
        for question in questions(connection):
            table.add_row(
                question.rule_id, f"{question.span} of {question.period}", str(question.decided), str(question.confirmed), f"{question.confirmed_share:.1%}",
                f"{question.confirmed_share_high:.1%}", str(question.hours), f"{question.recovered_amount:,.2f}",
            )  # fmt: skip
        Console().print(table if table.rows else "No rule is in question.")
        if rule is not None:
            values = values_given(given) if given else None
            loss = would_lose(settings, connection, audited_run(settings), rule, values)
            tell(
                f"{rule}, {'with ' + ', '.join(given) if given else 'retired'}: {loss.lost} of {loss.found} findings would be lost "
                f"({loss.lost_amount:,.2f} at stake); {loss.confirmed} of their cases were confirmed ({loss.confirmed_amount:,.2f})."
            )


@case_app.command("decide-rule")
def decide_rule(
    rule: Annotated[str, typer.Argument(help="Id of the rule.")],
    decision: Annotated[str, typer.Option("--decision", help="keep, tighten or retire.")],
    why: WhyOption,
    login: AsOption,
    home: HomeOption = None,
) -> None:
    """Write a decision about a rule, with what was known of it."""
    from wattmark.cases.act import Desk
    from wattmark.cases.decision import decide_rule as decide

    settings = load_settings(home)
    with warehouse(settings) as connection:
        decide(Desk(connection, settings, login), rule, decision, why)
    tell(f"{rule}: {decision}.")


@login_app.command("set")
def login_set(
    login: Annotated[str, typer.Argument(help="The user's name in Airflow.")],
    role: Annotated[str, typer.Option("--role", help="viewer, worker or approver.")],
    staff: StaffOption = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", help="Unit whose tree it sees; the staff's own where left out.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Enter a login, or change its entry."""
    from wattmark.cases.rights import set_login

    with warehouse(load_settings(home)) as connection:
        entry = set_login(connection, login, role, staff, unit)
    tell(f"{entry.login} is {entry.role} in unit {entry.org_unit_id}.")


@login_app.command("list")
def login_list(home: HomeOption = None) -> None:
    """List who works on cases."""
    from wattmark.cases.rights import logins

    table = Table("login", "role", "unit", "staff")
    with warehouse(load_settings(home)) as connection:
        for entry in logins(connection):
            table.add_row(entry.login, entry.role, entry.org_unit_id, entry.staff_id or "")
    Console().print(table if table.rows else "Nobody works on cases yet: wattmark case login set.")


@login_app.command("remove")
def login_remove(login: Annotated[str, typer.Argument(help="The login.")], home: HomeOption = None) -> None:
    """Take an entry away; what the login did stays in the log."""
    from wattmark.cases.rights import remove_login

    with warehouse(load_settings(home)) as connection:
        remove_login(connection, login)
    tell(f"{login} sees no cases any more.")
