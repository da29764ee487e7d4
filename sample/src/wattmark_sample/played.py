"""A year of the sample utility's nights, and of what its people do on cases in between, played through the real functions."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from wattmark import night
from wattmark.atomic import write_atomically
from wattmark.audit.rules import all_rules
from wattmark.cases import steps as case_steps
from wattmark.cases.act import Desk, read_cases
from wattmark.cases.log import verify
from wattmark.cases.model import Case, CaseError
from wattmark.engine.catalog import catalog_of
from wattmark.home import Home, warehouse_url
from wattmark.lake import Lake
from wattmark.local import services
from wattmark.publish.ops import libpq_url
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.writer import writing
from wattmark_sample.aims import put_targets
from wattmark_sample.logins import users_text
from wattmark_sample.plan import SampleError, SamplePlan
from wattmark_sample.policy import STEPS_A_SESSION, Person, Policy
from wattmark_sample.twins import Twins

Tell = Callable[[str], None]
DAYS = 364
"""Days back from the last night to the first one, a Thursday from a Thursday."""
FROM_THE_START = 0.3
"""Share of the faults that are there in the first night; the others come within the first four fifths of the year."""
RELAPSES, RELAPSE_DAYS = 0.1, 90
"""Share of the mended faults that come back, and after how many days."""
_WORDS = {"return": "return_"}
"""Steps whose function is named otherwise."""
SETTINGS_TEXT = """\
# Settings of a sample utility with a year of nights behind it.
schedule:
  nightly: null        # the sample's data end on one day
sources:
  - location: {folder}
{users}"""


@dataclass
class Played:
    """What was played: nights by their seconds, steps of people by name, and what was refused, by the error's code."""

    nights: dict[dt.date, float] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    states: dict[str, int] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0


class _Faults:
    """Which accounts carry their fault on a day: faults come over the year, are mended, and some come back."""

    def __init__(self, seed: int, accounts: Collection[str], first: dt.date) -> None:
        self._seed = seed
        self._since = {account: first + self._after(account) for account in accounts}

    def _draw(self, account: str, what: str) -> float:
        return int(hashlib.sha256(f"{self._seed}:{account}:{what}".encode()).hexdigest()[:13], 16) / 16**13

    def _after(self, account: str) -> dt.timedelta:
        share = (self._draw(account, "since") - FROM_THE_START) / (1 - FROM_THE_START)
        return dt.timedelta(days=max(0, int(share * DAYS * 0.8)))

    def on(self, day: dt.date) -> frozenset[str]:
        """Accounts that carry their fault on a day."""
        return frozenset(account for account, since in self._since.items() if since <= day)

    def mend(self, account: str, day: dt.date) -> None:
        """Somebody put an account right on a day; ``on`` is asked of later days only."""
        comes_back = self._draw(account, f"back {day}") < RELAPSES
        self._since[account] = day + dt.timedelta(days=RELAPSE_DAYS) if comes_back else dt.date.max


def nights_of(as_of: dt.date, every_days: int) -> list[dt.date]:
    """Days of the nights that are played, the last one ``as_of``."""
    return [
        as_of - dt.timedelta(days=back) for back in range(DAYS // every_days * every_days, -1, -every_days)
    ]


def play(home: Path, plan: SamplePlan, folder: Path, every_days: int, tell: Tell, **overrides: Any) -> Played:
    """Make a sample utility and play a year of it into a fresh home, whose PostgreSQL is started and stays up.

    Each night runs through the functions of the nightly DAG. Of those between the first and the last, nothing is
    published but the cases. After each but the last, the people of the sample work on cases, by a policy that the seed
    decides; what they mend is mended at the source the next night.

    Args:
        home: without nights; its ``settings.yaml`` is written where there is none.
        plan: with faults; ``as_of`` is the last night.
        folder: the source.
        every_days: days from one night to the next.
        tell: told what goes on.
        overrides: settings that take precedence over the home's, for tests.

    Raises:
        SampleError: nights were run in the home already, or ``every_days`` is out of range.
    """
    began = time.perf_counter()
    if not 1 <= every_days <= 91:
        raise SampleError("sample.history_days", f"history_days is {every_days}.", "Give 1 to 91.")
    settings = _home(home, plan, folder, overrides)
    tell("Making the sample utility, with its faults and without")
    twins = Twins(plan, folder)
    services.up(settings, airflow=False, progress=tell)
    days = nights_of(plan.as_of, every_days)
    faults = _Faults(plan.seed, twins.faulty_accounts, days[0])
    played = Played()
    with writing(settings, "wattmark sample --history"):
        for day in days:
            broken = faults.on(day)
            twins.write(broken)
            run = Run.of(day, settings.utility.time_zone)
            started = time.perf_counter()
            _night(settings, run, published=day in (days[0], days[-1]))
            played.nights[day] = time.perf_counter() - started
            if day != days[-1]:
                _work(settings, plan, twins, faults, run, played)
            tell(f"Night {day}: {played.nights[day]:.0f} s, {played.steps.total():,} steps of people so far")
    with psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
        played.events = verify(connection).events
        rows = connection.execute("SELECT state, COUNT(*) FROM ops.audit_case GROUP BY 1 ORDER BY 1")
        played.states = {str(state): int(count) for state, count in rows.fetchall()}
    played.seconds = time.perf_counter() - began
    return played


def _home(home: Path, plan: SamplePlan, folder: Path, overrides: Mapping[str, Any]) -> Settings:
    known = Home(home)
    if known.lake.exists() and Lake(known.lake).tables():
        raise SampleError(
            "sample.history_home", f"{home} has nights already, and a year before them cannot be played.",
            "Name another home: --home, or WATTMARK_HOME.",
        )  # fmt: skip
    services.make_home(home)
    if not known.settings.exists():
        text = SETTINGS_TEXT.format(folder=folder, users=users_text(plan))
        write_atomically(known.settings, text, private=True)
    put_targets(home, plan)
    return load_settings(home, **overrides)


def _night(settings: Settings, run: Run, *, published: bool) -> None:
    """One night, in the order of the nightly DAG; Data Docs and campaign lists are left out."""
    night.begin(settings, run)
    for name in night.tables(settings):
        # Rows were changed without a new date: the source is read whole, but for the days of intervals.
        night.extract(settings, run, name, full_refresh=name != "interval_reading")
    accepted = night.accept(settings, run)
    for layer, part in (("core", None), ("facts", "bills"), ("facts", "intervals"), ("segment", "models")):
        night.build(settings, run, layer, part=part)
    night.build(settings, run, "segment", part="segments")
    night.audit(settings, run, scored=False)
    night.build(settings, run, "campaign")
    night.audit(settings, run, scored=True)
    rows = 0
    if published:
        night.root_causes(settings, run)
        night.build(settings, run, "kpi")
        for layer, part in (("mart", "plain"), ("mart", "explained"), ("mart_pii", None)):
            night.build(settings, run, layer, part=part)
        rows = sum(night.publish(settings, run).values())
    else:
        night.move_watermarks(settings, run)
        night.note_versions(settings, run)
    night.cases(settings, run)
    if published:
        night.closing(settings, run)
    night.finish(settings, run, "succeeded", accepted["read"], rows)


def _work(
    settings: Settings, plan: SamplePlan, twins: Twins, faults: _Faults, run: Run, played: Played
) -> None:
    """A session of work on the day after a night: everybody's steps, one after the other."""
    day = run.as_of + dt.timedelta(days=1)
    broken = faults.on(run.as_of)
    subjects = {(fault.rule_id, fault.subject_id) for fault in twins.truth}
    rules = all_rules(catalog_of(settings))

    def is_real(case: Case) -> bool:
        if case.account_id is not None:
            return case.account_id in broken
        return (case.rule_id, case.subject_id) in subjects

    def needs_acceptance(case: Case) -> bool:
        rule = rules.get(case.rule_id)
        return rule is None or rule.proof == "none"

    at = dt.datetime.combine(day, dt.time(8, 30), settings.zone)
    with psycopg.connect(libpq_url(warehouse_url(settings)), autocommit=True) as connection:
        people = [
            Person(*row)
            for row in connection.execute(
                "SELECT login, staff_id, org_unit_id, role FROM ops.staff_login ORDER BY login"
            ).fetchall()
        ]
        policy = Policy(plan.seed, people, twins.units_above(), is_real, needs_acceptance)
        for case in _worked_on(connection):
            if not policy.turns_to(case, day):
                continue
            standing = case
            for _ in range(STEPS_A_SESSION):
                move = policy.next(standing, day)
                if move is None:
                    break
                at += dt.timedelta(seconds=20)
                desk = Desk(connection, settings, move.login, at)
                function = getattr(case_steps, _WORDS.get(move.step, move.step))
                given = {"text": move.note} if move.step == "note" else {**move.detail, "note": move.note}
                try:
                    function(desk, standing.case_id, standing.version, **given)
                except CaseError as error:
                    played.refused[error.code] += 1
                    break
                played.steps[move.step] += 1
                if move.mends and case.account_id is not None:
                    faults.mend(case.account_id, day)
                standing = read_cases(connection, [case.case_id])[case.case_id]
                # What is decided rests until the next session.
                if standing.state in ("verified", "dismissed", "closed"):
                    break


def _worked_on(connection: psycopg.Connection[Any]) -> list[Case]:
    """Cases that somebody may turn to, those due first on top."""
    ids = [
        str(row[0])
        for row in connection.execute(
            "SELECT case_id FROM ops.audit_case WHERE state <> 'closed' AND root_cause_case_id IS NULL "
            "ORDER BY due_on NULLS LAST, case_id"
        ).fetchall()
    ]
    known = read_cases(connection, ids)
    return [known[case_id] for case_id in ids if case_id in known]
