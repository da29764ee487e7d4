"""Use after a contact against what the weather would have made of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.campaign.test_results import events_of, result_session
from wattmark.campaign.weather import WeatherEffect, weather_effect
from wattmark.contract import load_contract
from wattmark.settings import load_settings

FIRST, CONTACT = dt.date(2025, 6, 1), dt.date(2026, 6, 15)


def mean_c(day: dt.date) -> float:
    """A climate with winters and summers, of which the second summer is two degrees hotter."""
    season = -np.cos(2 * np.pi * (day.timetuple().tm_yday - 20) / 365)
    wave = 3 * np.sin(day.toordinal() * 1.7)
    return float(16 + 13 * season + wave + (2 if day >= dt.date(2026, 6, 1) else 0))


def effect_of(
    home: Path,
    change: float,
    accounts: int = 60,
    days_left_out: tuple[dt.date, ...] = (),
    code: str = "330106",
) -> WeatherEffect | None:
    """Accounts that heat below 14 and cool above 24 degrees by an amount of their own, contacted in June 2026."""
    random = np.random.default_rng(4)
    days = [FIRST + dt.timedelta(days=at) for at in range((dt.date(2026, 11, 1) - FIRST).days)]
    months: dict[dt.date, list[float]] = {}
    for day in days:
        months.setdefault(day.replace(day=1), []).append(mean_c(day))
    people: list[dict[str, Any]] = []
    bills: list[dict[str, Any]] = []
    for number in range(accounts):
        base, heat, cool = random.uniform(3, 8), random.uniform(0, 0.6), random.uniform(0.2, 1.2)
        people.append({"account_id": f"A{number}", "customer_id": f"C{number}", "region_code": code})
        for month, values in months.items():
            kwh = sum(base + heat * max(14 - value, 0) + cool * max(value - 24, 0) for value in values)
            kwh += random.normal(0, 6) + (change if month > CONTACT.replace(day=1) else 0)
            bills.append(
                {"account_id": f"A{number}", "period": month, "billed_kwh": kwh, "total_amount": kwh}
            )
    with result_session(load_settings(home), dt.date(2026, 11, 4), events_of([])) as session:
        for table in ("account", "customer", "temperature_daily"):
            schema = load_contract().tables[table].arrow_schema
            rows = (
                [
                    {"region_code": "330100", "day": day, "mean_c": mean_c(day)}
                    for day in days
                    if day not in days_left_out
                ]
                if table == "temperature_daily"
                else [{name: value for name, value in row.items() if name in schema.names} for row in people]
            )
            session.give(f"accepted.{table}", pa.Table.from_pylist(rows, schema=schema))
        session.give(
            "campaign.contact",
            pa.Table.from_pylist(
                [{"campaign_id": "x", "customer_id": row["customer_id"], "account_id": "", "outcome": "listed", "send_on": CONTACT} for row in people]
            ),
        )  # fmt: skip
        session.give("mart.fct_bill", pa.Table.from_pylist(bills))
        return weather_effect(session, "x")


@pytest.mark.parametrize("change", [0.0, -25.0])
def test_a_hotter_summer_is_no_effect_and_a_seeded_one_is_found(tmp_path: Path, change: float) -> None:
    """Four months after, of which the hot ones use a third more than a year before; temperature is known of the city alone."""
    found = effect_of(tmp_path, change)
    assert found is not None
    assert found.accounts == 60
    assert found.effect_kwh == pytest.approx(change, abs=4)
    assert found.low_kwh is not None
    assert found.high_kwh is not None
    assert found.low_kwh < found.effect_kwh < found.high_kwh
    assert found.fit_error is not None
    assert found.fit_error < 0.1


def test_what_cannot_be_told_is_not_told(tmp_path: Path) -> None:
    # A day without temperature spoils the baseline; another province has none; too few accounts.
    assert effect_of(tmp_path, 0, days_left_out=(dt.date(2026, 1, 10),)) == WeatherEffect(0)
    assert effect_of(tmp_path, 0, code="110101") == WeatherEffect(0)
    assert effect_of(tmp_path, 0, accounts=29) == WeatherEffect(29)
    everything = tuple(FIRST + dt.timedelta(days=at) for at in range(600))
    assert effect_of(tmp_path, 0, days_left_out=everything) is None
