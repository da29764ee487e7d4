"""Steps that follow a contact, waves of a large list, and notices that are taken back: nights, releases and what came of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.campaign.test_decide import campaign
from tests.campaign.test_lists import digest
from tests.campaign.test_release_property import GRANTED, OFF
from tests.campaign.test_results import events_of, result_session
from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.lists import make_lists
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.campaign.release import correct, refuse, release
from wattmark.settings import Settings, load_settings

PEOPLE = 60
CALM = {
    "accepted__consent": GRANTED,
    "accepted__campaign_event": TABLES["accepted.campaign_event"] + " AND FALSE",
    "segment__duplicate_pair": TABLES["segment.duplicate_pair"] + " AND FALSE",
}
STEPS = [
    {"step": "reminder", "to": "unanswered", "after_days": 7, "for_days": 3},
    {"step": "thanks", "to": "answered", "after_days": 1, "for_days": 3},
]
SUCCESS = {"event": "converted", "within_days": 30, "value_amount": 10}


def put(home: Path, **changes: Any) -> None:
    """A campaign of the home's own."""
    (home / "campaigns").mkdir(exist_ok=True)
    file = campaign(
        **{
            "channels": [{"channel": "sms"}],
            "control_share": 0.2,
            "exclude": OFF,
            "success": SUCCESS,
            **changes,
        }
    )
    said = file.campaign.model_dump(mode="json", exclude_none=True)
    (home / "campaigns" / f"{file.campaign.id}.yaml").write_text(json.dumps(said))


def alone(settings: Settings) -> Settings:
    """A project without any campaign, so that a night makes the home's own alone."""
    include = settings.home / "project" / "include"
    (include / "campaigns").mkdir(parents=True)
    for path in settings.include.iterdir():
        if path.name != "campaigns":
            (include / path.name).symlink_to(path)
    (include / "campaigns" / "relations").symlink_to(settings.include / "campaigns" / "relations")
    return settings.model_copy(update={"project": include.parent})


def settings_of(home: Path, **more: Any) -> Settings:
    return load_settings(
        home,
        campaigns={
            "global_control_share": 0,
            "contacts": 100,
            "delivery": str(home / "out"),
            **more.pop("campaigns", {}),
        },
        **more,
    )


def night(
    settings: Settings,
    ops: Engine,
    day: dt.date,
    only: tuple[str, ...] = (),
    people: int = PEOPLE,
    **instead: str,
) -> list[CampaignOutcome]:
    """The lists of a night of our own campaigns, made early on the next morning."""
    now = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(2), tzinfo=settings.zone)
    with open_world(settings, people, day, **{**CALM, **instead}) as session:
        return make_lists(settings, session.run, session, ops, only, now)


def leave(
    settings: Settings,
    ops: Engine,
    outcome: CampaignOutcome,
    day: dt.date,
    people: int = PEOPLE,
    **instead: str,
) -> dict[str, dict[str, str]]:
    """Release a list in the morning after its night; returns the rows that left, by customer."""
    now = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(8), tzinfo=settings.zone)
    with open_world(settings, people, day, **{**CALM, **instead}) as session:
        assert release(settings, ops, outcome.campaign_run_id, "boss", digest(outcome), now, session)
    found: dict[str, dict[str, str]] = {}
    for path in (settings.home / "out" / outcome.campaign_run_id).glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["customer_id"] not in found
                found[row["customer_id"]] = row
    return found


def event(at: int, who: str, kind: str, day: str, campaign_id: str = "one") -> str:
    return (
        f"SELECT 'X{at}' AS event_id, '{campaign_id}' AS campaign_id, '{who}' AS customer_id, 'sms' AS channel, '{kind}' AS kind, "
        f"TIMESTAMPTZ '{day} 10:00:00+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
    )


def members(ops: Engine, name: str) -> dict[str, tuple[str, str | None, str | None]]:
    with ops.connect() as connection:
        return {
            row[0]: (row[1], row[2], row[3])
            for row in connection.execute(
                text(
                    "SELECT customer_id, outcome, excluded_by, cell FROM ops.campaign_member WHERE campaign_run_id = :name"
                ),
                {"name": name},
            )
        }


def test_reminders_and_thanks_follow_a_contact_once_and_never_the_control_group(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    put(tmp_path, steps=STEPS, schedule={"dates": [AS_OF.isoformat()]})
    settings = alone(settings_of(tmp_path, services={"warehouse_url": warehouse_url}))
    (campaign_list,) = night(settings, ops, AS_OF)
    first = leave(settings, ops, campaign_list, AS_OF)
    arms = members(ops, campaign_list.campaign_run_id)
    control = {who for who, (outcome, _, _) in arms.items() if outcome == "control"}
    assert control and len(first) > 20
    thanked, replied, silent, refused, dead, merged = sorted(first)[:6]
    known_as = sorted(control)[0]
    answers = [
        event(1, thanked, "converted", "2026-11-09"),
        event(2, replied, "replied", "2026-11-05"),
        event(3, refused, "unsubscribed", "2026-11-05"),
        event(4, known_as, "converted", "2026-11-09"),
        # Of another campaign: no answer to this one.
        event(5, silent, "replied", "2026-11-05", "another"),
    ]
    told = {"accepted__campaign_event": " UNION ALL ".join(answers)}
    # Sent on 3 November: nothing follows before its seventh day.
    assert night(settings, ops, dt.date(2026, 11, 5)) == []
    suppress_customer(settings, ops, dead, "deceased", dt.date(2026, 11, 6))
    tenth = dt.date(2026, 11, 10)
    pair = (
        TABLES["segment.duplicate_pair"]
        + f" AND FALSE UNION ALL SELECT '{merged}', '{known_as}', 1.0, 'identity number'"
    )
    changed = {**told, "segment__duplicate_pair": pair}
    (second,) = night(settings, ops, tenth, **changed)
    found = members(ops, second.campaign_run_id)
    assert second.control == 0 and not set(found) & control
    assert found[thanked][2] == "thanks" and found[silent][2] == "reminder"
    assert found[refused][:2] == ("excluded", "suppressed")
    assert found[dead][1] in ("known_dead", "suppressed")
    # Which of the two arms a merged person keeps is stated elsewhere; of the control group she gets nothing.
    assert found.get(merged, ("excluded", "in_control", None))[1] in (None, "in_control")
    # She replied on the fifth: the days of thanks are over, and a reminder is not for her.
    assert replied not in found
    sent = leave(settings, ops, second, tenth, **changed)
    assert set(sent) <= set(first) and thanked in sent
    assert Counter(row["cell"] for row in sent.values())["thanks"] == 1
    # The same night again makes nothing; later nights give nobody the same step twice.
    assert [again.campaign_run_id for again in night(settings, ops, tenth, **changed)] == [
        second.campaign_run_id
    ]
    for day in (11, 12, 13):
        for more in night(settings, ops, dt.date(2026, 11, day), **changed):
            assert not set(sent) & {
                w for w, (o, _, _) in members(ops, more.campaign_run_id).items() if o == "listed"
            }
    assert night(settings, ops, dt.date(2026, 11, 20), **changed) == []
    with pytest.raises(CampaignError, match="follow"), open_world(settings, PEOPLE, tenth, **CALM) as session:
        correct(settings, session.run, session, ops, "one", "why")


def test_what_came_after_a_step_counts_once_and_for_the_arm_of_the_first_contact(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    put(tmp_path, steps=STEPS[:1], schedule={"dates": [AS_OF.isoformat()]})
    settings = alone(settings_of(tmp_path, services={"warehouse_url": warehouse_url}))
    (outcome,) = night(settings, ops, AS_OF, people=200)
    first = leave(settings, ops, outcome, AS_OF, people=200)
    control = sorted(w for w, (o, _, _) in members(ops, outcome.campaign_run_id).items() if o == "control")
    assert len(first) > 40 and len(control) >= 30
    tenth = dt.date(2026, 11, 10)
    (second,) = night(settings, ops, tenth, people=200)
    sent = leave(settings, ops, second, tenth, people=200)
    # Ten succeed after the reminder, two in time for the first contact alone; three of the control group do by themselves.
    rows = [
        {"event_id": f"E{at}", "campaign_id": "one", "customer_id": who, "channel": "sms", "kind": "converted",
         "occurred_at": dt.datetime(2026, 11, 20, 10, tzinfo=settings.zone)}
        for at, who in enumerate([*sorted(sent)[:10], *control[:3]])
    ]  # fmt: skip
    late = rows[0] | {"event_id": "L", "customer_id": sorted(sent)[20], "occurred_at": dt.datetime(2026, 12, 8, 10, tzinfo=settings.zone)}  # fmt: skip
    with result_session(settings, dt.date(2026, 12, 31), events_of([*rows, late])) as session:
        found = {
            row["cell"]: row
            for row in session.query("SELECT * FROM mart.campaign_result WHERE channel IN ('sms', 'all')").read_all().to_pylist()
        }  # fmt: skip
        contacts = (
            session.query("SELECT * FROM campaign.contact WHERE converted OR won").read_all().to_pylist()
        )
        checked = session.query("SELECT * FROM campaign.arm_check").read_all().to_pylist()
    # Credited once, to the reminder; the last came in its days, and after those of the first contact.
    assert found["reminder"]["converted"] == 11 and found["standard"]["converted"] == 0
    assert (found["all"]["converted"], found["all"]["control_converted"]) == (11, 3)
    assert found["all"]["listed"] == len(first) + len(sent)
    assert found["all"]["considered"] == 200
    assert sum(row["won"] for row in contacts if row["outcome"] == "listed") == 10
    assert not any(row["won"] for row in contacts if row["step"])
    assert found["all"]["lift"] == pytest.approx(10 / len(first) - 3 / len(control))
    assert (found["reminder"]["lift"], found["reminder"]["verdict"]) == (None, "no_control")
    assert {row["listed"] for row in checked} == {len(first)}


def test_waves_follow_by_the_daily_limit_until_nobody_is_left_over(tmp_path: Path, ops: Engine) -> None:
    put(
        tmp_path,
        channels=[{"channel": "sms", "daily_limit": 12, "days": "every_day"}],
        limits={"waves": 4, "size": 40, "again_after_days": 90},
        schedule={"dates": [AS_OF.isoformat()]},
    )
    settings = alone(settings_of(tmp_path))
    days = [AS_OF + dt.timedelta(days=number) for number in range(7)]
    left: dict[str, dict[str, str]] = {}
    arms: dict[str, str] = {}
    refused = ""
    for number, day in enumerate(days):
        said = (
            {"accepted__campaign_event": event(1, refused, "unsubscribed", "2026-11-03")} if refused else {}
        )
        made = night(settings, ops, day, **said)
        assert night(settings, ops, day, **said) == made
        if not made:
            break
        (campaign_list,) = made
        assert campaign_list.listed <= 12
        found = members(ops, campaign_list.campaign_run_id)
        for who, (outcome, _, cell) in found.items():
            if cell is not None and outcome != "excluded":
                assert arms.setdefault(who, cell) == cell
        if number == 0:
            # Somebody who is left over says no before her wave.
            refused = sorted(w for w, (o, _, c) in found.items() if o == "over_limit" and c != "control")[0]
        sent = leave(settings, ops, campaign_list, day, **said)
        assert len(sent) <= 12 and not set(sent) & set(left)
        assert {row["send_on"] for row in sent.values()} == {(day + dt.timedelta(days=1)).isoformat()}
        left |= sent
    assert number == 4, "four lists, and nothing on the fifth night"
    assert 24 < len(left) <= 40
    assert refused not in left
    assert not {who for who in left if arms[who] == "control"}


def test_no_wave_follows_a_list_that_was_refused(tmp_path: Path, ops: Engine) -> None:
    put(
        tmp_path,
        channels=[{"channel": "sms", "daily_limit": 5, "days": "every_day"}],
        limits={"waves": 5},
        schedule={"dates": [AS_OF.isoformat()]},
    )
    settings = alone(settings_of(tmp_path))
    (outcome,) = night(settings, ops, AS_OF)
    (second,) = night(settings, ops, AS_OF + dt.timedelta(days=1))
    assert second.listed == 5
    refuse(settings, ops, outcome.campaign_run_id, "boss", "not this text")
    assert night(settings, ops, AS_OF + dt.timedelta(days=2)) == []


def test_a_wave_whose_day_passed_goes_out_when_there_is_room(tmp_path: Path, ops: Engine) -> None:
    put(
        tmp_path,
        channels=[{"channel": "sms", "daily_limit": 8, "days": "every_day"}],
        limits={"waves": 3},
        schedule={"dates": [AS_OF.isoformat()]},
    )
    settings = alone(settings_of(tmp_path))
    next_day = AS_OF + dt.timedelta(days=1)
    (first,), (second,) = night(settings, ops, AS_OF), night(settings, ops, next_day)
    assert (first.listed, second.listed) == (8, 8)
    # Approved on the fourth, when the first list's day is over and the second one's is not.
    sent = leave(settings, ops, first, next_day)
    other = leave(settings, ops, second, next_day)
    assert {row["send_on"] for row in other.values()} == {"2026-11-04"}
    assert {row["send_on"] for row in sent.values()} == {"2026-11-05"}


def outage(
    status: str, starts: str = "2026-11-06 08:30", line: str = "'L1'", transformer: str = "NULL"
) -> dict[str, str]:
    return {
        "accepted__planned_outage": f"SELECT 'PO1' AS outage_id, {line} AS line_id, {transformer} AS transformer_id, "
        f"TIMESTAMPTZ '{starts}:00+08' AS starts_at, TIMESTAMPTZ '{starts}:00+08' + INTERVAL 3 HOUR AS ends_at, "
        f"'work' AS reason, '{status}' AS status, TIMESTAMPTZ '2026-11-01 00:00:00+08' AS updated_at FROM range(1) AS r(i) WHERE {{n}} > 0"
    }


def outage_night(settings: Settings, ops: Engine, day: dt.date, **instead: str) -> list[CampaignOutcome]:
    now = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(2), tzinfo=settings.zone)
    with open_world(settings, 400, day, **{**CALM, **instead}) as session:
        made = make_lists(settings, session.run, session, ops, ["planned-outage"], now)
    assert [outcome.problem for outcome in made] == [""]
    return made


def let_outage_go(
    settings: Settings, ops: Engine, outcome: CampaignOutcome, now: dt.datetime, **instead: str
) -> dict[str, dict[str, str]]:
    with open_world(settings, 400, now.date(), **{**CALM, **instead}) as session:
        assert release(
            settings, ops, outcome.campaign_run_id, "network-operations", digest(outcome), now, session
        )
    found = {}
    for path in (settings.home / "out" / outcome.campaign_run_id).glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            found.update({row["account_id"]: row for row in csv.DictReader(stream)})
    return found


BEHIND = {f"A{at:08}" for at in range(1, 400, 100)}
"""Accounts of line L1."""


def test_an_outage_is_told_once_a_day_before_and_taken_back_where_it_is_off(
    tmp_path: Path, ops: Engine
) -> None:
    settings = settings_of(tmp_path)
    zone = settings.zone
    (outcome,) = outage_night(settings, ops, AS_OF, **outage("planned"))
    told = let_outage_go(
        settings, ops, outcome, dt.datetime(2026, 11, 3, 9, tzinfo=zone), **outage("planned")
    )
    assert told and set(told) <= BEHIND
    assert all(
        "08:30" in row["message_text"] + row.get("message_script", "")
        for row in told.values()
        if row["channel"] != "phone"
    )
    # The next night has nobody to tell: it was told.
    (again,) = outage_night(settings, ops, dt.date(2026, 11, 3), **outage("planned"))
    assert (again.listed, again.state) == (0, "refused")
    # It is put off by an hour: another notice.
    later = outage("planned", "2026-11-06 09:30")
    (moved,) = outage_night(settings, ops, dt.date(2026, 11, 4), **later)
    assert moved.listed == len(told)
    # Approved on its last day, it goes out a day before; but it is off by then, so nobody is told.
    with pytest.raises(CampaignError, match="nobody"):
        let_outage_go(
            settings,
            ops,
            moved,
            dt.datetime(2026, 11, 5, 9, tzinfo=zone),
            **outage("cancelled", "2026-11-06 09:30"),
        )
    with ops.connect() as connection:
        reasons = set(
            connection.execute(
                text("SELECT DISTINCT reason FROM ops.campaign_drop WHERE campaign_run_id = :name"),
                {"name": moved.campaign_run_id},
            ).scalars()
        )
    assert reasons == {"cancelled"}
    # Whom the first notice reached hears that it is off, once.
    off = outage("cancelled")
    (back,) = outage_night(settings, ops, dt.date(2026, 11, 5), **off)
    assert {cell for _, _, cell in members(ops, back.campaign_run_id).values()} == {"taken_back"}
    heard = let_outage_go(settings, ops, back, dt.datetime(2026, 11, 6, 8, tzinfo=zone), **off)
    assert set(heard) == set(told)
    assert all(
        "off" in row["message_text"] or "取消" in row["message_text"]
        for row in heard.values()
        if "message_text" in row
    )


def test_an_outage_is_not_told_on_the_day_itself(tmp_path: Path, ops: Engine) -> None:
    settings = settings_of(tmp_path)
    # Tomorrow's is too late to be told a day before; that of a transformer concerns those behind it alone.
    (outcome,) = outage_night(settings, ops, AS_OF, **outage("planned", "2026-11-03 20:30"))
    assert outcome.listed == 0
    ops_now = outage("planned", "2026-11-06 08:30", "'L1'", "'T301'")
    (two,) = outage_night(settings, ops, dt.date(2026, 11, 3), **ops_now)
    with ops.connect() as connection:
        accounts = set(
            connection.execute(
                text(
                    "SELECT account_id FROM ops.campaign_member WHERE campaign_run_id = :name AND NOT is_seed"
                ),
                {"name": two.campaign_run_id},
            ).scalars()
        )
    assert accounts == {"A00000301"}
    # Released so late that it would go out on the day itself, nobody is told.
    if two.listed:
        with pytest.raises(CampaignError, match=r"nobody|had to be approved"):
            let_outage_go(
                settings,
                ops,
                two,
                dt.datetime(2026, 11, 4, 23, 30, tzinfo=settings.zone) + dt.timedelta(days=1),
                **ops_now,
            )
