"""Finds what is damaged in a lake, and mends what its source or the next night can give back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wattmark.atomic import write_atomically
from wattmark.contract import load_contract
from wattmark.engine.session import ACCEPTED, DERIVED_LAYERS
from wattmark.errors import SettingsError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.ledger import NOT_YET, LakeError
from wattmark.quality.landing import LANDING
from wattmark.settings import Settings
from wattmark.watermarks import forget_watermark
from wattmark.writer import Tell, writing

ASIDE = "aside"
Origin = Literal["source", "aside", "built", "state"]
_BUILT = frozenset({*DERIVED_LAYERS, LANDING, "findings", "quality", "quarantine"})
_KEEPS_ROWS = ("lake.record_bad",)


def origin(settings: Settings, name: str) -> Origin:
    """Where a table comes from: read from the source, rows of it set aside, built each night, or state of earlier nights."""
    layer, table = name.split(".")
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    if table in contract.tables and layer in (ACCEPTED, ASIDE):
        return "source" if layer == ACCEPTED else "aside"
    return "built" if layer in _BUILT else "state"


@dataclass(frozen=True)
class Checked:
    """What a check of the whole lake found; ``noted`` are tables whose checksums were taken now, not compared."""

    tables: int
    files: int
    faults: tuple[LakeError, ...]
    noted: tuple[str, ...]


def check_lake(settings: Settings, tell: Tell) -> Checked:
    """Compare every file of every table, and of the versions kept, with what was written.

    Tables without notes, of a lake from before these were kept, are noted as they stand; a table that a killed run
    left ahead of its notes is noted too.
    """
    lake = Lake(settings.lake)
    faults: list[LakeError] = []
    noted: list[str] = []
    names = lake.tables()
    files = 0
    for name in names:
        found = lake.faults(name)
        faults += found
        if found or not lake.exists(name):
            continue
        entry = lake.ledger.entry(name)
        if entry is None or entry.version < (lake.version(name) or 0):
            with writing(settings, f"noting {name}", tell=tell):
                lake.note_files(name)
            noted.append(name)
        files += len((lake.ledger.entry(name) or entry).files)  # type: ignore[union-attr]
    return Checked(len(names), files, tuple(faults), tuple(noted))


def mend(
    settings: Settings, faults: Iterable[LakeError], forget: Iterable[str], tell: Tell
) -> list[LakeError]:
    """Set damaged tables aside, so that the next night reads or builds them again; nothing is deleted.

    Args:
        settings: the home's settings.
        faults: what ``check_lake`` found.
        forget: tables that cannot be read or built again, to be set aside all the same.
        tell: told what becomes of each table.

    Returns:
        the faults that stay: of tables that only a backup gives back.

    Raises:
        SettingsError: a table to forget is not damaged.
        HomeError: another writer held the home for too long.
    """
    by_table: dict[str, list[LakeError]] = {}
    for fault in faults:
        by_table.setdefault(fault.table, []).append(fault)
    if unknown := sorted(set(forget) - set(by_table)):
        raise SettingsError(
            "lake.not_damaged",
            f"{', '.join(unknown)} is not damaged.",
            "Only a damaged table can be forgotten.",
        )
    left: list[LakeError] = []
    lake = Lake(settings.lake)
    with writing(settings, "mending the lake", tell=tell):
        for name, found in by_table.items():
            if not _mend_table(settings, lake, name, found, name in set(forget), tell):
                left += found
    return left


def _mend_table(
    settings: Settings, lake: Lake, name: str, faults: list[LakeError], forgotten: bool, tell: Tell
) -> bool:
    codes = {fault.code for fault in faults}
    kind = origin(settings, name)
    if codes <= set(_KEEPS_ROWS):
        lake.ledger.forget(name)
        if lake.exists(name):
            lake.note_files(name, anew=True)
        tell(f"{name}: its files are as they are; their checksums were taken anew.")
        return True
    for repair in (_without_checkpoint, _without_last_commit):
        if repair(lake, name, faults, tell):
            return True
    if all(fault.history for fault in faults):
        _drop_history(settings, lake, name, faults, tell)
        return True
    if kind == "state" and not forgotten:
        tell(
            f"{name}: holds what earlier nights left to later ones; neither source nor night gives it back. Restore "
            f"{lake.path(name)} and {lake.ledger.path(name)} from a backup, or go on without it: `wattmark check --lake "
            f"--mend --forget {name}`."
        )
        return False
    place = lake.set_aside(name)
    where = f"moved to {place}" if place else "is gone"
    table = name.split(".")[1]
    if kind in ("source", "aside"):
        _read_again(settings, table)
    if kind == "source":
        _forget_versions(settings, name)
        tell(
            f"{name}: {where}; the next night reads {table} whole from its source. Earlier days cannot be replayed."
        )
    elif kind == "aside":
        tell(
            f"{name}: {where}; the next night reads {table} whole, and refuses and supersedes again. Rows that the source does "
            "not have any more are lost."
        )
    elif kind == "built":
        tell(f"{name}: {where}; the next night builds it again.")
    else:
        tell(f"{name}: {where}; what earlier nights left in it is lost, and nights go on without it.")
    return True


def _read_again(settings: Settings, table: str) -> None:
    """Neither a watermark nor what a stopped night has landed stands for the table any more."""
    forget_watermark(settings, table)
    for note in (Home(settings.home).landing_notes).glob(f"*/{table}.json"):
        note.unlink()


def _forget_versions(settings: Settings, name: str) -> None:
    for path in (Home(settings.home).versions).glob("*.json"):
        versions = json.loads(path.read_text(encoding="utf-8"))
        if name in versions:
            write_atomically(path, json.dumps({**versions, name: None}, indent=1, sort_keys=True))


def _aside(lake: Lake, name: str, files: Iterable[Path]) -> Path:
    places = (lake.root / ".damaged" / f"{name}-log-{number}" for number in range(1, 1_000_000))
    target = next(place for place in places if not place.exists())
    target.mkdir(parents=True)
    for file in files:
        if file.exists():
            file.rename(target / file.name)
    return target


def _without_checkpoint(lake: Lake, name: str, faults: list[LakeError], tell: Tell) -> bool:
    """A checkpoint repeats what the log says: where the whole log is there, the table is read without it."""
    if any(fault.code != "lake.checkpoint_bad" for fault in faults) or not (entry := lake.ledger.entry(name)):
        return False
    log = lake.path(name) / "_delta_log"
    commits = [log / f"{version:020}.json" for version in range(entry.version + 1)]
    if not all(commit.exists() for commit in commits):
        return False
    target = _aside(lake, name, [*log.glob("*.checkpoint*.parquet"), log / "_last_checkpoint"])
    lake.ledger.without_log(name, {file for file in entry.log if not file.endswith(".json")})
    if lake.faults(name):
        return False
    tell(f"{name}: its checkpoint was moved to {target}; the log itself is whole, and nothing is lost.")
    return True


def _without_last_commit(lake: Lake, name: str, faults: list[LakeError], tell: Tell) -> bool:
    """A torn commit that was never noted was being written when the machine went down: nobody has built on it."""
    entry = lake.ledger.entry(name)
    if entry is None or entry.version == NOT_YET or {fault.code for fault in faults} != {"lake.log_torn"}:
        return False
    files = [fault.file for fault in faults if fault.file is not None]
    versions = [int(file.stem) for file in files if file.stem.isdigit()]
    if len(versions) != len(faults) or min(versions) <= entry.version:
        return False
    log = lake.path(name) / "_delta_log"
    later = [file for file in log.glob("*.json") if file.stem.isdigit() and int(file.stem) >= min(versions)]
    target = _aside(lake, name, later)
    tell(f"{name}: a write that broke off was moved to {target}; the table is as it was before it.")
    return True


def _drop_history(settings: Settings, lake: Lake, name: str, faults: list[LakeError], tell: Tell) -> None:
    folder = lake.path(name)
    files = {fault.file for fault in faults if fault.file is not None}
    lake.ledger.without(
        name, {str(file.relative_to(folder)) for file in files if file.is_relative_to(folder)}
    )
    lake.ledger.without_log(name, {file.name for file in files if file.parent.name == "_delta_log"})
    if damaged := [file for file in files if file.exists()]:
        _aside(lake, name, damaged)
    if name.startswith(f"{ACCEPTED}."):
        _forget_versions(settings, name)
    tell(
        f"{name}: what it holds now is whole; earlier versions are lost, and the days before cannot be replayed."
    )


def report(checked: Checked, say: Callable[[str], None]) -> None:
    """Say each fault once, in one line."""
    for fault in checked.faults:
        say(str(fault))
    if checked.noted:
        say(f"{len(checked.noted)} tables had no checksums; they were taken now.")
    if not checked.faults:
        say(f"{checked.tables:,} tables with {checked.files:,} files are as they were written.")
