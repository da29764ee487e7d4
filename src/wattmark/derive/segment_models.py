"""Arrears and leaving: trained models, their quality, and a score with reasons for each live account."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import numpy as np
import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import scoring, state

log = logging.getLogger(__name__)

FEATURES = {
    "arrears": (
        "business", "large_bill", "last_late", "late_share", "no_history", "not_automatic", "open_level",
        "temporary", "very_late_share",
    ),
    "leaving": (
        "closing_order", "complained", "falling_load", "new_supply", "no_use", "own_generation", "temporary",
    ),
}  # fmt: skip
"""Features of each model, all between 0 and 1."""

HISTORY = {"arrears": "segment.arrears_history", "leaving": "segment.leave_history"}

WORDS = {
    "business": ("business use", "非居民用电"),
    "large_bill": ("large bills", "电费金额大"),
    "last_late": ("the last bill was paid late or is open", "最近一期电费逾期缴纳或未缴"),
    "late_share": ("bills are often paid late", "经常逾期缴费"),
    "no_history": ("no bill has been due yet", "尚无到期账单"),
    "not_automatic": ("pays neither by bank debit nor in advance", "未办理银行代扣或预付费"),
    "open_level": ("bills are open past their due date", "有逾期未缴账单"),
    "temporary": ("temporary supply", "临时用电"),
    "very_late_share": ("bills were paid more than 30 days late", "曾逾期 30 天以上缴费"),
    "closing_order": ("an order to close or move is open", "有在途销户或迁址工单"),
    "complained": ("complained within a year", "一年内有投诉"),
    "falling_load": ("uses less than a year ago", "用电量较上年下降"),
    "new_supply": ("supplied for less than a year", "用电不满一年"),
    "no_use": ("used no energy for three months", "连续三个月无用电量"),
    "own_generation": ("has own generation", "有自发电"),
}
"""What each feature is called where a person reads it, in English and in Chinese."""

GOOD_ENOUGH = "good_enough"
"""The metric that says whether a model's own test lets its scores be shown."""

NOTHING = ("nothing points to it", "无明显征兆")
SEPARATORS = ("; ", "；")


def _floats(rows: pa.Table, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in names}


def _scorecard(context: TableContext, model: str) -> scoring.Model:
    rows = context.query(
        "SELECT feature, coefficient FROM segment.scorecard WHERE model = $model", model=model
    )
    return scoring.Model(
        None, dict(zip(*(rows.column(name).to_pylist() for name in ("feature", "coefficient")), strict=True))
    )


def _limits(context: TableContext) -> scoring.Limits:
    settings = context.query("SELECT min_events, margin, min_auc FROM segment.model_parameter").to_pylist()[0]
    return scoring.Limits(settings["min_events"], settings["margin"], settings["min_auc"])


def kept_model(context: TableContext, model: str) -> scoring.Model | None:
    """The model that the night before had in use; None where it had none that was trained."""
    rows = [row for row in state.newest_before(context.session, "model").to_pylist() if row["model"] == model]
    rows = [
        row for row in rows if row["in_use"] and row["kind"] in ("coefficient", "mean") and row["trained_on"]
    ]
    if not rows:
        return None
    parts: dict[str, dict[str, float]] = {"coefficient": {}, "mean": {}}
    for row in rows:
        parts[row["kind"]][row["name"]] = row["value"]
    return scoring.Model(rows[0]["trained_on"], parts["coefficient"], parts["mean"])


@python_table(
    "segment.model",
    key=("model", "role", "kind", "name"),
    columns={
        "model": "string",
        "role": "string",
        "trained_on": "date",
        "kind": "string",
        "name": "string",
        "value": "double",
        "in_use": "boolean",
        "reason": "string",
        "reason_zh": "string",
    },
    needs=(
        "segment.arrears_history",
        "segment.leave_history",
        "segment.model_parameter",
        "segment.scorecard",
    ),
    grain="one row per model, role (scorecard, champion, challenger), and coefficient, mean or metric",
    purpose="Trains the models once a month, measures them on what came after the training, and says which is in use and why.",
    docs={
        "trained_on": "First of the month it was trained in; empty for a scorecard.",
        "kind": "coefficient, mean (of a feature in training) or metric (on the test).",
        "in_use": "Whether the scores of this night come from it.",
        "reason": "Why the model in use was chosen.",
        "reason_zh": "The same in Chinese.",
    },
)
def model(context: TableContext) -> Rows:
    """Coefficients, means and metrics of every model considered this night."""
    limits = _limits(context)
    trained_on = context.run.as_of.replace(day=1)
    found: list[dict[str, Any]] = []
    for name, features in FEATURES.items():
        columns = ", ".join(features)
        rows = context.query(
            f"SELECT cut_no, failed, {columns} FROM {HISTORY[name]} "
            "WHERE cut_no > 0 AND failed IS NOT NULL ORDER BY cut_no, account_id"
        )
        is_test = rows.column("cut_no").to_numpy() == 1
        failed = rows.column("failed").to_numpy(zero_copy_only=False).astype(bool)
        values = _floats(rows, features)
        choice = scoring.choose(
            ({key: value[~is_test] for key, value in values.items()}, failed[~is_test]),
            ({key: value[is_test] for key, value in values.items()}, failed[is_test]),
            kept_model(context, name),
            _scorecard(context, name),
            trained_on,
            limits,
        )
        log.log(
            logging.INFO
            if choice.role == "challenger" or choice.why == scoring.Why.of("kept")
            else logging.WARNING,
            "Model %s: the %s is in use; %s",
            name,
            choice.role,
            choice.why.en,
        )
        for role, candidate, metrics in choice.candidates:
            for kind, numbers in (
                ("coefficient", candidate.coefficients),
                ("mean", candidate.means),
                ("metric", {**metrics, GOOD_ENOUGH: float(scoring.unproven(metrics, limits) is None)}),
            ):
                found.extend(
                    {
                        "model": name, "role": role, "trained_on": candidate.trained_on, "kind": kind, "name": key,
                        "value": value, "in_use": role == choice.role, "reason": choice.why.en,
                        "reason_zh": choice.why.zh,
                    }
                    for key, value in sorted(numbers.items())
                )  # fmt: skip
    return found


def _in_use(context: TableContext, name: str) -> scoring.Model:
    rows = context.query(
        "SELECT trained_on, kind, name, value FROM segment.model WHERE model = $model AND in_use ORDER BY kind, name",
        model=name,
    ).to_pylist()
    parts: dict[str, dict[str, float]] = {"coefficient": {}, "mean": {}, "metric": {}}
    trained: dt.date | None = None
    for row in rows:
        parts[row["kind"]][row["name"]] = row["value"]
        trained = row["trained_on"]
    return scoring.Model(trained, parts["coefficient"], parts["mean"])


def _scored(context: TableContext, name: str) -> tuple[pa.Table, Any, list[tuple[str, str]]]:
    features = FEATURES[name]
    settings = context.query(
        "SELECT most_reasons, least_contribution FROM segment.model_parameter"
    ).to_pylist()[0]
    columns = ", ".join(features)
    rows = context.query(
        f"SELECT account_id, {columns} FROM {HISTORY[name]} WHERE cut_no = 0 ORDER BY account_id"
    )
    values = _floats(rows, features)
    used = _in_use(context, name)
    probability = used.probabilities(values, rows.num_rows)
    codes = scoring.reason_codes(
        used, values, rows.num_rows, settings["most_reasons"], settings["least_contribution"]
    )
    words: dict[tuple[str, ...], tuple[str, str]] = {}
    texts = []
    for code in codes:
        text = words.get(tuple(code))
        if text is None:
            text = words[tuple(code)] = in_words(code)
        texts.append(text)
    return rows, probability, texts


def in_words(codes: list[str]) -> tuple[str, str]:
    """Reasons in English and in Chinese, in the order given."""
    if not codes:
        return NOTHING
    return SEPARATORS[0].join(WORDS[code][0] for code in codes), SEPARATORS[1].join(
        WORDS[code][1] for code in codes
    )


_SCORE_COLUMNS = {
    "account_id": "string",
    "probability": "double",
    "band": "integer",
    "reasons": "string",
    "reasons_zh": "string",
}
_SCORE_DOCS = {
    "account_id": "The supply account.",
    "probability": "From the model in use, 6 places.",
    "band": "1 (lowest) to 5, by the limits of segment.model_parameter.",
    "reasons": "What raises it most above the average, in words, strongest first.",
    "reasons_zh": "The same in Chinese.",
}


def _score(context: TableContext, name: str) -> dict[str, Any]:
    cuts = list(
        context.query("SELECT band_2, band_3, band_4, band_5 FROM segment.model_parameter")
        .to_pylist()[0]
        .values()
    )
    rows, probability, texts = _scored(context, name)
    return {
        "account_id": rows.column("account_id"),
        "probability": probability,
        "band": scoring.bands(probability, cuts),
        "reasons": [en for en, _ in texts],
        "reasons_zh": [zh for _, zh in texts],
    }


@python_table(
    "segment.arrears_score",
    key=("account_id",),
    columns=_SCORE_COLUMNS,
    needs=("segment.arrears_history", "segment.model", "segment.model_parameter"),
    grain="one row per live account",
    purpose="Probability that a bill due in the next 60 days is unpaid 30 days after its due date, with its band and reasons.",
    docs=_SCORE_DOCS,
)
def arrears_score(context: TableContext) -> Rows:
    """The arrears score of every live account."""
    return _score(context, "arrears")


@python_table(
    "segment.leave_score",
    key=("account_id",),
    columns={**_SCORE_COLUMNS, "not_shown": "string", "not_shown_zh": "string"},
    needs=("segment.leave_history", "segment.model", "segment.model_parameter"),
    grain="one row per live account",
    purpose=(
        "Probability that an account is closed within 180 days, with its band and reasons; empty, with the reason, where "
        "the test of the model in use does not prove it good enough."
    ),
    docs={
        **_SCORE_DOCS,
        "not_shown": "Why nothing is said: what the published test of the model lacks; empty where something is.",
        "not_shown_zh": "The same in Chinese.",
    },
)
def leave_score(context: TableContext) -> Rows:
    """The leaving score of every live account, where its model is good enough."""
    tested = context.query(
        "SELECT name, value FROM segment.model WHERE model = 'leaving' AND in_use AND kind = 'metric' ORDER BY name"
    ).to_pylist()
    why = scoring.unproven({row["name"]: row["value"] for row in tested}, _limits(context))
    if why is None:
        scored = _score(context, "leaving")
        nothing = [None] * len(scored["reasons"])
        return {**scored, "not_shown": nothing, "not_shown_zh": nothing}
    accounts = context.query(
        f"SELECT account_id FROM {HISTORY['leaving']} WHERE cut_no = 0 ORDER BY account_id"
    )["account_id"]
    empty = [None] * len(accounts)
    return {
        "account_id": accounts,
        **dict.fromkeys(("probability", "band", "reasons", "reasons_zh"), empty),
        "not_shown": [why.en] * len(accounts),
        "not_shown_zh": [why.zh] * len(accounts),
    }
