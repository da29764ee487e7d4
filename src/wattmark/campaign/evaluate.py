"""What a campaign did to energy and money, where meters tell: contacted against held back, adjusted for the months before, with its power.

Shares (reach, response, conversion, lift) are ``mart.campaign_result``; here is what only meters know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from wattmark.campaign.power import POWER, lift_parameter
from wattmark.engine.session import Session

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

MONTHS = 3
"""Full months compared before and after the month of the contact."""
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


def adjusted(
    after: Floats, before: Floats, is_contacted: Flags, stratum: Integers
) -> tuple[float, float, float, float]:
    """Difference of two arms after a contact, adjusted for the months before (ANCOVA), with its interval and power.

    The slope on what was before is the arm's own (Lin, Annals of Applied Statistics 7, 2013), each list has its own
    mean, and errors are robust (HC2): never wider for long than the plain difference in differences, and right whatever the
    relation of before and after is.

    Args:
        after: mean energy an account after the contact, kWh a month.
        before: the same before it.
        is_contacted: whether the account's customer was contacted, else control.
        stratum: number of the list, from 0.

    Returns:
        difference, low and high end of the 95% interval, and what 80% power would have found.
    """
    treated = is_contacted.astype(np.float64)
    lists = np.zeros((len(after), int(stratum.max()) + 1))
    lists[np.arange(len(after)), stratum] = 1
    centred = before - before.mean()
    columns = [treated[:, None], lists, centred[:, None], (treated * centred)[:, None]]
    if lists.shape[1] > 1:
        # So that the first coefficient is the mean of the lists' effects by their size.
        columns.append(treated[:, None] * (lists - lists.mean(axis=0))[:, 1:])
    design = np.hstack(columns)
    inverse = np.linalg.pinv(design.T @ design)
    slopes = inverse @ design.T @ after
    leverage = np.clip(np.einsum("ij,jk,ik->i", design, inverse, design), 0, 1 - 1e-9)
    residual = after - design @ slopes
    meat = (design * (residual**2 / (1 - leverage))[:, None]).T @ design
    error = float(np.sqrt((inverse @ meat @ inverse)[0, 0]))
    found = float(slopes[0])
    if error < 1e-9 * max(1.0, float(np.abs(after).max())):
        return found, found, found, 0.0
    freedom = max(len(after) - np.linalg.matrix_rank(design), 1)
    reach = float(special.stdtrit(freedom, 0.5 + LEVEL / 2)) * error
    detectable = (special.ndtri(0.5 + LEVEL / 2) + special.ndtri(POWER)) * error
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
  SELECT contact.campaign_id, contact.as_of, account.account_id, contact.outcome, CAST(DATE_TRUNC('month', contact.send_on) AS DATE) AS month
  FROM campaign.contact JOIN source.account
    ON account.customer_id = contact.customer_id AND (contact.account_id = '' OR account.account_id = contact.account_id)
  WHERE contact.campaign_id = $campaign AND contact.step = ''
),
energy AS (
  SELECT member.as_of, member.account_id, member.outcome,
         ROUND(AVG(ROUND(monthly.kwh * 1000000)) FILTER (WHERE monthly.period < member.month) * 0.000001, 6) AS before_kwh,
         ROUND(AVG(ROUND(monthly.kwh * 1000000)) FILTER (WHERE monthly.period > member.month) * 0.000001, 6) AS after_kwh,
         COUNT(*) FILTER (WHERE monthly.period < member.month) AS months_before,
         COUNT(*) FILTER (WHERE monthly.period > member.month) AS months_after
  FROM member
  JOIN monthly ON monthly.account_id = member.account_id AND monthly.period <= $period
   AND monthly.period >= CAST(member.month - to_months(CAST($months AS INTEGER)) AS DATE)
   AND monthly.period <= CAST(member.month + to_months(CAST($months AS INTEGER)) AS DATE)
  GROUP BY member.as_of, member.account_id, member.outcome
)
SELECT outcome, CAST(after_kwh AS DOUBLE) AS after_kwh, CAST(before_kwh AS DOUBLE) AS before_kwh,
       CAST(DENSE_RANK() OVER (ORDER BY as_of) - 1 AS BIGINT) AS stratum
FROM energy
WHERE months_before = $months AND months_after = $months
ORDER BY outcome, account_id, as_of
"""


def _both_arms(stratum: Integers, is_contacted: Flags) -> Integers:
    """Lists with two accounts or more of either arm."""
    found = [
        number
        for number in np.unique(stratum)
        if min(is_contacted[stratum == number].sum(), (~is_contacted[stratum == number]).sum()) >= 2
    ]
    return np.array(found, np.int64)


def energy_effect(session: Session, campaign_id: str, wanted: str) -> EnergyEffect:
    """Difference of monthly energy after the contact between contacted and control accounts, adjusted for the months before.

    Args:
        session: of the night, with ``campaign.contact`` and ``mart.fct_bill``; for peak hours also with
            ``mart.fct_consumption_monthly``.
        campaign_id: the campaign.
        wanted: ``down`` or ``up`` for billed energy, ``peak_down`` for that of peak hours.
    """
    in_peak = wanted == "peak_down"
    changes = _CHANGES.replace("{monthly}", _PEAK if in_peak else _BILLED)
    rows = session.query(changes, campaign=campaign_id, months=MONTHS).read_all()
    outcome = np.array(rows.column("outcome").to_pylist())
    after, before, stratum = (rows.column(name).to_numpy() for name in ("after_kwh", "before_kwh", "stratum"))
    is_contacted = outcome == "listed"
    # A list of one arm alone compares nothing.
    kept = np.isin(stratum, _both_arms(stratum, is_contacted))
    after, before, is_contacted = after[kept], before[kept], is_contacted[kept]
    stratum = np.unique(stratum[kept], return_inverse=True)[1]
    contacted, control = int(is_contacted.sum()), int((~is_contacted).sum())
    smallest = lift_parameter(session, "smallest_group")
    if min(contacted, control) < smallest:
        return EnergyEffect(campaign_id, contacted, control)
    found, low, high, detectable = adjusted(after, before, is_contacted, stratum)
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
            campaign_id, contacted, control, found, low, high, detectable, None, verdict, True
        )
    price = session.query(
        "SELECT CAST(SUM(fct_bill.total_amount) AS DOUBLE) / NULLIF(CAST(SUM(CAST(fct_bill.billed_kwh AS DECIMAL(28, 8))) AS DOUBLE), 0) AS price FROM mart.fct_bill "
        "JOIN source.account ON account.account_id = fct_bill.account_id JOIN campaign.contact ON contact.customer_id = account.customer_id "
        "WHERE contact.campaign_id = $campaign AND fct_bill.period = $period",
        campaign=campaign_id,
    ).read_all()["price"][0].as_py()  # fmt: skip
    money = None if price is None else found * price
    return EnergyEffect(campaign_id, contacted, control, found, low, high, detectable, money, verdict)
