"""Probability models: fitted on what came before a cut-off, tested on what came after.

A model is a logistic regression over features between 0 and 1, so that it can be written down as one
coefficient a feature and recomputed by hand: ``p = 1 / (1 + exp(-(intercept + sum(coefficient x value))))``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

INTERCEPT = "intercept"
CALIBRATION_GROUPS = 10


@dataclass(frozen=True)
class Model:
    """A model in numbers; ``means`` are the training means, against which reasons are measured."""

    trained_on: dt.date | None
    coefficients: dict[str, float]
    means: dict[str, float] = field(default_factory=dict)

    def logits(self, columns: Mapping[str, Floats], size: int) -> Floats:
        """Log odds of ``size`` rows; features the rows lack count 0.

        The sum runs in the order of the features' names, so it is the same on every machine.
        """
        total = np.full(size, self.coefficients.get(INTERCEPT, 0.0))
        for name in sorted(self.coefficients):
            if name in columns:
                total += self.coefficients[name] * columns[name]
        return total

    def probabilities(self, columns: Mapping[str, Floats], size: int) -> Floats:
        """Probabilities of ``size`` rows, rounded to 6 places so that no later cut hangs on the last bit."""
        return np.round(1.0 / (1.0 + np.exp(-self.logits(columns, size))), 6)


def fit(columns: Mapping[str, Floats], failed: Truths, trained_on: dt.date) -> Model:
    """Fit on rows in a fixed order, with one thread; coefficients are rounded to 6 places."""
    from sklearn.linear_model import LogisticRegression

    names = sorted(columns)
    matrix = np.column_stack([columns[name] for name in names])
    with threadpool_limits(limits=1):
        regression = LogisticRegression(C=1.0, max_iter=1000, tol=1e-8).fit(matrix, failed)
    coefficients = {
        name: round(float(value), 6) for name, value in zip(names, regression.coef_[0], strict=True)
    }
    coefficients[INTERCEPT] = round(float(regression.intercept_[0]), 6)
    means = {name: round(float(np.mean(columns[name])), 6) for name in names}
    return Model(trained_on, coefficients, means)


def measures(probability: Floats, failed: Truths) -> dict[str, float]:
    """Quality on rows the model has not seen.

    Returns:
        ``events`` and ``rows`` (counts); and where both outcomes occur ``auc`` (area under the ROC curve) with
        ``auc_low`` and ``auc_high`` (95% limits after Hanley and McNeil 1982: wide where events are few),
        ``ks`` (largest gap between the two cumulated distributions), ``brier`` (mean squared error), and for
        each tenth of the rows by probability ``calibration_NN_predicted`` and ``_observed``.
    """
    from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

    found = {"rows": float(len(failed)), "events": float(np.sum(failed))}
    if 0 < found["events"] < found["rows"]:
        false_rate, true_rate, _ = roc_curve(failed, probability)
        found["auc"] = round(float(roc_auc_score(failed, probability)), 6)
        spread = 1.96 * auc_error(found["auc"], found["events"], found["rows"] - found["events"])
        found["auc_low"] = round(max(found["auc"] - spread, 0.0), 6)
        found["auc_high"] = round(min(found["auc"] + spread, 1.0), 6)
        found["ks"] = round(float(np.max(true_rate - false_rate)), 6)
        found["brier"] = round(float(brier_score_loss(failed, probability)), 6)
        order = np.argsort(probability, kind="stable")
        for number, part in enumerate(np.array_split(order, CALIBRATION_GROUPS), start=1):
            if len(part):
                found[f"calibration_{number:02d}_predicted"] = round(float(np.mean(probability[part])), 6)
                found[f"calibration_{number:02d}_observed"] = round(float(np.mean(failed[part])), 6)
    return found


def auc_error(auc: float, events: float, others: float) -> float:
    """Standard error of an AUC by Hanley and McNeil (Radiology 143, 1982)."""
    two_events, two_others = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = (
        auc * (1 - auc) + (events - 1) * (two_events - auc * auc) + (others - 1) * (two_others - auc * auc)
    )
    return float(np.sqrt(max(spread, 0.0) / (events * others)))


_WHY = {
    "kept": ("trained this month already", "本月已训练"),
    "few": ("too few events to train on: {found} of {needed}", "事件过少，不予训练：{found} 个，至少需 {needed} 个"),
    "chance": (
        "its AUC {auc} on the test is below {least}, hardly better than chance",
        "检验 AUC 为 {auc}，低于 {least}，与随机相差无几",
    ),
    "worse": (
        "the challenger's AUC {auc} is worse than {base} by more than {margin}",
        "挑战模型的 AUC {auc} 比现用的 {base} 低 {margin} 以上",
    ),
    "alike": (
        "put in use: AUC {auc} against {base} before, no more than {margin} apart",
        "启用：AUC {auc}，原为 {base}，相差不超过 {margin}",
    ),
    "better": ("put in use: AUC {auc} against {base} before", "启用：AUC {auc}，原为 {base}"),
    "judged": ("the scorecard stands in: its coefficients are judged, not measured", "暂用评分卡：系数由经验设定，未经检验"),
    "off": (
        "{times} times as many took it up in the test as predicted; more than {most} times off",
        "检验中实际办理数为预测的 {times} 倍，偏差超过 {most} 倍",
    ),
    "good": ("put in use: AUC {auc} on the year after its training", "启用：以训练后一年检验，AUC 为 {auc}"),
    "unsure": (
        "its AUC {auc} on the test may be as low as {low} (95%), so that it cannot be told from chance",
        "检验 AUC 为 {auc}，其 95% 下限为 {low}，无法与随机区分",
    ),
    "untested": (
        "too few events to test it on: {found} of {needed}",
        "检验所用事件过少：{found} 个，至少需 {needed} 个",
    ),
    "dropped": ("the champion's AUC {auc} has fallen below {least}", "原用模型的 AUC 已降至 {auc}，低于 {least}"),
}  # fmt: skip
"""Why a model was chosen, in English and in Chinese."""


@dataclass(frozen=True)
class Why:
    """A reason in both languages."""

    en: str
    zh: str

    @classmethod
    def of(cls, *codes: str, **values: float) -> Why:
        """The reasons of some codes, one after the other."""
        pairs = [_WHY[code] for code in codes]
        return cls(
            "; ".join(en for en, _ in pairs).format(**values),
            "；".join(zh for _, zh in pairs).format(**values),
        )


@dataclass(frozen=True)
class Choice:
    """Which model scores tonight, and why; ``candidates`` are (role, model, measures)."""

    model: Model
    role: str
    why: Why
    candidates: tuple[tuple[str, Model, dict[str, float]], ...]


@dataclass(frozen=True)
class Limits:
    """When a model may be put in use (see ``segment.model_parameter``)."""

    min_events: int
    margin: float
    min_auc: float


def unproven(found: Mapping[str, float], limits: Limits) -> Why | None:
    """Why what a model says must not be shown, by its own test; None where it is good enough.

    It is where the test holds ``min_events`` of either outcome, the AUC is at least ``min_auc`` and its lower 95%
    limit lies above 0.5, which is chance.

    Args:
        found: what ``measures`` returned.
        limits: as for ``choose``.
    """
    fewest = int(min(found.get("events", 0.0), found.get("rows", 0.0) - found.get("events", 0.0)))
    if fewest < limits.min_events or "auc" not in found:
        return Why.of("untested", found=fewest, needed=limits.min_events)
    if found["auc"] < limits.min_auc:
        return Why.of("chance", auc=found["auc"], least=limits.min_auc)
    if found["auc_low"] <= 0.5:
        return Why.of("unsure", auc=found["auc"], low=found["auc_low"])
    return None


def choose(
    train: tuple[Mapping[str, Floats], Truths],
    test: tuple[Mapping[str, Floats], Truths],
    champion: Model | None,
    scorecard: Model,
    trained_on: dt.date,
    limits: Limits,
) -> Choice:
    """Train a challenger and decide whether it is put in use.

    A challenger needs ``min_events`` of either outcome in training and in test, an AUC on the test of at least
    ``min_auc``, and one not more than ``margin`` below that of the model in use until now (the champion, else
    the scorecard). A champion of the same training date stays as it is, so that a month has one model. A
    champion whose AUC on enough events falls below ``min_auc`` gives way to the scorecard.
    """
    columns, failed = test

    def measured(role: str, model: Model) -> tuple[str, Model, dict[str, float]]:
        return role, model, measures(model.probabilities(columns, len(failed)), failed)

    def chosen(
        taken: tuple[str, Model, dict[str, float]], why: Why, *others: tuple[str, Model, dict[str, float]]
    ) -> Choice:
        return Choice(taken[1], taken[0], why, (taken, *others))

    incumbent = measured("champion", champion) if champion else measured("scorecard", scorecard)
    stands_in = () if champion else ("judged",)
    if champion is not None and champion.trained_on == trained_on:
        return chosen(incumbent, Why.of("kept"))
    counts = [int(np.sum(part[1])) for part in (train, test)] + [
        int(np.sum(~part[1])) for part in (train, test)
    ]
    if min(counts) < limits.min_events:
        why = Why.of("few", *stands_in, found=min(counts), needed=limits.min_events)
        return chosen(incumbent, why)
    challenger = measured("challenger", fit(train[0], train[1], trained_on))
    auc, base = challenger[2]["auc"], incumbent[2]["auc"]
    known = {"auc": auc, "base": base, "margin": limits.margin, "least": limits.min_auc}
    refused = "chance" if auc < limits.min_auc else "worse" if auc < base - limits.margin else ""
    if not refused:
        return chosen(
            challenger, Why.of("better" if auc > base + limits.margin else "alike", **known), incumbent
        )
    if champion is not None and base < limits.min_auc:
        why = Why.of("dropped", "judged", **(known | {"auc": base}))
        return chosen(measured("scorecard", scorecard), why, incumbent, challenger)
    return chosen(incumbent, Why.of(refused, *stands_in, **known), challenger)


@dataclass(frozen=True)
class Takers:
    """When a model of who takes a service up is good enough (see ``segment.lookalike_parameter``)."""

    min_events: int
    min_auc: float
    most_off: float


def judge_takers(
    train: tuple[Mapping[str, Floats], Truths],
    test: tuple[Mapping[str, Floats], Truths],
    kept: Model | None,
    trained_on: dt.date,
    limits: Takers,
) -> tuple[str, Model | None, dict[str, float], bool, Why]:
    """Train a model of who takes a service up, unless this month has one, and say whether it is good enough.

    It needs ``min_events`` of either outcome in training and in test, an AUC on the test of ``min_auc``, and a number of
    takers in the test that is not ``most_off`` times more or fewer than it predicts. Nothing stands in for it.

    Args:
        train: features and outcomes of earlier years.
        test: those of the last year, which no training has seen.
        kept: the model in use before, or None.
        trained_on: first of the month.
        limits: what is good enough.

    Returns:
        role (champion, challenger or none), the model, its measures on the test (and ``times_predicted``), whether it is
        used, and why.
    """
    columns, took = test
    if kept is not None and kept.trained_on == trained_on:
        return "champion", kept, _of_takers(kept, columns, took), True, Why.of("kept")
    counts = [int(np.sum(part)) for _, outcome in (train, test) for part in (outcome, ~outcome)]
    if min(counts) < limits.min_events:
        found = {"rows": float(len(took)), "events": float(np.sum(took))}
        return "none", None, found, False, Why.of("few", found=min(counts), needed=limits.min_events)
    model = fit(train[0], train[1], trained_on)
    measured = _of_takers(model, columns, took)
    auc, times = measured["auc"], measured["times_predicted"]
    if auc < limits.min_auc:
        return "challenger", model, measured, False, Why.of("chance", auc=auc, least=limits.min_auc)
    if not 1 / limits.most_off <= times <= limits.most_off:
        return "challenger", model, measured, False, Why.of("off", times=times, most=limits.most_off)
    return "challenger", model, measured, True, Why.of("good", auc=auc)


def _of_takers(model: Model, columns: Mapping[str, Floats], took: Truths) -> dict[str, float]:
    chance = model.probabilities(columns, len(took))
    found = measures(chance, took)
    if float(np.sum(chance)):
        found["times_predicted"] = round(float(np.sum(took)) / float(np.sum(chance)), 3)
    return found


def reason_codes(
    model: Model, columns: Mapping[str, Floats], size: int, most: int, least: float
) -> list[list[str]]:
    """For each row the features that raise it most above the mean, strongest first.

    Args:
        model: the model in use.
        columns: features of ``size`` rows.
        size: number of rows.
        most: largest number of features a row gets.
        least: smallest contribution to the log odds that counts.
    """
    names = [name for name in sorted(columns) if model.coefficients.get(name)]
    if not names or not size:
        return [[] for _ in range(size)]
    parts = np.column_stack(
        [
            np.round(model.coefficients[name] * (columns[name] - model.means.get(name, 0.0)), 6)
            for name in names
        ]
    )
    order = np.argsort(-parts, axis=1, kind="stable")[:, :most]
    kept = np.where(np.take_along_axis(parts, order, axis=1) >= least, order, -1)
    # Few combinations occur: each is put in words once.
    unique, inverse = np.unique(kept, axis=0, return_inverse=True)
    texts = [[names[at] for at in row if at >= 0] for row in unique.tolist()]
    return [texts[at] for at in inverse.reshape(-1).tolist()]


def bands(probability: Floats, cuts: Sequence[float]) -> npt.NDArray[np.int64]:
    """Band 1 to len(cuts) + 1; a probability on a cut belongs to the higher band."""
    return np.searchsorted(np.asarray(sorted(cuts)), probability, side="right").astype(np.int64) + 1
