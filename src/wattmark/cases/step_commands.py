"""``wattmark case``: the steps that people take on audit cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from wattmark.cases.console import (
    AsOption,
    CaseArgument,
    HoursOption,
    NoteOption,
    ReferenceOption,
    StaffOption,
    UnitOption,
    VersionOption,
    WhyOption,
    tell,
    warehouse,
)
from wattmark.options import HomeOption
from wattmark.settings import load_settings

_DAY = ["%Y-%m-%d"]
steps_app = typer.Typer()


def _step(
    home: Path | None,
    login: str,
    case_id: str,
    version: int | None,
    take: Callable[..., int],
    *needs: object,
    **named: object,
) -> None:
    """Take a step of ``steps`` or ``links`` on a case as it stands, or of the version that was looked at."""
    from wattmark.cases.act import Desk, read_cases, tried

    settings = load_settings(home)
    with warehouse(settings) as connection:
        stands = read_cases(connection, [case_id]).get(case_id)
        seen = version if version is not None else stands.version if stands is not None else 0
        tried(take, Desk(connection, settings, login), case_id, seen, *needs, **named)
        after = read_cases(connection, [case_id])[case_id]
    tell(f"{case_id} is {after.state}, version {after.version}.")


@steps_app.command()
def assign(
    case_id: CaseArgument, unit: UnitOption, login: AsOption, staff: StaffOption = None, note: NoteOption = None,
    version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Give a case to a unit, and to somebody there."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.assign, unit, staff, note)


@steps_app.command()
def take(
    case_id: CaseArgument,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Take a case oneself."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.take, note)


@steps_app.command()
def propose(
    case_id: CaseArgument,
    hours: HoursOption,
    login: AsOption,
    treatment: Annotated[
        str | None, typer.Option("--treatment", help="It is right: what is to be done.", show_default=False)
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option("--amount", help="It is right: money that mending moves.", show_default=False),
    ] = None,
    responsible_unit: Annotated[
        str | None, typer.Option("--responsible-unit", help="It is right: who mends it.", show_default=False)
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="It is nothing to be mended: why.", show_default=False)
    ] = None,
    until: Annotated[
        dt.datetime | None,
        typer.Option("--until", formats=_DAY, help="Of a known exception: its last day.", show_default=False),
    ] = None,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Propose to confirm a finding (--treatment, --amount, --responsible-unit) or to dismiss it (--reason)."""
    from wattmark.cases import steps
    from wattmark.cases.model import CaseError

    if (treatment is None) == (reason is None):
        raise CaseError(
            "case.propose",
            "Either --treatment or --reason is needed.",
            "The first confirms the finding, the second dismisses it.",
        )
    if treatment is not None:
        _step(
            home, login, case_id, version,
            steps.propose_confirm, treatment=treatment, amount=amount, responsible_org_unit_id=responsible_unit or "",
            hours=hours, note=note,
        )  # fmt: skip
        return
    last = until.date() if until is not None else None
    _step(
        home, login, case_id, version,
        steps.propose_dismiss, reason=reason or "", hours=hours, until=last, note=note,
    )  # fmt: skip


@steps_app.command()
def approve(
    case_id: CaseArgument,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Decide as it was proposed, as a second person."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.approve, note)


@steps_app.command("return")
def return_(
    case_id: CaseArgument, why: WhyOption, login: AsOption, note: NoteOption = None, version: VersionOption = None,
    home: HomeOption = None,
) -> None:  # fmt: skip
    """Send a proposal back."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.return_, why, note)


@steps_app.command()
def start(
    case_id: CaseArgument,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Begin to mend, in the responsible unit."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.start, note)


@steps_app.command()
def done(
    case_id: CaseArgument, reference: ReferenceOption, hours: HoursOption, login: AsOption, note: NoteOption = None,
    version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Say that it is mended; the next nights prove it."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.done, reference, hours, note)


@steps_app.command("hand-back")
def hand_back(
    case_id: CaseArgument, why: WhyOption, login: AsOption, note: NoteOption = None, version: VersionOption = None,
    home: HomeOption = None,
) -> None:  # fmt: skip
    """Give a confirmed case back to be decided anew."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.hand_back, why, note)


@steps_app.command()
def accept(
    case_id: CaseArgument, why: WhyOption, login: AsOption, note: NoteOption = None, version: VersionOption = None,
    home: HomeOption = None,
) -> None:  # fmt: skip
    """Take as proved what no night can prove."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.accept, why, note)


@steps_app.command("add-work")
def add_work(
    case_id: CaseArgument, reference: ReferenceOption, hours: HoursOption, login: AsOption, note: NoteOption = None,
    version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Write down work on a case that is verified already."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.add_work, reference, hours, note)


@steps_app.command()
def file(
    case_id: CaseArgument,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Close a verified case."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.file, note)


@steps_app.command()
def reopen(
    case_id: CaseArgument, why: WhyOption, login: AsOption, note: NoteOption = None, version: VersionOption = None,
    home: HomeOption = None,
) -> None:  # fmt: skip
    """Take a case up again that was dismissed, verified or closed."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.reopen, why, note)


@steps_app.command()
def note(
    case_id: CaseArgument, text: Annotated[str, typer.Argument(help="The words.")], login: AsOption,
    version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Write something down."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.note, text)


@steps_app.command()
def move(
    case_id: CaseArgument, unit: UnitOption, login: AsOption, staff: StaffOption = None, note: NoteOption = None,
    version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Hand a case to another unit of the own tree."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.move, unit, staff, note)


@steps_app.command()
def link(
    case_id: CaseArgument, cause: Annotated[str, typer.Option("--cause", help="Id of the case that is its cause.")],
    login: AsOption, note: NoteOption = None, version: VersionOption = None, home: HomeOption = None,
) -> None:  # fmt: skip
    """Hang a case on its cause."""
    from wattmark.cases.links import link as hang

    _step(home, login, case_id, version, hang, cause, note)


@steps_app.command()
def unlink(
    case_id: CaseArgument,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Take an effect off its cause."""
    from wattmark.cases.links import unlink as take_off

    _step(home, login, case_id, version, take_off, None, note)


@steps_app.command()
def extend(
    case_id: CaseArgument,
    due_on: Annotated[dt.datetime, typer.Option("--due-on", formats=_DAY, help="The new due date.")],
    why: WhyOption,
    login: AsOption,
    note: NoteOption = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Put off a due date, once and before it has passed."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.extend, due_on.date(), why, note)


@steps_app.command()
def release(
    case_id: CaseArgument, why: WhyOption, login: AsOption, note: NoteOption = None, version: VersionOption = None,
    home: HomeOption = None,
) -> None:  # fmt: skip
    """Let a rule through that finds too much; its findings open cases the next night."""
    from wattmark.cases import steps

    _step(home, login, case_id, version, steps.release, why, note)
