"""Nights with steps and waves while people answer, refuse, die and are merged: nobody who is refused by then, no arm changes,
no address twice, nobody the same twice."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.campaign.test_lists import digest, rows_of
from tests.campaign.test_release_property import GRANTED
from tests.campaign.test_steps import CALM, alone, put, settings_of
from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.lists import make_lists
from wattmark.campaign.release import release
from wattmark.settings import Settings

PEOPLE = 30
NIGHTS = 5
KINDS = ("unsubscribed", "complained", "withdrawn", "deceased", "converted", "replied", "merged")
DRAWN = st.lists(
    st.tuples(st.integers(1, NIGHTS), st.integers(0, PEOPLE - 1), st.sampled_from(KINDS)),
    min_size=4,
    max_size=14,
)
QUICK = settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
SLOW = settings(QUICK, max_examples=8)
Happened = list[tuple[int, int, str]]


@QUICK
@given(drawn=DRAWN)
def test_steps_and_waves_keep_what_was_promised(ops: Engine, drawn: Happened) -> None:
    _nights(ops, [*drawn, (2, 3, "converted"), (2, 5, "unsubscribed"), (3, 7, "merged")])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@SLOW
@given(drawn=DRAWN)
def test_steps_and_waves_keep_what_was_promised_at_length(ops: Engine, drawn: Happened) -> None:
    _nights(ops, drawn)


def _nights(ops: Engine, drawn: Happened) -> None:
    with ops.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_drop, ops.campaign_arm, ops.campaign_key, ops.suppression CASCADE"
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        put(
            home,
            channels=[{"channel": "sms", "daily_limit": 9, "days": "every_day"}],
            limits={"waves": 3},
            steps=[
                {"step": "reminder", "to": "unanswered", "after_days": 1, "for_days": 2},
                {"step": "thanks", "to": "answered", "after_days": 0, "for_days": 3},
            ],
            schedule={"dates": [AS_OF.isoformat()]},
        )
        _one_after_the_other(ops, alone(settings_of(home)), drawn)


def _one_after_the_other(ops: Engine, chosen: Settings, drawn: Happened) -> None:
    given_to: dict[str, set[str]] = defaultdict(set)
    arms: dict[tuple[str, str], str] = {}
    told: set[tuple[int, int, str]] = set()
    for number in range(NIGHTS):
        day = AS_OF + dt.timedelta(days=number)
        evening = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(2), tzinfo=chosen.zone)
        with open_world(chosen, PEOPLE, day, **_world(chosen, ops, drawn, number, told)) as session:
            made = make_lists(chosen, session.run, session, ops, (), evening)
        instead = _world(chosen, ops, drawn, number + 1, told)
        refused, _ = _refused(drawn, number + 1)
        # Who is one person is known when a list is made; a release asks again who refuses.
        _, persons = _refused(drawn, number)
        for outcome in made:
            assert outcome.problem == ""
            if outcome.state != "awaiting_approval":
                continue
            before = {row["customer_id"]: row["cell"] for path in outcome.files for row in rows_of(path)}
            try:
                with open_world(chosen, PEOPLE, day, **instead) as session:
                    release(chosen, ops, outcome.campaign_run_id, "boss", digest(outcome), evening, session)
            except CampaignError as error:
                assert error.code == "campaign.nobody_left"
                assert set(before) <= refused
                continue
            rows = [
                row
                for path in (chosen.home / "out" / outcome.campaign_run_id).glob("*.csv")
                for row in rows_of(str(path))
            ]
            left = {row["customer_id"]: row["cell"] for row in rows}
            assert len(left) == len(rows) == len({row["mobile"] for row in rows})
            assert left == {who: cell for who, cell in before.items() if who not in refused}
            for who, cell in left.items():
                # A person is written to under one record, by each step once.
                assert not any(cell in given_to[other] for other in persons[who]), (who, cell)
                given_to[who].add(cell)
            assert sum(cell == "standard" for cell in left.values()) <= 9
        now = _arms(ops)
        assert arms.items() <= now.items()
        arms = now
    first = {who for who, cells in given_to.items() if "standard" in cells}
    # Steps follow a contact alone, of whichever record of hers.
    _, persons = _refused(drawn, NIGHTS)
    assert all(persons[who] & first for who, cells in given_to.items() if cells)


def _arms(ops: Engine) -> dict[tuple[str, str], str]:
    with ops.connect() as connection:
        rows = connection.execute(text("SELECT campaign_id, record_hash, arm FROM ops.campaign_arm"))
        return {(row[0], row[1]): row[2] for row in rows}


def _refused(drawn: Happened, until: int) -> tuple[set[str], dict[str, set[str]]]:
    """Who may not be contacted by a day, and the records of each person by then."""
    person = {f"C{number:08}": {f"C{number:08}"} for number in range(PEOPLE)}
    said = set()
    for day, number, kind in drawn:
        who, other = f"C{number:08}", f"C{number + 1:08}"
        if day > until:
            continue
        if kind == "merged" and other in person:
            together = person[who] | person[other]
            for member in together:
                person[member] = together
        elif kind in ("unsubscribed", "complained", "withdrawn", "deceased"):
            said.add(who)
    return {who for who in person if person[who] & said}, person


def _world(
    chosen: Settings, ops: Engine, drawn: Happened, until: int, told: set[tuple[int, int, str]]
) -> dict[str, str]:
    """What is known on a day: answers and refusals of the days before and of its morning."""
    events, words, pairs = [], [], []
    for at, (day, number, kind) in enumerate(drawn):
        if day > until:
            continue
        who, moment = f"C{number:08}", f"{AS_OF + dt.timedelta(days=day):%Y-%m-%d} 00:30:00+08"
        if kind in ("unsubscribed", "complained", "converted", "replied"):
            events.append(
                f"SELECT 'X{at}' AS event_id, 'one' AS campaign_id, '{who}' AS customer_id, 'sms' AS channel, '{kind}' AS kind, "
                f"TIMESTAMPTZ '{moment}' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
            )
        elif kind == "withdrawn":
            words.append(f"SELECT '{who}', 'sms', 'marketing', 'withdrawn', TIMESTAMPTZ '{moment}'")
        elif kind == "deceased" and (day, number, kind) not in told:
            told.add((day, number, kind))
            suppress_customer(chosen, ops, who, kind, AS_OF + dt.timedelta(days=day))
        elif kind == "merged" and number + 1 < PEOPLE:
            pairs.append(f"SELECT '{who}', 'C{number + 1:08}', 1.0, 'identity number'")
    people = (
        TABLES["accepted.customer"]
        .replace(
            "DATE '1950-01-01' + CAST(u(i, 'born') * 27000 AS INTEGER) AS born_on",
            "DATE '1980-01-01' AS born_on",
        )
        .replace(
            "CASE WHEN u(i, 'kind') < 0.85 THEN 'person' ELSE 'organisation' END AS kind", "'person' AS kind"
        )
    )
    found = {**CALM, "accepted__customer": people, "accepted__consent": " UNION ALL ".join([GRANTED, *words])}
    if events:
        found["accepted__campaign_event"] = " UNION ALL ".join(events)
    if pairs:
        found["segment__duplicate_pair"] = (
            TABLES["segment.duplicate_pair"] + " AND FALSE UNION ALL " + " UNION ALL ".join(pairs)
        )
    return found
