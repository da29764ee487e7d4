"""Scores accounts for theft: a drop that stays, and an area that loses what the account no longer pays for.

Twelve months of billed energy are freed of season by what others of the usage category do. For each account
the month is sought from which its energy is lowest for good; the energy missing since is held against what
its area has lost since beyond its former rate. A logistic regression weighs these signals. It learns from the
utility's own accounts, into some of which theft is injected (the energy is cut from a month on and lost in
the area), because proven thefts are too few to learn from. Nobody is called a suspect on the score alone: the
drop has to be large and the area has to lose about as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MONTHS = 12
BEFORE, AFTER = 4, 2
"""Fewest months on either side of a drop."""

SEED = 20
MIN_ACCOUNTS = 50
"""Fewest accounts the model is trained on; below, nobody is scored."""

INJECTED_SHARE = 0.2
MIN_DROP = 0.35
"""Least part of the energy that is gone in every month since."""

MIN_Z = 3.5
"""Standard errors by which the area must lose more than before."""

FOLLOW = (0.4, 1.8)
"""Energy lost in the area since, over the energy missing at the account, that fits a theft."""

MIN_PROBABILITY = 0.5
NOISE_SHARE = 0.003
"""Least uncertainty assumed of a monthly loss, as a share of the energy fed in: a 0.5S meter's."""

FEATURES = ("drop", "months_since", "loss_follows", "loss_z", "below_peers", "zero_day_share")


@dataclass(frozen=True)
class Series:
    """Monthly kWh of accounts and areas, each (rows, months); ``area`` and ``group`` are indices by account.

    ``group`` is the usage category, ``kva`` the contracted capacity, ``zero_days`` a share. Unknown is NaN.
    """

    kwh: Floats
    area: Ints
    group: Ints
    kva: Floats
    zero_days: Floats
    supplied: Floats
    loss: Floats


@dataclass(frozen=True)
class Signals:
    """Per account: features (accounts, 6), the month the drop begins (-1 for none) and the kWh missing."""

    features: Floats
    since: Ints
    missing_kwh: Floats


def _nanmedian(values: Floats, axis: int) -> Floats:
    empty = ~np.isfinite(values).any(axis=axis, keepdims=True)
    filled = np.where(empty, 0.0, values)
    found: Floats = np.nanmedian(filled, axis=axis)
    return found


def season(data: Series) -> Floats:
    """What a month is to the median month in each usage category, shape (accounts, months)."""
    level = _nanmedian(np.where(data.kwh > 0, data.kwh, np.nan), 1)
    relative = data.kwh / np.where(level > 0, level, np.nan)[:, None]
    found = np.ones_like(data.kwh)
    for group in np.unique(data.group):
        who = data.group == group
        shape = _nanmedian(relative[who], 0)
        found[who] = np.where(shape > 0.05, shape, 1.0)
    return found


def signals(data: Series) -> Signals:
    """The signals of every account."""
    count = len(data.kwh)
    shape = season(data)
    even = data.kwh / shape
    best, drop, level = np.full(count, -1), np.zeros(count), np.zeros(count)
    strength = np.zeros(count)
    for since in range(BEFORE, MONTHS - AFTER + 1):
        known = np.isfinite(even[:, :since]).sum(axis=1) >= BEFORE
        known &= np.isfinite(even[:, since:]).all(axis=1)
        usual = _nanmedian(even[:, :since], 1)
        lowest = np.nanmin(np.where(np.isfinite(even[:, :since]), even[:, :since], np.inf), axis=1)
        highest = np.where(known, even[:, since:].max(axis=1), np.inf)
        # What stays: every month since lies below every month before.
        gone = np.where(
            known & (usual > 0) & (highest < lowest), 1 - highest / np.where(usual > 0, usual, 1), 0.0
        )
        weight = gone * np.sqrt(min(since, MONTHS - since))
        better = weight > strength
        best, drop = np.where(better, since, best), np.where(better, gone, drop)
        level, strength = np.where(better, usual, level), np.where(better, weight, strength)
    follow, distance, missing_kwh = np.zeros(count), np.zeros(count), np.zeros(count)
    for since in range(BEFORE, MONTHS - AFTER + 1):
        who = np.flatnonzero(best == since)
        if not len(who):
            continue
        missing = np.maximum(level[who, None] * shape[who, since:] - data.kwh[who, since:], 0).sum(axis=1)
        supplied, loss = data.supplied[data.area[who]], data.loss[data.area[who]]
        rate = _nanmedian(loss[:, :since] / np.where(supplied[:, :since] > 0, supplied[:, :since], np.nan), 1)
        excess = loss - rate[:, None] * supplied
        noise = 1.4826 * _nanmedian(np.abs(excess[:, :since]), 1)
        noise = np.maximum(noise, NOISE_SHARE * np.nan_to_num(_nanmedian(supplied, 1)))
        months = MONTHS - since
        total = excess[:, since:].sum(axis=1)
        error = noise * np.sqrt(months * (1 + months / since))
        usable = np.isfinite(total) & (error > 0) & (np.isfinite(loss[:, :since]).sum(axis=1) >= BEFORE)
        distance[who] = np.where(usable, total / np.where(error > 0, error, 1), 0.0)
        follow[who] = np.where(usable & (missing > 0), total / np.where(missing > 0, missing, 1), 0.0)
        missing_kwh[who] = missing
    # Far below the peers of the area and category, by size.
    density = np.log(np.maximum(np.nan_to_num(data.kwh[:, -1]), 1.0) / np.maximum(data.kva, 0.1))
    peers = data.area * (int(data.group.max(initial=0)) + 1) + data.group
    below = np.zeros(count)
    for peer in np.unique(peers):
        who = peers == peer
        below[who] = np.median(density[who]) - density[who]
    features = np.column_stack(
        [
            drop,
            np.where(best >= 0, (MONTHS - best) / MONTHS, 0),
            np.where((follow >= FOLLOW[0]) & (follow <= FOLLOW[1]), 1.0, 0.0),
            np.clip(distance, -5, 10) / 10,
            np.clip(below, -3, 5) / 5,
            np.nan_to_num(data.zero_days),
        ]
    )
    return Signals(features, best, missing_kwh)


def is_corroborated(found: Signals) -> npt.NDArray[np.bool_]:
    """Whether drop and loss together leave no harmless reading; asked besides the score."""
    drop, follows, distance = found.features[:, 0], found.features[:, 2], found.features[:, 3] * 10
    return (drop >= MIN_DROP) & (follows > 0) & (distance >= MIN_Z)


def inject(data: Series, seed: int = SEED) -> tuple[Signals, Ints]:
    """Signals of a fixed fifth of the accounts, each with a theft of its own on paper, and who they are.

    In each round at most one account of an area is changed, so that thefts do not hide in one another.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    able = np.flatnonzero(np.isfinite(data.kwh).all(axis=1) & (data.kwh[:, :BEFORE] > 0).all(axis=1))
    chosen = random.permutation(able)[: int(np.ceil(INJECTED_SHARE * len(able)))]
    shares, months = (
        random.uniform(0.4, 0.95, len(chosen)),
        random.integers(AFTER, MONTHS - BEFORE + 1, len(chosen)),
    )
    turn = np.zeros(len(chosen), dtype=np.int64)
    seen: dict[int, int] = {}
    for number, account in enumerate(chosen):
        area = int(data.area[account])
        turn[number] = seen.get(area, 0)
        seen[area] = turn[number] + 1
    features = np.zeros((len(chosen), len(FEATURES)))
    since, missing = np.zeros(len(chosen), dtype=np.int64), np.zeros(len(chosen))
    # Later turns reuse the first ones: a handful for each area is enough to learn from.
    used = turn < 8
    for number in range(8):
        now = np.flatnonzero(turn == number)
        if not len(now):
            break
        kwh, loss = data.kwh.copy(), data.loss.copy()
        for at in now:
            account, first = chosen[at], MONTHS - months[at]
            taken = shares[at] * kwh[account, first:]
            kwh[account, first:] -= taken
            loss[data.area[account], first:] += taken
        found = signals(Series(kwh, data.area, data.group, data.kva, data.zero_days, data.supplied, loss))
        features[now], since[now] = found.features[chosen[now]], found.since[chosen[now]]
        missing[now] = found.missing_kwh[chosen[now]]
    return Signals(features[used], since[used], missing[used]), chosen[used].astype(np.int64)


def _model() -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=500, solver="lbfgs")


def _training(data: Series) -> tuple[Signals, Floats, Ints, Ints]:
    """The accounts as they are; features and labels with the injected ones below; areas to part folds by."""
    plain = signals(data)
    injected, who = inject(data)
    features = np.vstack([plain.features, injected.features])
    labels = np.concatenate([np.zeros(len(plain.features)), np.ones(len(who))]).astype(np.int64)
    return plain, features, labels, np.concatenate([data.area, data.area[who]])


_ACCOUNTS = (
    "SELECT fed_account.account_id, fed_account.transformer_id, fed_account.usage_category, fed_account.contracted_kva, "
    "fed_account.zero_day_share FROM facts.fed_account ORDER BY fed_account.account_id"
)
_BILLED = (
    "SELECT bill_net.account_id, bill_net.period, bill_net.billed_kwh FROM facts.bill_net "
    "JOIN facts.fed_account ON fed_account.account_id = bill_net.account_id "
    "WHERE bill_net.period > ADD_MONTHS($period, -12) AND bill_net.period <= $period"
)
_LOST = (
    "SELECT area_loss.id, area_loss.period, area_loss.supplied_kwh, area_loss.loss_kwh FROM facts.area_loss "
    "WHERE area_loss.level = 'transformer' AND area_loss.loss_kwh IS NOT NULL"
)
_ASKS = (_ACCOUNTS, _BILLED, _LOST)


def _series(context: TableContext) -> tuple[Series, list[str], list[str]]:
    accounts = context.query(_ACCOUNTS)
    names = accounts["account_id"].to_numpy(zero_copy_only=False).astype(str)
    area_ids, area = np.unique(
        accounts["transformer_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True
    )
    _, group = np.unique(
        accounts["usage_category"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True
    )
    billed = context.query(_BILLED)
    lost = context.query(_LOST)
    last = np.datetime64(context.run.period, "M")

    def month(table: pa.Table) -> Ints:
        at: Ints = (table["period"].to_numpy().astype("datetime64[M]") - last).astype(np.int64) + MONTHS - 1
        return at

    def place(table: pa.Table, key: str, ids: npt.NDArray[np.str_], column: str) -> Floats:
        found = np.full((len(ids), MONTHS), np.nan)
        keys, at = table[key].to_numpy(zero_copy_only=False).astype(str), month(table)
        row = np.searchsorted(ids, keys)
        good = (at >= 0) & (at < MONTHS) & (row < len(ids))
        good[good] &= ids[row[good]] == keys[good]
        found[row[good], at[good]] = table[column].to_numpy().astype(np.float64)[good]
        return found

    data = Series(
        place(billed, "account_id", names, "billed_kwh"),
        area.astype(np.int64),
        group.astype(np.int64),
        np.nan_to_num(accounts["contracted_kva"].to_numpy().astype(np.float64)),
        np.nan_to_num(accounts["zero_day_share"].to_numpy().astype(np.float64)),
        place(lost, "id", area_ids, "supplied_kwh"),
        place(lost, "id", area_ids, "loss_kwh"),
    )
    return data, list(names), list(area_ids)


def _reasons(row: Floats) -> tuple[str, str]:
    """The signals in words, English and Chinese."""
    words: list[tuple[str, str]] = []
    if row[0] >= MIN_DROP:
        months = f"{row[1] * MONTHS:.0f}"
        words.append(
            (
                f"energy fell by {row[0]:.0%} and stays there for {months} months",
                f"电量下降{row[0]:.0%}并已持续{months}个月",
            )
        )
    if row[2] > 0 and row[3] * 10 >= MIN_Z:
        words.append(("the area loses about as much more since then", "此后台区损失增加的电量与之相当"))
    if row[4] * 5 >= 1:
        words.append(("far below peers of the area and category", "远低于同台区同类客户"))
    if row[5] >= 0.2:
        words.append((f"nothing used on {row[5]:.0%} of the days", f"{row[5]:.0%}的天数无用电"))
    return "; ".join(english for english, _ in words), "；".join(chinese for _, chinese in words)


_NEEDS = ("facts.fed_account", "facts.bill_net", "facts.area_loss")


@python_table(
    "facts.theft_score",
    key=("account_id",),
    columns={
        "account_id": "string",
        "transformer_id": "string",
        "score": "double",
        "rank_share": "double",
        "is_suspect": "boolean",
        "drop_share": "double",
        "drop_period": "date",
        "loss_follows": "boolean",
        "loss_z": "double",
        "below_peers": "double",
        "zero_day_share": "double",
        "missing_kwh": "double",
        "reasons": "string",
        "reasons_zh": "string",
    },
    needs=_NEEDS,
    asks=_ASKS,
    grain="one row per account that can be held against its area's loss",
    purpose="How much an account looks like theft, and why.",
    docs={
        "score": "Probability where a fifth of the accounts had theft injected; a rank, not a rate.",
        "rank_share": "Rank over the number of scored accounts; suspects stand first, then the higher score.",
        "is_suspect": "Score, drop and loss of the area all beyond their thresholds.",
        "drop_share": "Part of the energy that is gone in every month since.",
        "drop_period": "First month of the drop.",
        "loss_follows": "The area has lost about the missing energy since.",
        "loss_z": "How far the area's loss since lies above its former rate, in standard errors.",
        "below_peers": "Logarithm of the peers' median energy for each kVA over the account's.",
        "missing_kwh": "Energy missing since the drop.",
        "reasons": "The signals in words.",
        "reasons_zh": "The same in Chinese.",
    },
)
def theft_score(context: TableContext) -> Rows:
    """Scores of all accounts fed by an area with a balance; empty where there are too few to learn from."""
    data, names, areas = _series(context)
    if len(names) < MIN_ACCOUNTS:
        return []
    plain, features, labels, _ = _training(data)
    if labels.min() == labels.max():
        return []
    score = _model().fit(features, labels).predict_proba(plain.features)[:, 1]
    suspect = is_corroborated(plain) & (score >= MIN_PROBABILITY)
    order = np.lexsort((np.array(names), -score, ~suspect))
    rank = np.empty(len(names))
    rank[order] = (np.arange(len(names)) + 1) / len(names)
    period = np.datetime64(context.run.period, "M")
    return [
        {
            "account_id": names[at],
            "transformer_id": areas[data.area[at]],
            "score": round(float(score[at]), 6),
            "rank_share": float(rank[at]),
            "is_suspect": bool(suspect[at]),
            "drop_share": float(row[0]),
            "drop_period": (period - (MONTHS - 1 - int(plain.since[at]))).astype("datetime64[D]").item()
            if row[0] > 0
            else None,
            "loss_follows": bool(row[2] > 0),
            "loss_z": float(row[3] * 10),
            "below_peers": float(row[4] * 5),
            "zero_day_share": float(row[5]),
            "missing_kwh": float(plain.missing_kwh[at]),
            "reasons": _reasons(row)[0],
            "reasons_zh": _reasons(row)[1],
        }
        for at, row in enumerate(plain.features)
    ]


def quality(data: Series) -> dict[str, float]:
    """Metrics on areas the model did not see: folds are parted by area.

    ``leak_auc`` is the AUC of the same training with shuffled labels; anything far from 0.5 would mean that
    something but the signals tells injected accounts apart.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold

    plain, features, labels, areas = _training(data)
    folds = min(5, len(np.unique(areas)))
    if labels.min() == labels.max() or folds < 2:
        return {}
    shuffled = np.random.Generator(np.random.PCG64(SEED)).permutation(labels)
    score, leak = np.zeros(len(labels)), np.zeros(len(labels))
    for train, test in GroupKFold(folds).split(features, labels, areas):
        if labels[train].min() == labels[train].max() or shuffled[train].min() == shuffled[train].max():
            return {}
        score[test] = _model().fit(features[train], labels[train]).predict_proba(features[test])[:, 1]
        leak[test] = _model().fit(features[train], shuffled[train]).predict_proba(features[test])[:, 1]
    gate = is_corroborated(
        Signals(features, np.zeros(len(features), dtype=np.int64), np.zeros(len(features)))
    )
    flagged = gate & (score >= MIN_PROBABILITY)
    # As many as an inspection round of one account in a hundred visits.
    capacity = max(1, len(plain.features) // 100)
    first = np.lexsort((np.arange(len(score)), -score, ~flagged))[:capacity]
    return {
        "auc": float(roc_auc_score(labels, score)),
        "leak_auc": float(roc_auc_score(shuffled, leak)),
        "precision_at_capacity": float(labels[first].mean()),
        "found_share": float(flagged[labels == 1].mean()),
        "untouched_suspect_share": float(flagged[labels == 0].mean()),
        "injected": float(labels.sum()),
    }


@python_table(
    "facts.theft_quality",
    key=("model", "trained_on", "metric"),
    columns={
        "model": "string",
        "trained_on": "date",
        "metric": "string",
        "value": "double",
        "in_use": "boolean",
    },
    needs=_NEEDS,
    asks=_ASKS,
    grain="one row per metric",
    purpose="How well the theft model tells injected thefts from untouched accounts, on unseen areas.",
    docs={"metric": "auc, leak_auc, precision_at_capacity, found_share, untouched_suspect_share, injected"},
)
def theft_quality(context: TableContext) -> Rows:
    """Published quality of the theft model; empty where there are too few accounts."""
    data, names, _ = _series(context)
    found = quality(data) if len(names) >= MIN_ACCOUNTS else {}
    trained_on = context.run.as_of.replace(day=1)
    return [
        {"model": "theft", "trained_on": trained_on, "metric": name, "value": value, "in_use": True}
        for name, value in found.items()
    ]
