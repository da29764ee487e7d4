"""What a campaign did to energy and money, where meters tell: difference in differences with its power.

Shares (reach, response, conversion, lift) are ``mart.campaign_result``; here is what only meters know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SqlFileError

MONTHS = 3
"""Full months compared before and after the month of the contact."""
POWER = 0.8
LEVEL = 0.95


@dataclass(frozen=True)
class EnergyEffect:
    """Change of an account's monthly energy against the control group.

    Energy in kWh a month and account, money at the mean price of the accounts' bills. ``effect_kwh`` and its
    95% interval are empty where either group has fewer accounts than ``smallest_group``; ``detectable_kwh``
    is the smallest effect that would have been found with a power of 80%. ``verdict`` is helps, harms, unclear
    or too_few, by the direction the campaign wanted; ``in_peak`` says that the energy is that of peak hours.
    """

    campaign_id: str
    contacted: int
    control: int
    effect_kwh: float | None = None
    low_kwh: float | None = None
    high_kwh: float | None = None
    detectable_kwh: float | None = None
    effect_amount: float | None = None
    verdict: str = "too_few"
    in_peak: bool = False


def difference(
    contacted: npt.NDArray[np.float64], control: npt.NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Difference of two means of changes with its interval (Welch) and the smallest detectable difference.

    Args:
        contacted: change an account, after less before.
        control: the same of the control group; both need two values or more.

    Returns:
        difference, low and high end of the 95% interval, and what 80% power would have found.
    """
    parts = [sample.var(ddof=1) / len(sample) for sample in (contacted, control)]
    error = float(np.sqrt(sum(parts)))
    found = float(contacted.mean() - control.mean())
    if error == 0:
        return found, found, found, 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (contacted, control), strict=True)
    )
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * error
    detectable = (stats.norm.ppf(0.5 + LEVEL / 2) + stats.norm.ppf(POWER)) * error
    return found, found - reach, found + reach, float(detectable)


_BILLED = "SELECT account_id, period, billed_kwh AS kwh FROM mart.fct_bill"
# Months all of whose days have intervals: the first and the last handed over are cut.
_PEAK = """
SELECT account_id, period, kwh * peak_share AS kwh FROM mart.fct_consumption_monthly
WHERE days = DATE_DIFF('day', period, CAST(ADD_MONTHS(period, 1) AS DATE))
"""
_CHANGES = """
WITH monthly AS ({monthly}),
member AS (
  SELECT c.campaign_id, c.as_of, a.account_id, c.outcome, CAST(DATE_TRUNC('month', c.send_on) AS DATE) AS month
  FROM campaign.contact AS c JOIN source.account AS a
    ON a.customer_id = c.customer_id AND (c.account_id = '' OR a.account_id = c.account_id)
  WHERE c.campaign_id = $campaign
),
energy AS (
  SELECT m.as_of, m.account_id, m.outcome,
         ROUND(AVG(ROUND(e.kwh * 1000000)) FILTER (WHERE e.period < m.month) * 0.000001, 6) AS before_kwh,
         ROUND(AVG(ROUND(e.kwh * 1000000)) FILTER (WHERE e.period > m.month) * 0.000001, 6) AS after_kwh,
         COUNT(*) FILTER (WHERE e.period < m.month) AS months_before,
         COUNT(*) FILTER (WHERE e.period > m.month) AS months_after
  FROM member AS m
  JOIN monthly AS e ON e.account_id = m.account_id AND e.period <= $period
   AND e.period >= CAST(m.month - to_months(CAST($months AS INTEGER)) AS DATE)
   AND e.period <= CAST(m.month + to_months(CAST($months AS INTEGER)) AS DATE)
  GROUP BY m.as_of, m.account_id, m.outcome
)
SELECT outcome, CAST(after_kwh - before_kwh AS DOUBLE) AS change_kwh
FROM energy
WHERE months_before = $months AND months_after = $months
ORDER BY outcome, account_id, as_of
"""


def _smallest_group(session: Session) -> int:
    """Below how many nothing is stated: the parameter of ``campaign.lift``, for energy as for shares."""
    name = "campaign.lift"
    definition = session.catalog.tables[name]
    if not isinstance(definition, SqlFile):
        raise SqlFileError("campaign.result", f"{name} is no SQL file.")
    return int(
        session.overrides.get(name, {}).get("smallest_group", definition.parameters["smallest_group"].default)
    )


def energy_effect(session: Session, campaign_id: str, wanted: str) -> EnergyEffect:
    """Difference in differences of monthly energy between contacted and control accounts.

    Args:
        session: of the night, with ``campaign.contact`` and ``mart.fct_bill``; for peak hours also with
            ``mart.fct_consumption_monthly``.
        campaign_id: the campaign.
        wanted: ``down`` or ``up`` for billed energy, ``peak_down`` for that of peak hours.
    """
    in_peak = wanted == "peak_down"
    changes = _CHANGES.replace("{monthly}", _PEAK if in_peak else _BILLED)
    rows = session.query(changes, campaign=campaign_id, months=MONTHS).read_all()
    outcome, change = np.array(rows.column("outcome").to_pylist()), rows.column("change_kwh").to_numpy()
    contacted, control = change[outcome == "listed"], change[outcome == "control"]
    smallest = _smallest_group(session)
    if min(len(contacted), len(control)) < smallest:
        return EnergyEffect(campaign_id, len(contacted), len(control))
    found, low, high, detectable = difference(contacted, control)
    sign = 1 if wanted == "up" else -1
    verdict = (
        "helps"
        if min(sign * low, sign * high) > 0
        else "harms"
        if max(sign * low, sign * high) < 0
        else "unclear"
    )
    if in_peak:
        # What leaves the peak comes back at another hour; no mean price says what that is worth.
        return EnergyEffect(
            campaign_id, len(contacted), len(control), found, low, high, detectable, None, verdict, True
        )
    price = session.query(
        "SELECT CAST(SUM(b.total_amount) AS DOUBLE) / NULLIF(CAST(SUM(CAST(b.billed_kwh AS DECIMAL(28, 8))) AS DOUBLE), 0) AS price FROM mart.fct_bill AS b "
        "JOIN source.account AS a ON a.account_id = b.account_id JOIN campaign.contact AS c ON c.customer_id = a.customer_id "
        "WHERE c.campaign_id = $campaign AND b.period = $period",
        campaign=campaign_id,
    ).read_all()["price"][0].as_py()  # fmt: skip
    money = None if price is None else found * price
    return EnergyEffect(
        campaign_id, len(contacted), len(control), found, low, high, detectable, money, verdict
    )
