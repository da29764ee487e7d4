"""Lookalikes: for each service a model of who took it up, and the accounts without it, most alike first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.code_names import load_code_names
from wattmark.contract.types import Rows, table_of
from wattmark.derive.segment_models import NOTHING, SEPARATORS, WORDS, kept_model
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import scoring

log = logging.getLogger(__name__)

TRAITS = (
    "residential", "commercial", "industrial", "large_supply", "organisation", "several_accounts", "new_supply",
)  # fmt: skip
"""Features of every model beside the other services held, each 0 or 1."""
HOLDS = "holds_"
PREFIX = "lookalike_"
"""A model is called so, and by its service: in segment.lookalike_model, in mart.model_quality and in segment_state.model."""
_TRAIT_WORDS = {
    "residential": ("a home", "居民用电"),
    "commercial": ("commercial use", "商业用电"),
    "industrial": ("industrial use", "工业用电"),
    "large_supply": ("a large supply", "用电容量大"),
    "organisation": ("an organisation", "单位客户"),
    "several_accounts": ("several accounts of one customer", "同一客户多户用电"),
    "new_supply": WORDS["new_supply"],
}
Bits = npt.NDArray[np.int64]


class _Kinds:
    """Accounts that a model cannot tell apart, as one: all of one cut-off, alike in every feature."""

    def __init__(self, rows: pa.Table, holding: pa.Table, products: Sequence[str]) -> None:
        self.products = tuple(products)
        self.names = (*TRAITS, *(f"{HOLDS}{product}" for product in products))
        size = rows.num_rows
        self.held, self.taken = np.zeros(size, np.int64), np.zeros(size, np.int64)
        place = pc.index_in(_keys(holding), value_set=_keys(rows)).to_numpy(zero_copy_only=False)
        product = pc.index_in(holding.column("product_code"), value_set=pa.array(self.products, pa.string()))
        known = product.is_valid().to_numpy(zero_copy_only=False)
        bit = np.int64(1) << product.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        for flags, column in ((self.held, "is_held"), (self.taken, "is_taken")):
            told = known & holding.column(column).to_numpy(zero_copy_only=False).astype(np.bool_)
            np.bitwise_or.at(flags, place[told].astype(np.int64), bit[told])
        bits = np.zeros(size, np.int64)
        for at, name in enumerate(TRAITS):
            bits |= rows.column(name).to_numpy(zero_copy_only=False).astype(np.int64) << at
        self.bits: Bits = bits | self.held << len(TRAITS)

    def columns(self, bits: Bits, product: str) -> dict[str, scoring.Floats]:
        """Features of a service's model, of accounts with these bits: all but whether it is held."""
        return {
            name: (bits >> at & 1).astype(np.float64)
            for at, name in enumerate(self.names)
            if name != f"{HOLDS}{product}"
        }

    def without(self, product: str) -> Bits:
        """Places of the accounts that do not hold a service."""
        return np.flatnonzero(self.held >> self.products.index(product) & 1 == 0)

    def took(self, product: str, places: Bits) -> scoring.Truths:
        """Whether accounts took a service up in the year after the cut-off."""
        return (self.taken[places] >> self.products.index(product) & 1).astype(np.bool_)


def _products(context: TableContext) -> list[str]:
    rows = context.query(
        "SELECT DISTINCT h.product_code FROM source.product_holding AS h ORDER BY h.product_code"
    )
    # Bits of one number: more services than it holds are none that a utility has.
    return [str(code) for code in rows.column("product_code").to_pylist()][: 62 - len(TRAITS)]


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(
        pc.cast(rows.column("cut_no"), pa.string()), rows.column("account_id"), "/"
    )


def _kinds(context: TableContext, cuts: str, products: Sequence[str]) -> tuple[pa.Table, _Kinds]:
    """Accounts at some cut-off days, in order of day and account, and what they are like."""
    rows = context.query(
        f"SELECT h.account_id, h.cut_no, {', '.join(f'h.{name}' for name in TRAITS)} "
        f"FROM segment.lookalike_history AS h WHERE {cuts} ORDER BY h.cut_no, h.account_id"
    )
    holding = context.query(
        "SELECT h.account_id, h.cut_no, h.product_code, h.is_held, h.is_taken FROM segment.lookalike_holding AS h "
        f"WHERE {cuts}"
    )
    return rows, _Kinds(rows, holding, products)


@python_table(
    "segment.lookalike_model",
    key=("model", "role", "kind", "name"),
    columns={
        "model": "string",
        "product_code": "string",
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
        "segment.lookalike_history",
        "segment.lookalike_holding",
        "segment.lookalike_parameter",
        "source.product_holding",
    ),
    grain="one row per service and coefficient, mean or metric of the model of who takes it up",
    purpose="Trains a model per service once a month, on who took it up in earlier years, and measures it on the last one; one that is not good enough is not used.",
    docs={
        "model": "lookalike_ and the service.",
        "role": "champion: of this month already; challenger: trained tonight; none: too few events to train.",
        "trained_on": "First of the month it was trained in.",
        "kind": "coefficient, mean (of a feature in training) or metric (on the test).",
        "in_use": "Whether accounts are ranked by it.",
        "reason": "Why it is used, or not.",
        "reason_zh": "The same in Chinese.",
    },
)
def lookalike_model(context: TableContext) -> Rows:
    """Coefficients, means and metrics of each service's model."""
    settings = context.query(
        "SELECT min_events, min_auc, most_off FROM segment.lookalike_parameter"
    ).to_pylist()[0]
    limits = scoring.Takers(settings["min_events"], settings["min_auc"], settings["most_off"])
    month = context.run.as_of.replace(day=1)
    products = _products(context)
    rows, kinds = _kinds(context, "h.cut_no > 0", products)
    is_test = rows.column("cut_no").to_numpy() == 1
    found: list[dict[str, Any]] = []
    for product in products:
        places = kinds.without(product)
        train, test = places[~is_test[places]], places[is_test[places]]
        role, model, metrics, used, why = scoring.judge_takers(
            (kinds.columns(kinds.bits[train], product), kinds.took(product, train)),
            (kinds.columns(kinds.bits[test], product), kinds.took(product, test)),
            kept_model(context, f"{PREFIX}{product}"),
            month,
            limits,
        )
        log.info("Model %s%s is %s; %s", PREFIX, product, "in use" if used else "not in use", why.en)
        parts = [("metric", metrics)] + (
            [("coefficient", model.coefficients), ("mean", model.means)] if model else []
        )
        found += [
            {
                "model": f"{PREFIX}{product}", "product_code": product, "role": role, "trained_on": month, "kind": kind,
                "name": name, "value": value, "in_use": used, "reason": why.en, "reason_zh": why.zh,
            }
            for kind, numbers in parts
            for name, value in sorted(numbers.items())
        ]  # fmt: skip
    return found


def _models(context: TableContext) -> dict[str, scoring.Model]:
    """Models in use, by service."""
    rows = context.query(
        "SELECT lookalike_model.product_code, lookalike_model.kind, lookalike_model.name, lookalike_model.value, lookalike_model.trained_on FROM segment.lookalike_model "
        "WHERE lookalike_model.in_use AND lookalike_model.kind <> 'metric' ORDER BY lookalike_model.product_code, lookalike_model.kind, lookalike_model.name"
    ).to_pylist()
    found: dict[str, scoring.Model] = {}
    for row in rows:
        model = found.setdefault(row["product_code"], scoring.Model(row["trained_on"], {}, {}))
        (model.coefficients if row["kind"] == "coefficient" else model.means)[row["name"]] = row["value"]
    return found


_COLUMNS = {
    "account_id": "string",
    "product_code": "string",
    "resemblance": "double",
    "place": "integer",
    "is_best": "boolean",
    "reasons": "string",
    "reasons_zh": "string",
}


@python_table(
    "segment.lookalike",
    key=("account_id", "product_code"),
    settings=("campaigns.messages",),
    files=("include/code-names.yaml",),
    columns=_COLUMNS,
    needs=(
        "segment.lookalike_history", "segment.lookalike_model", "segment.lookalike_parameter", "segment.model_parameter",
        "source.product_holding",
    ),
    grain="one row per live account and service that it does not hold and whose model is good enough",
    purpose="How much an account resembles those that took a service up.",
    docs={
        "account_id": "The supply account.",
        "product_code": "The service.",
        "resemblance": "Probability of taking it up within a year, 6 places.",
        "place": "Among all accounts without the service; 1 resembles most.",
        "is_best": "Among the share best_share of them.",
        "reasons": "What raises it most above the average, in words, strongest first; empty unless is_best.",
        "reasons_zh": "The same in Chinese.",
    },
)  # fmt: skip
def lookalike(context: TableContext) -> Rows:
    """The ranking of every service whose model is in use."""
    models = _models(context)
    if not models:
        return table_of(_COLUMNS, [])
    settings = context.query(
        "SELECT most_reasons, least_contribution FROM segment.model_parameter"
    ).to_pylist()[0]
    share = context.query("SELECT best_share FROM segment.lookalike_parameter").column(0)[0].as_py()
    words = _words(context, models)
    rows, kinds = _kinds(context, "h.cut_no = 0", _products(context))
    accounts = rows.column("account_id").combine_chunks()
    parts = []
    for product, model in models.items():
        places = kinds.without(product)
        # Few kinds of accounts differ: each is asked once.
        unique, which = np.unique(kinds.bits[places], return_inverse=True)
        columns = kinds.columns(unique, product)
        chance = model.probabilities(columns, len(unique))
        codes = scoring.reason_codes(
            model, columns, len(unique), settings["most_reasons"], settings["least_contribution"]
        )
        said = [_in_words(code, words) for code in codes]
        # Rows are in order of account, and the sort is stable.
        order = np.argsort(-chance[which], kind="stable")
        place = np.empty(len(places), np.int64)
        place[order] = np.arange(1, len(places) + 1)
        best = place <= np.ceil(share * len(places))
        told = [pa.array([pair[at] for pair in said], pa.string()) for at in (0, 1)]
        at_best = pa.array(which, mask=~best)
        parts.append(
            pa.table(
                {
                    "account_id": accounts.take(pa.array(places)),
                    "product_code": pa.repeat(pa.scalar(product), len(places)),
                    "resemblance": chance[which],
                    "place": place,
                    "is_best": best,
                    "reasons": told[0].take(at_best),
                    "reasons_zh": told[1].take(at_best),
                }
            )
        )
    return pa.concat_tables(parts)


def _words(context: TableContext, models: dict[str, scoring.Model]) -> dict[str, tuple[str, str]]:
    named = load_code_names(context.settings.include / "code-names.yaml").of_source.get(
        "product_holding.product_code", {}
    )
    named = {**named, **context.settings.campaigns.messages.products}
    found = dict(_TRAIT_WORDS)
    for feature in {
        name for model in models.values() for name in model.coefficients if name.startswith(HOLDS)
    }:
        code = feature.removeprefix(HOLDS)
        names = named.get(code, {})
        found[feature] = (f"has {names.get('en', code)}", f"已办理{names.get('zh', code)}")
    return found


def _in_words(codes: list[str], words: dict[str, tuple[str, str]]) -> tuple[str, str]:
    if not codes:
        return NOTHING
    return SEPARATORS[0].join(words[code][0] for code in codes), SEPARATORS[1].join(
        words[code][1] for code in codes
    )
