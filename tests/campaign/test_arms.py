"""An arm is the person's as it was first drawn; and without the key that hides whose it is, nothing is done."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.campaign.test_decide import campaign
from tests.campaign.test_persons import GRANTED, OFF, outcomes, small
from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark import checkup
from wattmark.campaign import lists
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.keys import campaign_key, fingerprint, known_key
from wattmark.campaign.lists import make_lists
from wattmark.campaign.preview import preview
from wattmark.derive.programme_arm import programme_arm
from wattmark.engine.python_table import TableContext
from wattmark.engine.session import DuckDBSession
from wattmark.settings import Settings, load_settings

PEOPLE = 40
FIRST = 20
"""Customers below this number are filed in the second night only."""
CELLS = [{"cell": "a", "share": 0.5}, {"cell": "b", "share": 0.5}]
Pair = tuple[int, int, str]


def cid(number: int) -> str:
    return f"C{number:08}"


def defined(home: Path, **changes: object) -> list[str]:
    """One campaign that speaks to persons and one that speaks to households; their names."""
    (home / "campaigns").mkdir(parents=True, exist_ok=True)
    if not (home / "campaign.key").exists():
        # The same key, the same draws.
        (home / "campaign.key").write_text("5" * 64 + "\n")
    names = []
    for grain, channels in (
        ("customer", [{"channel": "sms"}, {"channel": "email"}]),
        ("household", [{"channel": "post"}]),
    ):
        file = campaign(
            **{
                "id": f"to-{grain}", "audience": {"grain": grain, "where": "TRUE"}, "channels": channels, "cells": CELLS,
                "control_share": 0.4, "exclude": OFF, "limits": {"again_after_days": 1}, **changes,
            }
        )  # fmt: skip
        (home / "campaigns" / f"{file.campaign.id}.yaml").write_text(
            json.dumps(file.campaign.model_dump(mode="json", exclude_none=True))
        )
        names.append(file.campaign.id)
    return names


def values(rows: Iterable[Sequence[object]], columns: str, types: Sequence[str]) -> str:
    """Rows as SQL, none of them where there are none."""
    listed = [
        ", ".join(f"CAST({cell!r} AS {kind})" for cell, kind in zip(row, types, strict=True)) for row in rows
    ]
    empty = ", ".join(f"CAST(NULL AS {kind})" for kind in types)
    body = ", ".join(f"({row})" for row in listed) or f"({empty})"
    return f"SELECT * FROM (VALUES {body}) AS v({columns})" + ("" if listed else " WHERE FALSE")


def world_of(
    people: Sequence[int], homes: dict[int, int], pairs: Sequence[Pair], sizes: dict[int, float] | None = None
) -> dict[str, str]:
    """The world with some of the people in it, who live in homes by number, and who are called one."""
    known = ", ".join(str(number) for number in people)
    lowest: dict[int, int] = {}
    for who in people:
        lowest[homes[who]] = min(lowest.get(homes[who], who), who)
    count = {home: sum(homes[who] == home for who in people) for home in lowest}
    customer = TABLES["mart.dim_customer"]
    for who, amount in (sizes or {}).items():
        customer = customer.replace(
            "CAST(1000 * u(i, 'cv')", f"CAST(CASE WHEN i = {who} THEN {amount} ELSE 1000 * u(i, 'cv') END"
        )
    return {
        "accepted__consent": GRANTED,
        "accepted__campaign_event": TABLES["accepted.campaign_event"] + " AND FALSE",
        "accepted__customer": TABLES["accepted.customer"] + f" WHERE i IN ({known})",
        "mart__dim_customer": f"{customer} WHERE i IN ({known})",
        "segment__duplicate_pair": values(
            [(cid(record), cid(other), 0.99, evidence) for record, other, evidence in pairs],
            "customer_id, other_customer_id, score, evidence", ("VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR"),
        ),
        "segment__household": values(
            [(cid(who), cid(lowest[homes[who]]), count[homes[who]]) for who in people],
            "customer_id, household_id, members", ("VARCHAR", "VARCHAR", "BIGINT"),
        ),
    }  # fmt: skip


def night(
    settings: Settings,
    ops: Engine,
    as_of: dt.date,
    names: Sequence[str],
    world: dict[str, str],
    late: int = 0,
) -> dict[str, dict[str, str]]:
    """Make the lists of a date; whoever was drawn, with the arm, by campaign. ``held`` has everybody's global control."""
    now = dt.datetime.combine(as_of + dt.timedelta(days=1 + late), dt.time(2), tzinfo=settings.zone)
    with open_world(settings, PEOPLE, as_of, **world) as session:
        made = make_lists(settings, session.run, session, ops, names, now)
        assert [outcome.problem for outcome in made if outcome.problem] == []
        held = session.duck.sql("SELECT customer_id, is_held_out FROM campaign.standing").fetchall()
    with ops.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT r.campaign_id, m.customer_id, CASE WHEN m.outcome = 'control' THEN 'control' ELSE m.cell END "
                "FROM ops.campaign_member m JOIN ops.campaign_run r USING (campaign_run_id) "
                "WHERE r.as_of = :as_of AND m.outcome <> 'excluded' AND NOT m.is_seed"
            ),
            {"as_of": as_of},
        ).all()
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for name, customer, arm in rows:
        found[name][customer] = arm
    return {**found, "held": {who: str(is_held_out) for who, is_held_out in held}}


def arms_kept(ops: Engine) -> list[tuple[str, ...]]:
    with ops.connect() as connection:
        rows = connection.execute(
            text("SELECT campaign_id, record_hash, arm, drawn_at::text FROM ops.campaign_arm ORDER BY 1, 2")
        )
        return [tuple(row) for row in rows]


def before(settings: Settings, ops: Engine, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """A first night of half of the people, two in a home."""
    old = list(range(FIRST, PEOPLE))
    found = night(settings, ops, AS_OF, names, world_of(old, {who: who // 2 for who in old}, []))
    assert len(found[names[0]]) > 10
    assert len({*found[names[0]].values()}) == 3
    return found


def moved() -> dict[str, str]:
    """Everybody is filed a second time under a lower number, has moved, and a flatmate worth more has moved in."""
    pairs: list[Pair] = [(who - FIRST, who, "likeness") for who in range(FIRST, PEOPLE - 4)]
    homes = {who: (who + 3) // 2 % FIRST for who in range(PEOPLE)} | {
        who - FIRST: (who + 3) // 2 % FIRST for who in range(FIRST, PEOPLE - 4)
    }
    return world_of(range(PEOPLE), homes, pairs, dict.fromkeys(range(PEOPLE - 4 - FIRST, FIRST), 9000.0))


def stays(first: dict[str, dict[str, str]], then: dict[str, dict[str, str]], names: Sequence[str]) -> None:
    """Nobody drawn before has another arm; whoever speaks for a person is the record that had it before."""
    for name in (names[0], "held"):
        for who, arm in first[name].items():
            assert then[name].get(who) == arm, (name, who)
    for who, arm in then[names[1]].items():
        assert first[names[1]].get(who, arm) == arm


def test_a_merge_a_move_and_a_flatmate_change_nobody(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    # One draw a home: the letter to a household and its place in the global control are of one unit.
    assert len({*first["held"].values()}) == 2
    assert all(first["held"][cid(who)] == first["held"][cid(who + 1)] for who in range(FIRST, PEOPLE, 2))
    then = night(settings, ops, AS_OF + dt.timedelta(days=7), names, moved())
    stays(first, then, names)
    assert set(then[names[0]]) > set(first[names[0]])


def test_of_two_who_become_one_the_arm_drawn_first_holds(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    homes = {who: who for who in range(PEOPLE)}
    second = night(settings, ops, AS_OF + dt.timedelta(days=7), names, world_of(range(PEOPLE), homes, []))
    pairs: list[Pair] = [(who - FIRST, who, "likeness") for who in range(FIRST, PEOPLE)]
    third = night(settings, ops, AS_OF + dt.timedelta(days=14), names, world_of(range(PEOPLE), homes, pairs))
    changed = [
        who
        for who in range(FIRST, PEOPLE)
        if cid(who) in first[names[0]] and second[names[0]].get(cid(who - FIRST)) != first[names[0]][cid(who)]
    ]
    assert changed
    for who in range(FIRST, PEOPLE):
        if cid(who) in first[names[0]]:
            assert third[names[0]].get(cid(who)) == first[names[0]][cid(who)]
    # Told apart again, each has what was drawn for the record.
    fourth = night(settings, ops, AS_OF + dt.timedelta(days=21), names, world_of(range(PEOPLE), homes, []))
    assert fourth[names[0]] == second[names[0]]


def test_other_shares_are_for_whoever_is_drawn_then(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    defined(tmp_path, control_share=0.9)
    stays(first, night(settings, ops, AS_OF + dt.timedelta(days=7), names, moved()), names)
    # A cell that has gone is drawn again among those there are; the control group stays.
    defined(tmp_path, cells=[{"cell": "a", "share": 0.2}, {"cell": "c", "share": 0.8}])
    third = night(settings, ops, AS_OF + dt.timedelta(days=14), names, moved())[names[0]]
    for who, arm in first[names[0]].items():
        assert third[who] == arm if arm != "b" else third[who] in ("a", "c")
    # A share of nothing switches the group off.
    defined(tmp_path, control_share=0)
    none = night(
        load_settings(tmp_path, campaigns={"global_control_share": 0, "contacts": 100}),
        ops,
        AS_OF + dt.timedelta(days=21),
        names,
        moved(),
    )
    assert "control" not in {*none[names[0]].values(), *none[names[1]].values()}
    assert {*none["held"].values()} == {"False"}


def test_an_older_date_made_later_has_the_arms_there_are(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    kept = arms_kept(ops)
    earlier = night(settings, ops, AS_OF - dt.timedelta(days=30), names, moved(), late=40)
    stays(first, earlier, names)
    # The same date again finds its lists, and draws nothing.
    again = arms_kept(ops)
    assert set(kept) < set(again)
    assert night(settings, ops, AS_OF, names, moved())[names[0]] == first[names[0]]
    assert arms_kept(ops) == again


def test_killed_between_draw_and_write_it_draws_the_same(
    tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)

    class KilledError(BaseException):
        pass

    drawn: list[list[tuple[str, ...]]] = []

    def killed(session: DuckDBSession, *_: object, **__: object) -> None:
        drawn.append(
            session.duck.sql(
                "SELECT number, customer_id, cell FROM night.considered WHERE excluded_by IS NULL ORDER BY ALL"
            ).fetchall()
        )
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(lists, "store", killed)
        with pytest.raises(KilledError):
            before(settings, ops, names)
    assert arms_kept(ops) == []
    found = before(settings, ops, names)
    told = {(number, customer): cell for number, customer, cell in drawn[0]}
    assert {(at, who): arm for at, name in enumerate(names) for who, arm in found[name].items()} == told


def test_lists_of_before_arms_were_kept_are_taken_over(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    with ops.begin() as connection:
        connection.execute(text("TRUNCATE ops.campaign_arm"))
    then = night(settings, ops, AS_OF + dt.timedelta(days=7), names, moved())
    # Whom no list had considered, or only behind another rule, has no place in the global control to be kept.
    known = {who for name in names for who in first[name]} | {
        who for who, held in first["held"].items() if held == "True" and who in first[names[0]]
    }
    stays({**first, "held": {who: held for who, held in first["held"].items() if who in known}}, then, names)


def test_death_passes_by_number_alone_and_a_refusal_by_likeness(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path)
    pairs: list[Pair] = [
        (1, 2, "likeness"),
        (3, 4, "identity number"),
        (5, 6, "likeness"),
        (4, 7, "likeness"),
    ]
    for number, reason in ((1, "deceased"), (3, "deceased"), (5, "asked")):
        suppress_customer(settings, ops, cid(number), reason, AS_OF)
    homes = {who: who for who in range(PEOPLE)}
    with open_world(settings, PEOPLE, **world_of(range(PEOPLE), homes, pairs)) as session:
        from wattmark.campaign.decide import decide

        file = campaign(channels=[{"channel": "post"}], control_share=0, exclude=OFF)
        assert decide(session, ops, [file]).problems == {}
        found = dict(session.duck.sql("SELECT customer_id, excluded_by FROM night.member").fetchall())
    assert [found[cid(number)] for number in (1, 3, 4, 5, 6)] == [
        "known_dead",
        "known_dead",
        "known_dead",
        "suppressed",
        "suppressed",
    ]
    assert found[cid(2)] not in ("known_dead", "suppressed")
    assert found[cid(7)] not in ("known_dead", "suppressed")


def test_marks_between_digits_keep_two_addresses_apart(tmp_path: Path) -> None:
    address = "CASE i WHEN 0 THEN '文三路1-12号' WHEN 1 THEN '文三路11-2号' WHEN 2 THEN '文三路 1－12号' ELSE '建设路' || i || '号' END AS postal_address"
    customers = TABLES["accepted.customer"].replace(
        "CASE WHEN u(i, 'post') < 0.95 THEN 'Road ' || (i // 2) END AS postal_address", address
    )
    customers = customers.replace(
        "LPAD((100000 + i // 400 % 500)::VARCHAR, 6, '0') AS postcode", "'310000' AS postcode"
    )
    unsubscribed = (
        f"SELECT 'X' AS event_id, 'y' AS campaign_id, '{cid(0)}' AS customer_id, 'post' AS channel, 'unsubscribed' AS kind, "
        "TIMESTAMPTZ '2026-10-10 09:00:00+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
    )
    with open_world(
        small(tmp_path), 30, accepted__customer=customers, accepted__consent=GRANTED, accepted__campaign_event=unsubscribed,
        segment__duplicate_pair=TABLES["segment.duplicate_pair"] + " AND FALSE",
    ) as session:  # fmt: skip
        session.forget("core.text_key")
        found = outcomes(session, channels=[{"channel": "post"}])
    assert [found[cid(number)][1] for number in range(3)] == ["suppressed", None, "suppressed"]


def test_without_its_key_nothing_is_done(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    settings = load_settings(
        tmp_path,
        campaigns={"global_control_share": 0, "contacts": 100},
        services={"warehouse_url": warehouse_url},
    )
    names = defined(tmp_path)
    suppress_customer(settings, ops, cid(FIRST), "deceased", AS_OF)
    first = before(settings, ops, names)
    key = tmp_path / "campaign.key"
    kept, mark = key.read_text(), fingerprint(campaign_key(tmp_path))
    assert mark not in kept
    day = AS_OF + dt.timedelta(days=7)

    def programme() -> int:
        with open_world(settings, PEOPLE, **moved()) as session:
            return len(programme_arm(TableContext(settings, session.run, session)))

    def refused(code: str) -> None:
        with pytest.raises(CampaignError, match=f"{code}.*{mark}"):
            night(settings, ops, day, names, moved())
        with pytest.raises(CampaignError, match=code):
            suppress_customer(settings, ops, cid(1), "asked", day)
        with open_world(settings, PEOPLE, **moved()) as session, pytest.raises(CampaignError, match=code):
            preview(session, ops, [campaign()])
        assert programme() == 0
        errors = [error for error in checkup.look(settings, files=False).errors if error.code == code]
        assert len(errors) == 1
        assert mark in errors[0].message

    key.rename(tmp_path / "elsewhere")
    refused("campaign.key_missing")
    assert not key.exists()
    key.write_text("7" * 64 + "\n")
    refused("campaign.key_changed")
    with ops.connect() as connection:
        assert (
            connection.execute(
                text("SELECT COUNT(*) FROM ops.campaign_run WHERE as_of = :day"), {"day": day}
            ).scalar()
            == 0
        )
    key.write_text(kept)
    assert programme() == PEOPLE
    assert not [
        error for error in checkup.look(settings, files=False).errors if error.code.startswith("campaign.key")
    ]
    stays(first, night(settings, ops, day, names, moved()), names)


def test_a_home_from_before_fingerprints_notes_the_key_it_has(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path)
    suppress_customer(settings, ops, cid(1), "asked", AS_OF)
    for left in (True, False):
        with ops.begin() as connection:
            connection.execute(text("TRUNCATE ops.campaign_key"))
        if left:
            assert known_key(tmp_path, ops) == campaign_key(tmp_path)
            continue
        (tmp_path / "campaign.key").unlink()
        with pytest.raises(CampaignError, match=r"campaign\.key_missing"):
            known_key(tmp_path, ops)
        assert not (tmp_path / "campaign.key").exists()
    # Where nothing is kept under any key, a home makes its own.
    with ops.begin() as connection:
        connection.execute(text("TRUNCATE ops.suppression"))
    assert known_key(tmp_path, ops) == campaign_key(tmp_path)


def test_a_key_lost_for_good_is_made_anew_by_hand(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path, global_control_share=0.3)
    names = defined(tmp_path)
    first = before(settings, ops, names)
    (tmp_path / "campaign.key").unlink()
    with ops.begin() as connection:
        connection.execute(text("TRUNCATE ops.suppression, ops.campaign_arm, ops.campaign_key"))
    with pytest.raises(CampaignError, match=r"campaign\.key_missing"):
        known_key(tmp_path, ops)
    (tmp_path / "campaign.key").write_text("9" * 64 + "\n")
    then = night(settings, ops, AS_OF + dt.timedelta(days=7), names, moved())
    # Lists name customers by their ids, so arms come back whatever the key.
    stays({**first, "held": {}}, then, names)
