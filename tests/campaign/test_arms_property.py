"""Whatever is filed, merged, moved, edited and refused between nights, in any order: arms stay, and no address is used twice."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.campaign.test_arms import Pair, cid, defined, world_of
from tests.campaign.world import AS_OF, open_world
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.lists import make_lists
from wattmark.settings import Settings, load_settings

PEOPLE = 16
KINDS = ("arrive", "likeness", "number", "apart", "move", "edit", "refuse", "die", "share", "mailbox")
CHANGES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)),
    min_size=1,
    max_size=8,
)
NIGHTS = st.lists(CHANGES, min_size=1, max_size=3)
QUICK = settings(
    max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)  # fmt: skip


class _State:
    """The utility as it stands, and what each record's arm must be, by campaign; ``kept`` has night and arm."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.people = list(range(4, PEOPLE))
        self.homes = {who: who // 3 for who in range(PEOPLE)}
        self.boxes = {who: who for who in range(PEOPLE)}
        self.pairs: dict[tuple[int, int], str] = {}
        self.names = dict.fromkeys(range(PEOPLE), "Name")
        self.share = 0.4
        self.kept: dict[str, dict[int, tuple[int, str]]] = {}

    def change(self, ops: Engine, chosen: Settings, kind: str, who: int, other: int, day: dt.date) -> None:
        if kind == "arrive":
            self.people = sorted({*self.people, who})
        elif kind in ("likeness", "number") and who != other:
            self.pairs[min(who, other), max(who, other)] = (
                "identity number" if kind == "number" else "likeness"
            )
        elif kind == "apart":
            self.pairs = {pair: why for pair, why in self.pairs.items() if who not in pair}
        elif kind == "move":
            self.homes[who] = other
        elif kind == "edit":
            self.names[who] = "Other name"
        elif kind in ("refuse", "die"):
            suppress_customer(chosen, ops, cid(who), "deceased" if kind == "die" else "asked", day)
        elif kind == "share":
            self.share = (0.1, 0.4, 0.8)[other % 3]
        else:
            self.boxes[who] = other

    def world(self) -> dict[str, str]:
        there = [(*pair, why) for pair, why in self.pairs.items() if set(pair) <= set(self.people)]
        pairs: list[Pair] = [(record, other, why) for record, other, why in there]
        world = world_of(self.people, self.homes, pairs)
        box = "CASE i " + " ".join(f"WHEN {who} THEN {at}" for who, at in self.boxes.items()) + " END"
        world["accepted__customer"] = (
            world["accepted__customer"]
            .replace("'138' || LPAD(i::VARCHAR, 8, '0')", f"'138' || LPAD(({box})::VARCHAR, 8, '0')")
            .replace(
                "'u' || i || '@example.com'",
                f"CASE WHEN i % 2 = 0 THEN 'U' ELSE 'u' END || ({box}) || '@example.com'",
            )
            .replace(
                "'Name ' || i AS name",
                "CASE i "
                + " ".join(f"WHEN {who} THEN '{name} {who}'" for who, name in self.names.items())
                + " END AS name",
            )
        )
        return world

    def persons(self) -> dict[int, set[int]]:
        together = {who: {who} for who in self.people}
        for record, other in self.pairs:
            if record in together and other in together:
                joined = together[record] | together[other]
                for who in joined:
                    together[who] = joined
        return together

    def must_be(self, scope: str, who: int, household: set[int] | None) -> str | None:
        """The arm by the stated rule: the person's that was drawn first, else the household's; None where none was."""
        kept, persons = self.kept.setdefault(scope, {}), self.persons()

        def of(person: set[int]) -> tuple[int, int, str] | None:
            return min(
                ((*kept[record][:1], record, kept[record][1]) for record in person if record in kept),
                default=None,
            )

        own = of(persons[who])
        if own is not None or household is None:
            return own[2] if own else None
        others = [
            (found[0], min(persons[member]), found[2])
            for member in household
            if (found := of(persons[member])) is not None
        ]
        return min(others)[2] if others else None


def _nights(ops: Engine, home: Path, nights: list[list[tuple[str, int, int]]]) -> None:
    chosen = load_settings(home, campaigns={"global_control_share": 0.3, "contacts": 100})
    state = _State(home)
    for number, changes in enumerate([[], *nights]):
        day = AS_OF + dt.timedelta(days=7 * number)
        for kind, who, other in changes:
            state.change(ops, chosen, kind, who, other, day)
        names = defined(home, control_share=state.share)
        with open_world(chosen, PEOPLE, day, **state.world()) as session:
            now = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(2), tzinfo=chosen.zone)
            made = make_lists(chosen, session.run, session, ops, names, now)
            assert [outcome.problem for outcome in made if outcome.problem] == []
            rows = session.duck.sql(
                "SELECT customer_id, household_id, is_held_out FROM campaign.standing"
            ).fetchall()
        units: dict[str, set[int]] = {}
        for customer, household, _ in rows:
            units.setdefault(household, set()).add(int(customer[1:]))
        household_of = {who: unit for unit in units.values() for who in unit}
        held = {int(customer[1:]): "held_out" if is_held_out else "open" for customer, _, is_held_out in rows}
        _same_as_ever(state, "all campaigns", number, held, household_of)
        for name in names:
            drawn = _drawn(ops, name, day)
            assert not [who for who in drawn if held[who] == "held_out"]
            _same_as_ever(state, name, number, drawn, household_of if name == "to-household" else None)
        for outcome in made:
            _no_address_twice([Path(path) for path in outcome.files])


def _same_as_ever(
    state: _State, scope: str, night: int, arms: dict[int, str], household_of: dict[int, set[int]] | None
) -> None:
    for who, arm in arms.items():
        must = state.must_be(scope, who, household_of[who] if household_of else None)
        assert must in (None, arm), (scope, night, who, must, arm)
    kept, persons = state.kept.get(scope, {}), state.persons()
    fresh: dict[int, tuple[int, str]] = {}
    for who, arm in arms.items():
        for record in persons[who] | (
            {mate for mates in household_of[who] for mate in persons[mates]} if household_of else set()
        ):
            own = state.must_be(scope, record, None)
            if record not in kept:
                fresh.setdefault(record, (night, own or arm))
    state.kept[scope] = {**fresh, **kept}


def _drawn(ops: Engine, name: str, day: dt.date) -> dict[int, str]:
    with ops.connect() as connection:
        rows: Any = connection.execute(
            text(
                "SELECT m.customer_id, CASE WHEN m.outcome = 'control' THEN 'control' ELSE m.cell END FROM ops.campaign_member m "
                "JOIN ops.campaign_run r USING (campaign_run_id) WHERE r.campaign_id = :name AND r.as_of = :day AND m.outcome <> 'excluded'"
            ),
            {"name": name, "day": day},
        )
        return {int(customer[1:]): arm for customer, arm in rows}


def _no_address_twice(files: list[Path]) -> None:
    for file in files:
        if file.name not in ("sms.csv", "email.csv"):
            continue
        with file.open(encoding="utf-8", newline="") as stream:
            used = [
                row[{"sms": "mobile", "email": "email"}[file.stem]].lower() for row in csv.DictReader(stream)
            ]
        assert used == [address for address in used if Counter(used)[address] == 1]


def _in_an_empty_warehouse(ops: Engine, nights: list[list[tuple[str, int, int]]]) -> None:
    with ops.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_drop, ops.campaign_arm, ops.campaign_key, ops.suppression CASCADE"
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        _nights(ops, Path(folder), nights)


@QUICK
@given(nights=NIGHTS)
def test_arms_stay_through_any_nights(ops: Engine, nights: list[list[tuple[str, int, int]]]) -> None:
    _in_an_empty_warehouse(ops, nights)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(QUICK, max_examples=10)
@given(nights=NIGHTS)
def test_arms_stay_through_any_nights_at_length(
    ops: Engine, nights: list[list[tuple[str, int, int]]]
) -> None:
    _in_an_empty_warehouse(ops, nights)
