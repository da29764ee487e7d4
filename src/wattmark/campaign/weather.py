"""What a campaign without a control group did to energy: use after the contact against what the weather alone would have made of it.

Each account's year before the contact is fitted to the temperature of its region with degree days above and below balance
points of its own (as the billing-period method of CalTRACK 2 does), and the fit says what the months after
would have been. Whatever else changed in those months is in the difference, too: only a control group tells that apart.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt
from scipy import special

from wattmark.campaign.power import lift_parameter
from wattmark.engine.session import Session

Floats = npt.NDArray[np.float64]
Month = tuple[int, int]

BASELINE_MONTHS = 12
LEAST_MONTHS_AFTER = 3
HEATING_C = (10.0, 12.0, 14.0, 16.0, 18.0)
COOLING_C = (18.0, 20.0, 22.0, 24.0, 26.0)
"""Balance points tried, in degrees Celsius: below the first it is heated, above the second cooled."""
_LEVEL = 0.95

# Temperature is by region: of the customer's district, else of its city, else of its province.
_BILLS = """
WITH place AS (SELECT DISTINCT temperature_daily.region_code FROM source.temperature_daily),
member AS (
  SELECT account.account_id, COALESCE(d.region_code, c.region_code, p.region_code) AS region_code,
         CAST(DATE_TRUNC('month', MIN(m.send_on)) AS DATE) AS month
  FROM campaign.contact AS m
  JOIN source.account ON account.customer_id = m.customer_id AND (m.account_id = '' OR account.account_id = m.account_id)
  JOIN source.customer ON customer.customer_id = account.customer_id
  LEFT JOIN place AS d ON d.region_code = customer.region_code
  LEFT JOIN place AS c ON c.region_code = SUBSTR(customer.region_code, 1, 4) || '00'
  LEFT JOIN place AS p ON p.region_code = SUBSTR(customer.region_code, 1, 2) || '0000'
  WHERE m.campaign_id = $campaign AND m.outcome = 'listed'
  GROUP BY account.account_id, COALESCE(d.region_code, c.region_code, p.region_code)
)
SELECT m.account_id, m.region_code, m.month, fct_bill.period, CAST(fct_bill.billed_kwh AS DOUBLE) AS kwh
FROM member AS m JOIN mart.fct_bill ON fct_bill.account_id = m.account_id AND fct_bill.period <= $period
 AND fct_bill.period >= CAST(m.month - to_months(12) AS DATE) AND fct_bill.period <= CAST(m.month + to_months(12) AS DATE) AND fct_bill.period <> m.month
WHERE m.region_code IS NOT NULL
ORDER BY m.account_id, fct_bill.period
"""
_DAYS = "SELECT region_code, day, mean_c FROM source.temperature_daily ORDER BY region_code, day"


@dataclass(frozen=True)
class WeatherEffect:
    """Use after the contact less what the weather would have made of it.

    ``effect_kwh`` is a month's and account's, with the 95% interval over accounts; empty where fewer than the smallest group can
    be judged. ``fit_error`` is the accounts' median error of the fit in its own year, as a share of their mean use.
    """

    accounts: int
    effect_kwh: float | None = None
    low_kwh: float | None = None
    high_kwh: float | None = None
    fit_error: float | None = None


def weather_effect(session: Session, campaign_id: str) -> WeatherEffect | None:
    """The effect of a campaign on those it contacted, normalised for weather; None where there are no temperatures.

    Args:
        session: of the night, with ``campaign.contact`` and ``mart.fct_bill``.
        campaign_id: the campaign.
    """
    days = session.query(_DAYS).read_all().to_pylist()
    if not days:
        return None
    degree = {
        name: _monthly(list(rows)) for name, rows in itertools.groupby(days, key=itemgetter("region_code"))
    }
    bills: dict[tuple[str, Month], dict[str, dict[Month, float]]] = {}
    for row in session.query(_BILLS, campaign=campaign_id).read_all().to_pylist():
        group = bills.setdefault((row["region_code"], _month(row["month"])), {})
        group.setdefault(row["account_id"], {})[_month(row["period"])] = row["kwh"]
    found = [
        _judge(accounts, degree[region], contact) for (region, contact), accounts in sorted(bills.items())
    ]
    effect = np.concatenate([judged[0] for judged in found]) if found else np.empty(0)
    error = np.concatenate([judged[1] for judged in found]) if found else np.empty(0)
    if len(effect) < lift_parameter(session, "smallest_group"):
        return WeatherEffect(len(effect))
    mean = float(effect.mean())
    reach = float(
        special.stdtrit(len(effect) - 1, 0.5 + _LEVEL / 2) * effect.std(ddof=1) / np.sqrt(len(effect))
    )
    return WeatherEffect(len(effect), mean, mean - reach, mean + reach, float(np.median(error)))


def _month(day: dt.date) -> Month:
    return day.year, day.month


def _shifted(month: Month, by: int) -> Month:
    number = month[0] * 12 + month[1] - 1 + by
    return number // 12, number % 12 + 1


def _length(month: Month) -> int:
    following = _shifted(month, 1)
    return (dt.date(*following, 1) - dt.date(*month, 1)).days


def _monthly(days: Sequence[Mapping[str, object]]) -> dict[Month, Floats]:
    """Mean degree days a day of whole months: one value per heating balance point, then one per cooling one."""
    by_month: dict[Month, list[float]] = {}
    for row in days:
        day, mean_c = row["day"], row["mean_c"]
        if isinstance(day, dt.date) and isinstance(mean_c, float):
            by_month.setdefault(_month(day), []).append(mean_c)
    return {
        month: np.array(
            [np.maximum(point - np.array(values), 0).mean() for point in HEATING_C]
            + [np.maximum(np.array(values) - point, 0).mean() for point in COOLING_C]
        )
        for month, values in by_month.items()
        if len(values) == _length(month)
    }


def _judge(
    accounts: Mapping[str, Mapping[Month, float]], degree: Mapping[Month, Floats], contact: Month
) -> tuple[Floats, Floats]:
    """Effect a month and account, and error of the fit, of accounts of one region that were contacted in one month."""
    before = [_shifted(contact, -back) for back in range(BASELINE_MONTHS, 0, -1)]
    billed = {month for months in accounts.values() for month in months}
    after = [
        month
        for month in (_shifted(contact, on) for on in range(1, 13))
        if month in degree and month in billed
    ]
    whole = [
        months
        for _, months in sorted(accounts.items())
        if all(month in months for month in [*before, *after])
    ]
    if not whole or len(after) < LEAST_MONTHS_AFTER or any(month not in degree for month in before):
        return np.empty(0), np.empty(0)
    length = np.array([_length(month) for month in [*before, *after]], np.float64)
    use = np.array([[months[month] for month in [*before, *after]] for months in whole]) / length
    weather = np.array([degree[month] for month in [*before, *after]])
    expected, error = _expected(use[:, : len(before)], weather[: len(before)], weather[len(before) :])
    gap = (use[:, len(before) :] - expected) * length[len(before) :]
    return gap.mean(axis=1), error


def _expected(use: Floats, weather: Floats, later: Floats) -> tuple[Floats, Floats]:
    """Use a day that each account's best fit expects later, and its error as a share of mean use.

    Args:
        use: of the baseline, accounts x months, kWh a day.
        weather: degree days of its months, as ``_monthly`` has them.
        later: those of the months to be told.
    """
    heating, cooling = range(len(HEATING_C)), range(len(HEATING_C), weather.shape[1])
    tried: list[list[int]] = [[], *([column] for column in (*heating, *cooling))]
    tried += [[heat, cool] for heat in heating for cool in cooling]
    best = np.full(len(use), np.inf)
    expected = np.zeros((len(use), len(later)))
    for columns in tried:
        design = np.column_stack([np.ones(len(weather)), weather[:, columns]])
        freedom = len(weather) - design.shape[1]
        slopes, *_ = np.linalg.lstsq(design, use.T, rcond=None)
        spread = ((use.T - design @ slopes) ** 2).sum(axis=0) / freedom
        # Nobody uses less for being colder outside than it has to be heated for.
        better = (slopes[1:] >= 0).all(axis=0) & (spread < best)
        best = np.where(better, spread, best)
        told = np.column_stack([np.ones(len(later)), later[:, columns]]) @ slopes
        expected[better] = told.T[better]
    return expected, np.sqrt(best) / np.maximum(use.mean(axis=1), 1e-9)
