"""Whatever was said, edited or merged between a list and its release: nobody leaves on it who is refused by then."""

from __future__ import annotations

import csv
import datetime as dt
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.campaign.test_decide import campaign
from tests.campaign.test_lists import NOW, digest
from tests.campaign.world import TABLES, open_world
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.lists import make_lists
from wattmark.campaign.release import release
from wattmark.settings import Settings, load_settings

PEOPLE = 40
MORNING = "2026-11-03 08:00:00+08"
GRANTED = (
    "SELECT cid(i) AS customer_id, c AS channel, 'marketing' AS purpose, 'granted' AS status, "
    "TIMESTAMPTZ '2026-01-01 00:00:00+08' AS changed_at FROM range({n}) AS r(i), UNNEST(['sms', 'email']) AS x(c)"
)
KINDS = ("unsubscribed", "complained", "bounced", "withdrawn", "deceased", "asked", "minor", "merged")
OFF = {rule: {"off": "what this test is not about"} for rule in ("closed", "in_dispute", "in_arrears")}
DRAWN = st.lists(
    st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from(KINDS), st.sampled_from(["sms", "email"])),
    max_size=12,
)
QUICK = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
SLOW = settings(QUICK, max_examples=30)


@QUICK
@given(drawn=DRAWN)
def test_nobody_leaves_who_is_refused_by_then(ops: Engine, drawn: list[tuple[int, str, str]]) -> None:
    _make_change_release(ops, drawn)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@SLOW
@given(drawn=DRAWN)
def test_nobody_leaves_who_is_refused_by_then_at_length(
    ops: Engine, drawn: list[tuple[int, str, str]]
) -> None:
    _make_change_release(ops, drawn)


def _make_change_release(ops: Engine, drawn: list[tuple[int, str, str]]) -> None:
    with ops.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_drop, ops.campaign_arm, ops.campaign_key, ops.suppression CASCADE"
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        _in_a_home(ops, Path(folder), drawn)


def _in_a_home(ops: Engine, home: Path, drawn: list[tuple[int, str, str]]) -> None:
    chosen = load_settings(
        home, campaigns={"global_control_share": 0, "contacts": 100, "delivery": str(home / "out")}
    )
    (home / "campaigns").mkdir()
    file = campaign(
        id="drawn", channels=[{"channel": "sms"}, {"channel": "email"}], control_share=0.2, exclude=OFF
    )
    (home / "campaigns" / "drawn.yaml").write_text(
        json.dumps(file.campaign.model_dump(mode="json", exclude_none=True))
    )
    calm = {
        "accepted__consent": GRANTED,
        "accepted__campaign_event": TABLES["accepted.campaign_event"] + " AND FALSE",
        "segment__duplicate_pair": TABLES["segment.duplicate_pair"] + " AND FALSE",
    }
    with open_world(chosen, PEOPLE, **calm) as session:
        outcome = make_lists(chosen, session.run, session, ops, ["drawn"], NOW)[0]
    before = _rows([Path(path) for path in outcome.files])
    assert outcome.listed == len(before) > 0
    instead, refused = _changed(chosen, ops, calm, drawn, before)
    try:
        with open_world(chosen, PEOPLE, **instead) as session:
            release(chosen, ops, outcome.campaign_run_id, "boss", digest(outcome), NOW, session)
    except CampaignError as error:
        assert error.code == "campaign.nobody_left"
        assert set(before) <= refused
        return
    left = _rows(list((home / "out" / outcome.campaign_run_id).glob("*.csv")))
    assert left == {who: row for who, row in before.items() if who not in refused}
    # Arms are as they were drawn.
    assert all(left[who]["cell"] == before[who]["cell"] for who in left)


def _rows(files: list[Path]) -> dict[str, dict[str, str]]:
    found = {}
    for file in files:
        if file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as stream:
                found.update({row["customer_id"]: row for row in csv.DictReader(stream)})
    return found


def _changed(
    chosen: Settings,
    ops: Engine,
    calm: dict[str, str],
    drawn: list[tuple[int, str, str]],
    before: dict[str, dict[str, str]],
) -> tuple[dict[str, str], set[str]]:
    """The world of the next morning, and who of the list must not leave on it."""
    events, words, pairs, minors = [], [], [], []
    no: set[tuple[str, str]] = set()
    bounced: set[tuple[str, str]] = set()
    everywhere: set[str] = set()
    persons: list[tuple[str, str]] = []
    for at, (number, kind, channel) in enumerate(drawn):
        who = f"C{number:08}"
        if kind in ("unsubscribed", "complained", "bounced"):
            events.append(
                f"SELECT 'X{at}' AS event_id, 'y' AS campaign_id, '{who}' AS customer_id, '{channel}' AS channel, '{kind}' AS kind, "
                f"TIMESTAMPTZ '{MORNING}' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
            )
            if kind == "complained":
                everywhere.add(who)
            else:
                (bounced if kind == "bounced" else no).add((who, channel))
        elif kind == "withdrawn":
            words.append(f"SELECT '{who}', '{channel}', 'marketing', 'withdrawn', TIMESTAMPTZ '{MORNING}'")
            no.add((who, channel))
        elif kind in ("deceased", "asked"):
            suppress_customer(chosen, ops, who, kind, dt.date(2026, 11, 3))
            everywhere.add(who)
        elif kind == "minor":
            minors.append(who)
        elif kind == "merged" and number + 1 < PEOPLE:
            other = f"C{number + 1:08}"
            pairs.append(f"SELECT '{who}', '{other}', 1.0, 'identity number'")
            persons.append((who, other))
    person = {f"C{number:08}": {f"C{number:08}"} for number in range(PEOPLE)}
    for who, other in persons:
        together = person[who] | person[other]
        for member in together:
            person[member] = together
    refused = set()
    for who, row in before.items():
        # A bounce and an age are of one record; what a person said holds for all records of hers.
        said = {(member, row["channel"]) for member in person[who]}
        if person[who] & everywhere or said & no or (who, row["channel"]) in bounced or who in minors:
            refused.add(who)
    born = "DATE '1950-01-01' + CAST(u(i, 'born') * 27000 AS INTEGER) AS born_on"
    listed = ", ".join(f"'{who}'" for who in minors) or "''"
    instead = {
        **calm,
        "accepted__customer": TABLES["accepted.customer"]
        .replace(
            born,
            f"CASE WHEN cid(i) IN ({listed}) THEN DATE '2015-01-01' ELSE DATE '1980-01-01' END AS born_on",
        )
        .replace(
            "CASE WHEN u(i, 'kind') < 0.85 THEN 'person' ELSE 'organisation' END AS kind", "'person' AS kind"
        ),
        "accepted__consent": " UNION ALL ".join([GRANTED, *words]),
    }
    if events:
        instead["accepted__campaign_event"] = " UNION ALL ".join(events)
    if pairs:
        instead["segment__duplicate_pair"] = (
            TABLES["segment.duplicate_pair"] + " AND FALSE UNION ALL " + " UNION ALL ".join(pairs)
        )
    return instead, refused
