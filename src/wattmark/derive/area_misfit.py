"""Finds accounts whose energy is missing in another area than the one they are recorded in.

An account that hangs on another transformer than its file says is sold in the wrong balance: its own area
loses exactly its energy less each day, the true one exactly as much more. Both are regressions of a
daily loss on the account's daily energy, with what a loss follows anyway (a constant, the area's load and
its square) taken out first. A coefficient near -1 in the own area together with one near +1 in another,
both many standard errors from 0, is what no clean account shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table

Floats = npt.NDArray[np.float64]

WINDOW_DAYS = 62
"""Days up to the end of the audited month; the regression needs a month, two are steadier."""

MIN_DAYS = 21
"""Fewest days of both account and area."""

MIN_T = 5.0
"""Standard errors from 0 that count, one-sided 5e-6 with a month of days, in each of the two regressions."""

MIN_SHARE = 0.5
"""Least part of the account's energy that must move from one balance to the other."""

MAX_SHARE = 1.5
"""Most of it: a loss that moves by more than the account uses has another cause."""

SCORED_INJECTIONS = 24
"""Accounts moved on paper, one at a time, to publish how many of such the detector finds."""


@dataclass(frozen=True)
class Balances:
    """Daily energy of accounts, shape (accounts, days), and of areas, shape (areas, days), in kWh.

    ``own`` is the area of each account, shape (accounts,). A day that is not known is NaN.
    """

    energy: Floats
    own: npt.NDArray[np.int64]
    supplied: Floats
    loss: Floats


def movement(energy: Floats, supplied: Floats, loss: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """How the loss of one area moves with the energy of each account.

    Args:
        energy: kWh, shape (accounts, days).
        supplied: kWh fed into the area, shape (days,).
        loss: kWh lost in it, shape (days,).

    Returns:
        the share of each account's energy by which the loss moves, its distance from 0 in standard errors
        (0 where there are too few days), and the days used; each of shape (accounts,).
    """
    known = np.isfinite(supplied) & np.isfinite(loss)
    complete = np.isfinite(energy) & known
    days = complete.sum(axis=1)
    share, distance = np.zeros(len(energy)), np.zeros(len(energy))
    patterns, pattern_of = np.unique(complete, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        freedom = int(pattern.sum()) - 4
        if pattern.sum() < MIN_DAYS:
            continue
        who = np.flatnonzero(pattern_of.reshape(-1) == number)
        load = supplied[pattern] / max(float(np.mean(np.abs(supplied[pattern]))), 1e-9)
        basis, _ = np.linalg.qr(np.column_stack([np.ones_like(load), load, load**2]))
        moved = energy[np.ix_(who, np.flatnonzero(pattern))]
        moved = moved - (moved @ basis) @ basis.T
        left = loss[pattern] - basis @ (basis.T @ loss[pattern])
        power = (moved**2).sum(axis=1)
        varies = power > 1e-9
        slope = np.where(varies, moved @ left / np.where(varies, power, 1.0), 0.0)
        rest = ((left[None, :] - slope[:, None] * moved) ** 2).sum(axis=1) / freedom
        error = np.sqrt(np.maximum(rest, 1e-9) / np.where(varies, power, 1.0))
        share[who], distance[who] = slope, np.where(varies, slope / error, 0.0)
    return share, distance, days


def _own(data: Balances) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    share, distance = np.zeros(len(data.own)), np.zeros(len(data.own))
    days = np.zeros(len(data.own), dtype=np.int64)
    for area in np.unique(data.own):
        who = np.flatnonzero(data.own == area)
        share[who], distance[who], days[who] = movement(
            data.energy[who], data.supplied[area], data.loss[area]
        )
    return share, distance, days


def _is_missing_here(share: Floats, distance: Floats) -> npt.NDArray[np.bool_]:
    return (share <= -MIN_SHARE) & (share >= -MAX_SHARE) & (distance <= -MIN_T)


def _best_other(data: Balances, account: int) -> tuple[int, float, float]:
    """The area whose loss moves most with an account: index (-1 for none), share and distance."""
    best = (-1, 0.0, 0.0)
    for area in range(len(data.supplied)):
        if area == data.own[account]:
            continue
        share, distance, _ = movement(
            data.energy[account : account + 1], data.supplied[area], data.loss[area]
        )
        if MIN_SHARE <= share[0] <= MAX_SHARE and distance[0] > best[2]:
            best = (area, float(share[0]), float(distance[0]))
    return best


@dataclass(frozen=True)
class Misfit:
    """Where an account probably hangs (index of the area), and what speaks for it."""

    area: int
    own_share: float
    own_t: float
    other_share: float
    other_t: float

    @property
    def score(self) -> float:
        """The weaker of the two distances from 0, in standard errors."""
        return min(-self.own_t, self.other_t)


def find_misfits(data: Balances) -> dict[int, Misfit]:
    """The accounts that hang elsewhere, by index, the surest first.

    Each one found is put where it belongs before the next is sought: neighbours use energy at the same hours,
    and a misplaced account makes them look misplaced too. At most one account in a hundred is moved.
    """
    loss = data.loss.copy()
    share, distance, _ = _own(data)
    found: dict[int, Misfit] = {}
    for _ in range(max(1, len(data.own) // 100)):
        now = Balances(data.energy, data.own, data.supplied, loss)
        best: tuple[int, Misfit] | None = None
        for account in np.flatnonzero(_is_missing_here(share, distance)):
            if int(account) in found:
                continue
            area, other_share, other_t = _best_other(now, int(account))
            misfit = Misfit(area, float(share[account]), float(distance[account]), other_share, other_t)
            if area >= 0 and misfit.score >= MIN_T and (best is None or misfit.score > best[1].score):
                best = (int(account), misfit)
        if best is None:
            break
        moved, place = best
        found[moved] = place
        used = np.nan_to_num(data.energy[moved])
        loss[data.own[moved]] += used
        loss[place.area] -= used
        for area in (int(data.own[moved]), place.area):
            who = np.flatnonzero(data.own == area)
            share[who], distance[who], _ = movement(data.energy[who], data.supplied[area], loss[area])
    return found


_IN_WINDOW = f"day <= $period_end AND DATE_DIFF('day', day, $period_end) < {WINDOW_DAYS}"
_AREAS = f"SELECT id, day, supplied_kwh, loss_kwh FROM facts.area_loss_daily WHERE level = 'transformer' AND {_IN_WINDOW}"
_ACCOUNTS = (
    "SELECT fed_account.account_id, fed_account.transformer_id, account_consumption_daily.day, account_consumption_daily.kwh FROM facts.fed_account "
    "JOIN facts.account_consumption_daily ON account_consumption_daily.account_id = fed_account.account_id "
    f"WHERE {_IN_WINDOW}"
)


def _balances(context: TableContext) -> tuple[Balances, list[str], list[str]]:
    first = np.datetime64(context.run.period_end) - WINDOW_DAYS
    areas = context.query(f"{_AREAS} ORDER BY id, day")
    accounts = context.query(f"{_ACCOUNTS} ORDER BY account_id, day")
    area_ids, area_at = np.unique(areas["id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    supplied = np.full((len(area_ids), WINDOW_DAYS), np.nan)
    loss = supplied.copy()
    area_day = (areas["day"].to_numpy() - first).astype("timedelta64[D]").astype(np.int64) - 1
    supplied[area_at, area_day] = areas["supplied_kwh"].to_numpy()
    loss[area_at, area_day] = areas["loss_kwh"].to_numpy()
    names = accounts["account_id"].to_numpy(zero_copy_only=False).astype(str)
    account_ids, first_row, account_at = np.unique(names, return_index=True, return_inverse=True)
    energy = np.full((len(account_ids), WINDOW_DAYS), np.nan)
    account_day = (accounts["day"].to_numpy() - first).astype("timedelta64[D]").astype(np.int64) - 1
    energy[account_at, account_day] = accounts["kwh"].to_numpy()
    own_ids = accounts["transformer_id"].to_numpy(zero_copy_only=False).astype(str)[first_row]
    own = np.searchsorted(area_ids, own_ids) if len(area_ids) else np.zeros(len(own_ids), dtype=np.int64)
    known = (own < len(area_ids)) & (np.append(area_ids, "")[np.minimum(own, len(area_ids))] == own_ids)
    data = Balances(energy[known], own[known].astype(np.int64), supplied, loss)
    return data, list(account_ids[known]), list(area_ids)


_NEEDS = ("facts.area_loss_daily", "facts.fed_account", "facts.account_consumption_daily")


@python_table(
    "facts.area_misfit",
    key=("account_id",),
    columns={
        "account_id": "string",
        "own_transformer_id": "string",
        "other_transformer_id": "string",
        "own_share": "double",
        "own_t": "double",
        "other_share": "double",
        "other_t": "double",
        "days": "integer",
        "score": "double",
        "is_suspect": "boolean",
    },
    needs=_NEEDS,
    asks=(_AREAS, _ACCOUNTS),
    grain="one row per account that can be held against its area's daily loss",
    purpose="Whether an account's energy is missing in another area than its own.",
    docs={
        "own_share": "Part of its daily energy by which its own area's loss moves; -1 if it hangs elsewhere.",
        "own_t": "Its distance from 0 in standard errors.",
        "other_transformer_id": "The area whose loss moves with the account most, of a suspect.",
        "other_share": "Part by which the loss of that area moves; +1 is what the true area shows.",
        "other_t": "Its distance from 0 in standard errors.",
        "days": "Days compared.",
        "score": "The weaker of the two distances; 0 without another area.",
        "is_suspect": "Both beyond the threshold.",
    },
)
def area_misfit(context: TableContext) -> Rows:
    """Scores of all accounts that can be compared; only suspects are tried in other areas."""
    data, accounts, areas = _balances(context)
    share, distance, days = _own(data)
    placed = find_misfits(data)
    rows = []
    for number, account in enumerate(accounts):
        found = placed.get(number)
        rows.append(
            {
                "account_id": account,
                "own_transformer_id": areas[data.own[number]],
                "other_transformer_id": areas[found.area] if found else None,
                "own_share": found.own_share if found else float(share[number]),
                "own_t": found.own_t if found else float(distance[number]),
                "other_share": found.other_share if found else None,
                "other_t": found.other_t if found else None,
                "days": int(days[number]),
                "score": found.score if found else 0.0,
                "is_suspect": found is not None,
            }
        )
    return rows


@python_table(
    "facts.area_misfit_quality",
    key=("model", "trained_on", "metric"),
    columns={
        "model": "string",
        "trained_on": "date",
        "metric": "string",
        "value": "double",
        "in_use": "boolean",
    },
    needs=_NEEDS,
    asks=(_AREAS, _ACCOUNTS),
    grain="one row per metric",
    purpose="How many accounts moved on paper the detector finds, and how many it suspects that were not.",
    docs={
        "metric": "auc (own-area distance, moved against unmoved), found_share, found_area_share, "
        "unmoved_suspect_share, injected",
    },
)
def area_misfit_quality(context: TableContext) -> Rows:
    """Detection measured by injection: each chosen account is moved alone."""
    from sklearn.metrics import roc_auc_score

    data, _, areas = _balances(context)
    _, distance, days = _own(data)
    able = np.flatnonzero(days >= MIN_DAYS)
    if len(areas) < 2 or len(able) < 2:
        return []
    chosen = able[
        np.unique(np.linspace(0, len(able) - 1, min(SCORED_INJECTIONS, len(able))).astype(np.int64))
    ]
    found = right = 0
    moved_distance = []
    for account in chosen:
        own = int(data.own[account])
        true = (own + 1) % len(areas)
        used = np.nan_to_num(data.energy[account])
        loss, supplied = data.loss.copy(), data.supplied.copy()
        supplied[own] -= used
        loss[own] -= used
        supplied[true] += used
        loss[true] += used
        moved = Balances(data.energy, data.own, supplied, loss)
        moves, far, _ = movement(data.energy[account : account + 1], supplied[own], loss[own])
        moved_distance.append(-float(far[0]))
        if _is_missing_here(moves, far)[0]:
            other = _best_other(moved, int(account))
            found += other[2] >= MIN_T
            right += other[2] >= MIN_T and other[0] == true
    labels = np.concatenate([np.ones(len(chosen)), np.zeros(len(able))])
    flagged = len(find_misfits(data))
    metrics = {
        "auc": float(roc_auc_score(labels, np.concatenate([moved_distance, -distance[able]]))),
        "found_share": found / len(chosen),
        "found_area_share": right / len(chosen),
        "unmoved_suspect_share": flagged / len(able),
        "injected": float(len(chosen)),
    }
    trained_on = context.run.as_of.replace(day=1)
    return [
        {"model": "area_misfit", "trained_on": trained_on, "metric": name, "value": value, "in_use": True}
        for name, value in metrics.items()
    ]
