"""From a released list to its result; and a simulated year whose true lifts are known."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from tests.campaign.test_lists import NOW, digest, make, release
from tests.campaign.world import AS_OF, open_world
from wattmark.campaign.evaluate import adjusted, energy_effect
from wattmark.campaign.lists import make_lists
from wattmark.campaign.release import release as let_go
from wattmark.campaign.report import write_report
from wattmark.contract import load_contract
from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

NAMES = (
    "campaign.run", "campaign.member", "campaign.referral", "campaign.happening", "campaign.contact", "campaign.arm_check", "campaign.lift", "mart.campaign_arms", "mart.programme_result", "mart.campaign_result",
    "mart.campaign_segment_result", "mart.campaign_take_up",
    "mart.contact_history", "mart.campaign_calendar", "core.calendar",
)  # fmt: skip


def result_session(settings: Settings, as_of: dt.date, events: pa.Table) -> DuckDBSession:
    known = load_catalog(PROJECT_ROOT / "include").tables
    catalog = Catalog(contract=load_contract(), tables={name: known[name] for name in NAMES})
    session = DuckDBSession(settings, Run.of(as_of, settings.utility.time_zone), catalog, stored=False)
    session.give("accepted.campaign_event", events)
    return session


def events_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=load_contract().tables["campaign_event"].arrow_schema)


def programme() -> pa.Table:
    """A quarter in which the programme saved energy, and a measure of which too few are held out."""
    result = {
        "quarter": dt.date(2026, 7, 1), "measure": "energy_kwh", "treated": 980, "held_out": 20,
        "treated_mean": 300.0, "held_out_mean": 302.0, "difference": -2.0, "low": -3.5, "high": -0.5,
    }  # fmt: skip
    return pa.Table.from_pylist(
        [result, result | {"measure": "leaving", "difference": None, "low": None, "high": None}]
    )


def test_from_a_released_list_to_its_result(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    outcome = make(settings, ops, ["auto-debit-and-e-bill"])["auto-debit-and-e-bill"]
    nothing = events_of([])
    with result_session(settings, AS_OF + dt.timedelta(days=1), nothing) as session:
        assert session.query("SELECT * FROM campaign.member").read_all().num_rows == 0, "not released yet"
    assert release(settings, ops, outcome.campaign_run_id, "head-of-marketing", digest(outcome), NOW)
    with result_session(settings, AS_OF, nothing) as session:
        assert session.query("SELECT * FROM campaign.run").read_all().num_rows == 0, (
            "a night does not look at its own lists"
        )
    with result_session(settings, AS_OF + dt.timedelta(days=1), nothing) as session:
        total = (
            session.query("SELECT * FROM mart.campaign_result WHERE cell = 'all'").read_all().to_pylist()[0]
        )
        assert (total["considered"], total["listed"], total["control"]) == (
            outcome.considered,
            outcome.listed,
            outcome.control,
        )
        assert float(total["cost_amount"]) == pytest.approx(outcome.cost_amount, abs=0.01)
        session.give("mart.programme_result", programme())
        page = write_report(session, tmp_path / "report")
        said = (tmp_path / "report" / "programme.html").read_text(encoding="utf-8")
        assert "1 of 1 intervals leave out 0" in said
        assert "-3.50 to -0.5000" in said
        assert "too few to tell" in said
        assert "Auto debit and e-bill" in page.read_text(encoding="utf-8")
        assert (tmp_path / "report" / "auto-debit-and-e-bill.html").exists()
        assert "http" not in page.read_text(encoding="utf-8")
        history = session.query("SELECT COUNT(*) AS n FROM mart.contact_history").read_all().to_pylist()
        assert history == [{"n": outcome.listed}]


def test_the_interval_is_newcombes(tmp_path: Path) -> None:
    """56 of 70 against 48 of 80: 0.2, 0.0524 to 0.3339 (Newcombe, Statistics in Medicine 17, 1998, example a)."""
    with result_session(load_settings(tmp_path), AS_OF, events_of([])) as session:
        session.give(
            "campaign.contact",
            pa.Table.from_pylist(
                [
                    {
                        "campaign_id": "x", "outcome": outcome, "cell": cell, "channel": "sms", "segment": "s", "is_final": True, "delivered": True,
                        "responded": False, "complained": False, "converted": at < good, "won": at < good, "step": "", "value_amount": 0.0, "cost_amount": 0.0,
                        "as_of": AS_OF, "campaign_run_id": "R", "offer_amount": 0.0, "has_control": True,
                    }
                    for outcome, cell, count, good in (("listed", "a", 70, 56), ("control", "control", 80, 48))
                    for at in range(count)
                ]
            ),
        )  # fmt: skip
        row = (
            session.query(
                "SELECT lift, lift_low, lift_high, verdict FROM mart.campaign_result WHERE cell = 'a'"
            )
            .read_all()
            .to_pylist()[0]
        )
    assert (round(row["lift"], 4), round(row["lift_low"], 4), round(row["lift_high"], 4), row["verdict"]) == (
        0.2,
        0.0524,
        0.3339,
        # One look at one row would have called it an effect.
        "unclear",
    )


def accounts_around_a_contact(
    random: np.random.Generator, effect: float, carry: float, lists: int = 1
) -> tuple[Any, Any, Any, Any]:
    """After, before, arm and list of 500 accounts; ``carry`` is how much of what was before comes again."""
    before = random.normal(300, 80, 500)
    stratum = random.integers(0, lists, 500)
    is_contacted = random.random(500) < 0.8 - 0.3 * stratum
    noise = random.normal(0, np.where(is_contacted, 30, 60))
    after = 300 + carry * (before - 300) + effect * is_contacted + noise - 40 * stratum
    return after, before, is_contacted, stratum


@pytest.mark.parametrize(("carry", "lists"), [(1.0, 1), (0.3, 1), (0.7, 2)])
def test_the_adjusted_difference_covers_the_truth_and_knows_its_power(carry: float, lists: int) -> None:
    random = np.random.default_rng(7)
    covered = found = 0
    sharpness = []
    for _ in range(300):
        effect, low, high, detectable = adjusted(*accounts_around_a_contact(random, -10, carry, lists))
        assert low < effect < high
        covered += low <= -10 <= high
        sharpness.append(detectable)
    assert 0.91 <= covered / 300 <= 0.985, covered
    detectable = float(np.mean(sharpness))
    for _ in range(300):
        _, low, high, _ = adjusted(*accounts_around_a_contact(random, detectable, carry, lists))
        found += low > 0 or high < 0
    assert 0.7 <= found / 300 <= 0.9, found


def test_adjusting_for_the_months_before_is_sharper_than_subtracting_them() -> None:
    """Where a third of a difference comes again, changes carry the noise of both; 80 * 0.7 and the noise against the noise."""
    after, before, is_contacted, stratum = accounts_around_a_contact(np.random.default_rng(3), 0, 0.3)
    _, low, high, _ = adjusted(after, before, is_contacted, stratum)
    change = after - before
    plain = sum(change[arm].var(ddof=1) / arm.sum() for arm in (is_contacted, ~is_contacted)) ** 0.5
    assert (high - low) / (2 * 1.96 * plain) < 0.85


def test_what_follows_from_the_months_before_has_no_width() -> None:
    before = np.array([1.0, 2.0, 3.0, 4.0])
    arms = np.array([True, False, True, False])
    found = adjusted(2 * before - 3 * arms, before, arms, np.zeros(4, np.int64))
    assert found == pytest.approx((-3.0, -3.0, -3.0, 0.0))


CAMPAIGNS_A_MONTH = 16


def _definition(name: str, day: dt.date) -> str:
    return json.dumps(
        {
            "id": name, "name": {"en": name}, "objective": "To be measured.", "owner": "test", "purpose": "marketing",
            "valid_from": "2026-01-01", "valid_to": "2026-12-31", "schedule": {"dates": [day.isoformat()]},
            "audience": {"grain": "customer", "where": "TRUE"}, "control_share": 0.3,
            "channels": [{"channel": "sms"}, {"channel": "email"}], "approval": {"by": ["boss"]},
            "success": {"event": "converted", "within_days": 20, "value_amount": 10},
        }
    )  # fmt: skip


def _event(number: int, campaign: str, customer: str, channel: str, when: dt.datetime) -> dict[str, Any]:
    return {
        "event_id": f"E{number}", "campaign_id": campaign, "customer_id": customer, "channel": channel,
        "kind": "converted", "occurred_at": when, "value_amount": None,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_simulated_year(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    """Twelve nights, each with campaigns of seeded lift, late and repeated events: intervals cover the truth."""
    settings = load_settings(
        tmp_path,
        services={"warehouse_url": warehouse_url},
        campaigns={"contacts": 1000, "global_control_share": 0.02},
    )
    (tmp_path / "campaigns").mkdir()
    # The same key, the same assignment: the year is the same each time.
    (tmp_path / "campaign.key").write_text("5" * 64)
    random = np.random.default_rng(2026)
    truth: dict[str, float] = {}
    events: list[dict[str, Any]] = []
    for month in range(1, 13):
        day = dt.date(2026, month, 3)
        names = [f"sim-{month:02}-{at:02}" for at in range(CAMPAIGNS_A_MONTH)]
        for name in names:
            (tmp_path / "campaigns" / f"{name}.yaml").write_text(_definition(name, day))
        released = dt.datetime.combine(day, dt.time(20), tzinfo=dt.UTC)
        with open_world(settings, 3000, day) as session:
            made = make_lists(settings, session.run, session, ops, names, released)
            assert [outcome.problem for outcome in made if outcome.problem] == []
            for campaign in made:
                let_go(settings, ops, campaign.campaign_run_id, "boss", digest(campaign), released, session)
        for campaign in made:
            base = random.uniform(0.02, 0.3)
            truth[campaign.campaign_id] = random.uniform(-0.5, 1.0) * base
            with ops.connect() as connection:
                members = connection.execute(
                    text(
                        "SELECT customer_id, outcome, channel FROM ops.campaign_member WHERE campaign_run_id = :n AND outcome IN ('listed', 'control')"
                    ),
                    {"n": campaign.campaign_run_id},
                ).all()
            for customer, outcome, channel in members:
                chance = base + (truth[campaign.campaign_id] if outcome == "listed" else 0)
                if outcome == "listed" and random.random() < 0.1:
                    # Before the sending, or when the time is over: counts for nothing.
                    stray = released + dt.timedelta(days=float(random.choice([-5, 40])))
                    events.append(_event(len(events), campaign.campaign_id, customer, channel, stray))
                if random.random() < chance:
                    when = released + dt.timedelta(days=float(random.uniform(1, 18)))
                    for _ in range(1 + int(random.random() < 0.2)):
                        events.append(_event(len(events), campaign.campaign_id, customer, channel, when))
    with result_session(settings, dt.date(2026, 12, 31), events_of(events)) as session:
        rows = (
            session.query(
                "SELECT campaign_id, lift, lift_low, lift_high FROM mart.campaign_result WHERE cell = 'all'"
            )
            .read_all()
            .to_pylist()
        )
    assert len(rows) == 12 * CAMPAIGNS_A_MONTH

    def covered(shift: float = 0.0, share: float = 1.0) -> float:
        """Share of intervals that hold the truth: moved by ``shift``, or their widths cut to a share."""
        held = 0
        for row in rows:
            middle, low, high = row["lift"], row["lift_low"], row["lift_high"]
            true = truth[row["campaign_id"]] + shift
            held += middle - share * (middle - low) <= true <= middle + share * (high - middle)
        return held / len(rows)

    assert 0.90 <= covered() <= 0.99, covered()
    # Neither wide intervals nor lucky ones pass: a lift off by 4 points, or intervals cut by a third, would not.
    assert covered(shift=0.04) < 0.90, covered(shift=0.04)
    assert covered(shift=-0.04) < 0.90, covered(shift=-0.04)
    assert covered(share=0.66) < 0.90, covered(share=0.66)
    print(f"{len(rows)} campaigns, {len(events)} events: {covered():.3f} of the intervals hold the true lift")


def energy_world(settings: Settings, effect_kwh: float, accounts: int = 600, seed: int = 11) -> DuckDBSession:
    """Bills of contacted (two in three) and control accounts around a contact in July; all use 30 kWh more after it."""
    random = np.random.default_rng(seed)
    session = result_session(settings, dt.date(2026, 11, 4), events_of([]))
    contact, bills, owners = [], [], []
    for number in range(accounts):
        account, customer = f"A{number}", f"C{number}"
        listed = number % 3 > 0
        usual = float(random.uniform(100, 400))
        owners.append({"account_id": account, "customer_id": customer})
        contact.append(
            {
                "campaign_id": "x", "as_of": dt.date(2026, 7, 10), "customer_id": customer, "account_id": account,
                "outcome": "listed" if listed else "control", "send_on": dt.date(2026, 7, 13), "step": "",
            }
        )  # fmt: skip
        for month in (4, 5, 6, 7, 8, 9, 10, 11):
            kwh = usual + float(random.normal(0, 40)) + (30 + (effect_kwh if listed else 0)) * (month > 7)
            # The month of the contact, and one that is not over, would spoil the means.
            kwh = 1e6 if month in (7, 11) else kwh
            # Whose months are not all there tells nothing.
            if number % 50 == 0 and month == 9:
                continue
            bills.append(
                {
                    "account_id": account,
                    "period": dt.date(2026, month, 1),
                    "billed_kwh": kwh,
                    "total_amount": 0.5 * kwh,
                }
            )
    columns = load_contract().tables["account"].arrow_schema
    session.give("accepted.account", pa.Table.from_pylist(owners, schema=columns))
    session.give("campaign.contact", pa.Table.from_pylist(contact))
    session.give("mart.fct_bill", pa.Table.from_pylist(bills))
    return session


@pytest.mark.parametrize(
    ("effect", "wanted", "verdict"), [(-20, "down", "helps"), (-20, "up", "harms"), (0, "down", "unclear")]
)
def test_energy_and_money_of_a_seeded_effect_are_recovered(
    tmp_path: Path, effect: float, wanted: str, verdict: str
) -> None:
    with energy_world(load_settings(tmp_path), effect) as session:
        found = energy_effect(session, "x", wanted)
    assert (found.contacted, found.control, found.verdict) == (392, 196, verdict)
    assert found.effect_kwh is not None
    assert found.low_kwh is not None
    assert found.high_kwh is not None
    assert found.detectable_kwh is not None
    assert found.effect_amount is not None
    assert found.low_kwh < effect < found.high_kwh
    # Means of three months with a spread of 40 kWh: a change spreads by 40 * sqrt(2 / 3).
    error = 40 * (2 / 3) ** 0.5 * (1 / 392 + 1 / 196) ** 0.5
    assert found.high_kwh - found.low_kwh == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found.detectable_kwh == pytest.approx((1.96 + 0.8416) * error, rel=0.1)
    assert found.effect_amount == pytest.approx(0.5 * found.effect_kwh)


def test_energy_of_peak_hours_is_told_by_whole_months_of_intervals(tmp_path: Path) -> None:
    with energy_world(load_settings(tmp_path), -20) as session:
        session.duck.execute(
            "CREATE TABLE mart.fct_consumption_monthly AS SELECT account_id, period, CAST(4 AS DOUBLE) * billed_kwh AS kwh, 0.25 AS peak_share, "
            "DATE_DIFF('day', period, CAST(period + INTERVAL 1 MONTH AS DATE)) AS days FROM mart.fct_bill"
        )
        session.knows("mart.fct_consumption_monthly")
        billed, peak = energy_effect(session, "x", "down"), energy_effect(session, "x", "peak_down")
        session.duck.execute("UPDATE mart.fct_consumption_monthly SET days = 29 WHERE month(period) = 10")
        cut = energy_effect(session, "x", "peak_down")
    assert peak.effect_kwh == pytest.approx(billed.effect_kwh)
    assert (peak.verdict, peak.effect_amount, peak.in_peak) == ("helps", None, True)
    assert (cut.contacted, cut.control, cut.verdict) == (0, 0, "too_few")


@pytest.mark.slow
def test_the_interval_of_energy_covers_the_truth_in_ninety_to_ninety_nine_of_a_hundred(
    tmp_path: Path,
) -> None:
    covered = 0
    for seed in range(100):
        with energy_world(load_settings(tmp_path), -10, 120, seed) as session:
            found = energy_effect(session, "x", "down")
        assert found.low_kwh is not None
        assert found.high_kwh is not None
        covered += found.low_kwh <= -10 <= found.high_kwh
    assert 90 <= covered <= 99


@pytest.mark.parametrize(("accounts", "control"), [(90, 29), (93, 30)])
def test_energy_of_too_few_is_not_stated(tmp_path: Path, accounts: int, control: int) -> None:
    """Every third account is control; one of them has not all its months."""
    with energy_world(load_settings(tmp_path), 0, accounts) as session:
        found = energy_effect(session, "x", "down")
    assert found.control == control
    assert (found.verdict == "too_few", found.effect_kwh is None) == (control < 30, control < 30)
