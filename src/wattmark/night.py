"""The steps of a night, in order, as plain functions of (settings, run).

Each step reads what the ones before it left in the lake, replaces its own part of it and returns counts. A
step that is killed and run again ends the same. dags/nightly.py is wiring over these functions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from wattmark import __version__
from wattmark.atomic import write_atomically
from wattmark.audit.history import keep_findings
from wattmark.audit.root_cause import ROOT_CAUSE, night_root_causes
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import run_family
from wattmark.audit.scope import is_looked_at, tell_unknown_units
from wattmark.contract import load_contract
from wattmark.engine.catalog import SOURCE_LAYER, Catalog, catalog_of
from wattmark.engine.session import DuckDBSession, open_session
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.quality.accept import accept_all
from wattmark.quality.landing import LANDING, landed
from wattmark.quality.landing import extract as land
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources import Watermark
from wattmark.watermarks import keep_watermarks, watermarks_before


def tables(settings: Settings) -> list[str]:
    """Contract tables in the order in which they are taken up."""
    return load_contract(settings.include / "contract" / "source-model.yaml").load_order()


def table_groups(settings: Settings) -> list[list[str]]:
    """What one extract task reads: each table that grows by itself, the small snapshots in two bundles.

    Starting a task costs more than reading a snapshot of some thousand rows does.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    names = contract.load_order()
    growing = [[name] for name in names if contract.tables[name].since]
    rest = [name for name in names if not contract.tables[name].since]
    # What takes longest begins first.
    growing.sort(key=lambda names: not contract.tables[names[0]].by_day)
    return [growing[0], rest[0::2], rest[1::2], *growing[1:]]


def check(settings: Settings) -> dict[str, int]:
    """Refuse what is wrong before any data is touched: settings, parameters, SQL files, rules, expectations, sources.

    Campaign files are left to the lists, which come after the night is published.

    Raises:
        WattmarkError: names everything that is wrong, each thing once, with file and line.
    """
    from wattmark import checkup

    return checkup.check(settings, campaigns=False).counts


def check_lake(settings: Settings, run: Run) -> dict[str, int]:
    """Refuse a damaged lake before anything is read from it; returns tables and MB compared.

    Of every table the log, and presence and sizes of its files, are looked at; ``lake_check.nightly_mb`` of them are
    compared with their checksums, all by turns. What ``landing`` holds is of an earlier run and is replaced.

    Raises:
        LakeError: names table, file and what to do.
    """
    lake = Lake(settings.lake)
    names = [name for name in lake.tables() if not name.startswith(f"{LANDING}.")]
    read = lake.compare(names, settings.lake_check.nightly_mb, run.as_of.toordinal())
    return {"tables": len(names), "compared_mb": read // 1_000_000}


def extract(settings: Settings, run: Run, table: str, *, full_refresh: bool = False) -> dict[str, Any]:
    """Read one table from its source into landing; returns counts and what the contract did not expect."""
    found = land(settings, run, table, full_refresh=full_refresh)
    return {
        "table": table,
        "rows": found.rows,
        "whole": found.whole,
        "unknown_columns": list(found.unknown),
        "absent_columns": list(found.absent),
        "left_out_files": list(found.left_out),
        "provided": found.provided,
    }


def judge(settings: Settings, run: Run, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
    """Great Expectations' judgement of landing, of all tables unless named, and its Data Docs (see quality.judge)."""
    from wattmark.quality.judge import judge as judged

    return judged(settings, run, tables(settings) if names is None else list(names))


def accept(settings: Settings, run: Run) -> dict[str, int]:
    """Take up good rows, set bad ones aside, prove that none is lost; returns row counts."""
    from wattmark.quality.freshness import note_intake

    done = accept_all(settings, run)
    note_intake(settings, run)
    return {
        "read": sum(table.fresh_rows for table in done),
        "accepted": sum(table.accepted_rows for table in done),
        "quarantined": sum(table.quarantined_rows for table in done),
        "superseded": sum(table.superseded_rows for table in done),
        "conflicting": sum(table.conflicting_rows for table in done),
        "deleted": sum(table.deleted_rows or 0 for table in done),
    }


PARTS: dict[str, tuple[str, str]] = {
    "facts": ("bills", "intervals"),
    "segment": ("models", "segments"),
    "mart": ("plain", "explained"),
}
"""Layers that are built in two parts, the second resting on the first, so that either can be run again alone: facts
that rest on no intervals, and those that do; models that are trained, and what is said of each customer; marts, and
those that show root causes."""
TRAINED = ("segment.load_centroid", "segment.model", "segment.service_rule")
"""What is fitted once a month; value clusters rest on scores, and are fitted among the segments."""


def build(settings: Settings, run: Run, layer: str, *, part: str | None = None) -> dict[str, int]:
    """Compute tables of a layer; returns rows by table.

    Args:
        settings: the home's settings.
        run: the run.
        layer: such as ``facts``.
        part: one of the layer's ``PARTS``; every table where None.
    """
    with open_session(settings, run) as session:
        return {name: session.build(name) for name in tables_of(session.catalog, layer, part)}


def tables_of(catalog: Catalog, layer: str, part: str | None = None) -> list[str]:
    """Tables of a layer, or of one of its ``PARTS``, in the order in which they are built; not those of ``closing``."""
    later = set(catalog.closing())
    names = [table.name for table in catalog.layer(layer) if table.name not in later]
    if part is None:
        return names
    if layer == "segment":
        first = {needed for name in TRAINED for needed in catalog.rests_on(name)} | set(TRAINED)
    else:
        last = ROOT_CAUSE if layer == "mart" else f"{SOURCE_LAYER}.interval_reading"
        first = {name for name in names if last not in catalog.rests_on(name)}
    return [name for name in names if (name in first) is (part == PARTS[layer][0])]


def _families(settings: Settings) -> dict[str, list[Rule]]:
    """Rules by family, such as TAR, families in alphabetical order; of one that is not looked at none."""
    found: dict[str, list[Rule]] = {}
    for rule in all_rules(catalog_of(settings)).values():
        rules = found.setdefault(rule.family, [])
        if is_looked_at(rule, settings):
            rules.append(rule)
    return dict(sorted(found.items()))


def _reads_scores(rules: Iterable[Rule]) -> bool:
    return any(name.startswith("segment.") for rule in rules for name in rule.file.references)


def audit(settings: Settings, run: Run, *, scored: bool) -> dict[str, int]:
    """Run the rules of all families that read a score of layer ``segment``, or of all others.

    Returns:
        findings by rule, of rules that found any.
    """
    with open_session(settings, run) as session:
        tell_unknown_units(session, all_rules(session.catalog).values())
        coverage = [
            covered
            for family, rules in _families(settings).items()
            if _reads_scores(rules) is scored
            for covered in run_family(session, rules, family)
        ]
    return {covered.rule_id: covered.flagged for covered in coverage if covered.flagged}


def root_causes(settings: Settings, run: Run) -> dict[str, int]:
    """Hang findings on the ones they follow from, once the rules that read no score have run; returns counts."""
    unscored = [family for family, rules in _families(settings).items() if not _reads_scores(rules)]
    return night_root_causes(settings, run, unscored)


def publish(settings: Settings, run: Run, *, republish: bool = False) -> dict[str, int]:
    """Publish the run in one transaction, then move the watermark; returns rows by table.

    Args:
        settings: the home's settings.
        run: the run.
        republish: whether it may take the place of a newer night.

    Raises:
        PublishError: the warehouse refused, or a newer night stands; the last published run stays in place.
        SegmentContractError: more customers changed segment than allowed; nothing is published.
    """
    from wattmark.home import warehouse_url
    from wattmark.publish import warehouse
    from wattmark.segment.contract import require
    from wattmark.segment.report import write_report
    from wattmark.segment.state import keep_state

    # Segments are let through before anything is published, and left to later nights after it.
    with DuckDBSession(settings, run) as session:
        require(session)
    done = warehouse.publish(settings, run, warehouse_url(settings), republish=republish)
    with DuckDBSession(settings, run) as session:
        keep_state(session)
        keep_findings(session)
        write_report(session)
    move_watermarks(settings, run)
    note_versions(settings, run)
    return {table.name: table.rows for table in done}


def cases(settings: Settings, run: Run) -> dict[str, int]:
    """Have audit cases take the published night in, once for a run; returns what they did, all of it in ``ops.case_night``.

    Raises:
        PublishError: the warehouse refused; no case is changed.
        CaseError: likewise.
    """
    from wattmark.cases.logins import logins_of_home
    from wattmark.cases.night import take_night
    from wattmark.home import warehouse_url

    # Before it gives cases out: to whom.
    logins_of_home(warehouse_url(settings), settings.users)
    counts = take_night(settings, run)
    return {
        name: counts[name] for name in ("opened", "reopened", "verified", "closed", "touched", "braked_rules")
    }


def closing(settings: Settings, run: Run) -> dict[str, int]:
    """Build and publish what rests on audit cases, once they have taken in the run; returns rows by table.

    Raises:
        PublishError: readers see another run, or the warehouse refused; what they see stays as it is.
    """
    from wattmark.home import warehouse_url
    from wattmark.publish import warehouse

    with open_session(settings, run) as session:
        for name in session.catalog.closing():
            session.build(name)
    done = warehouse.publish_closing(settings, run, warehouse_url(settings))
    return {table.name: table.rows for table in done}


def move_watermarks(settings: Settings, run: Run) -> None:
    """Note how far the run has read, once it is published; what is not noted is read again."""
    before = watermarks_before(settings, run)
    marks: dict[str, Watermark] = {}
    with DuckDBSession(settings, run) as session:
        for table in session.contract.tables.values():
            if table.since is None:
                continue
            # Never past the run's own day: a row dated years ahead must not hide all that come before it.
            kind = table.column(table.since).type
            row = session.query(
                f"SELECT MAX({table.since}) AS newest FROM accepted.{table.name} WHERE {table.since} < $as_of_end"
            ).read_all()
            newest = row["newest"][0].as_py() if kind == "timestamp" else None
            earlier = before.get(table.name)
            marks[table.name] = Watermark(
                since=newest or (earlier.since if earlier else None),
                files=landed(settings, run, table.name).files,
            )
    keep_watermarks(settings, run, marks)


def note_versions(settings: Settings, run: Run) -> None:
    """Note the versions of accepted tables that a published run read, from which it can be replayed."""
    lake = Lake(settings.lake)
    versions = {name: lake.version(name) for name in lake.tables() if name.startswith("accepted.")}
    write_atomically(
        Home(settings.home).versions / f"{run.run_id}.json",
        json.dumps(versions, indent=1, sort_keys=True),
    )


def parameters_hash(settings: Settings) -> str:
    """Short hash of all that decides a run's result besides data and code: settings, SQL, contract, expectations, campaigns, targets."""
    digest = hashlib.sha256(
        settings.model_dump_json(
            exclude={
                "home",
                "project",
                "services",
                "sources",
                "compute",
                "writer",
                "lake_check",
                "keep",
                "metrics",
                "schedule",
                "notify",
                "users",
            }
        ).encode()
    )
    for folder in (settings.include, settings.project / "expectations", Home(settings.home).campaigns):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".sql", ".yaml", ".json", ".csv"):
                digest.update(f"\0{path.relative_to(folder)}\0".encode())
                digest.update(path.read_bytes())
    if (targets := Home(settings.home).targets).is_file():
        digest.update(b"\0targets.yaml\0" + targets.read_bytes())
    return digest.hexdigest()[:16]


def begin(settings: Settings, run: Run, *, republish: bool = False) -> None:
    """Note in schema ``ops`` that the run has begun, migrating it where needed.

    Raises:
        PublishError: a newer night is published, and ``republish`` does not ask to take its place.
    """
    from wattmark.home import warehouse_url
    from wattmark.publish.ops import begin_run

    begin_run(
        warehouse_url(settings),
        run,
        code_version=__version__,
        parameters_hash=parameters_hash(settings),
        republish=republish,
    )


def finish(
    settings: Settings, run: Run, state: str, rows_in: int | None = None, rows_out: int | None = None
) -> None:
    """Note how the run ended, ``succeeded`` or ``failed``, in ``ops.pipeline_run`` and for monitoring."""
    from wattmark.home import warehouse_url
    from wattmark.metrics import write_metrics
    from wattmark.publish.ops import end_run

    # First: a warehouse that is down is what a failed night must be told of.
    write_metrics(settings, run, state)
    end_run(warehouse_url(settings), run, state, rows_in, rows_out)
