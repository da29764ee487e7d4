"""Services that are taken up together."""

from __future__ import annotations

from typing import Any

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import association, state

_BASKETS = """
WITH holding AS (
  SELECT h.account_id,
         h.product_code,
         MAX(CASE WHEN h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of) THEN 1 ELSE 0 END) AS now,
         MAX(CASE WHEN h.since_on <= ADD_MONTHS($as_of, -12)
                   AND (h.until_on IS NULL OR h.until_on >= ADD_MONTHS($as_of, -12)) THEN 1 ELSE 0 END) AS before,
         MAX(CASE WHEN h.since_on > ADD_MONTHS($as_of, -12) AND h.since_on <= $as_of THEN 1 ELSE 0 END) AS taken
  FROM source.product_holding AS h
  GROUP BY h.account_id, h.product_code
),
basket AS (
  SELECT live_account.account_id,
         COALESCE(STRING_AGG(h.product_code, ',' ORDER BY h.product_code) FILTER (WHERE h.now = 1), '') AS now,
         COALESCE(STRING_AGG(h.product_code, ',' ORDER BY h.product_code) FILTER (WHERE h.before = 1), '') AS before,
         COALESCE(STRING_AGG(h.product_code, ',' ORDER BY h.product_code) FILTER (WHERE h.taken = 1), '') AS taken
  FROM core.live_account
  LEFT JOIN holding AS h ON h.account_id = live_account.account_id
  GROUP BY live_account.account_id
)
SELECT basket.now, basket.before, basket.taken, COUNT(*) AS accounts FROM basket GROUP BY basket.now, basket.before, basket.taken
"""


def _basket(text: str) -> association.Basket:
    return frozenset(code for code in text.split(",") if code)


@python_table(
    "segment.service_rule",
    key=("rule_no",),
    columns={
        "rule_no": "integer",
        "antecedent_1": "string",
        "antecedent_2": "string",
        "product_code": "string",
        "support": "double",
        "confidence": "double",
        "lift": "double",
        "expected_take_up": "double",
        "learned_on": "date",
    },
    needs=("core.live_account", "source.product_holding", "segment.service_parameter"),
    grain="one row per association rule between services",
    purpose="Which services are held together more often than by chance, over all live accounts. Learned in the first night of a month, kept for the rest of it.",
    docs={
        "rule_no": "1 and on, by product and antecedents.",
        "antecedent_1": "A service held.",
        "antecedent_2": "A second one; empty where one is enough.",
        "product_code": "The service that goes with it.",
        "support": "Share of accounts that hold all of them.",
        "confidence": "Share of the antecedents' holders that hold the product.",
        "lift": "Confidence over the product's share of all accounts.",
        "expected_take_up": "Share of the antecedents' holders without the product that take it up within a year.",
        "learned_on": "First of the month in which the rules were learned.",
    },
)
def service_rule(context: TableContext) -> Rows:
    """The rules; none where nothing is held together."""
    month = context.run.as_of.replace(day=1)
    kept = state.newest_before(context.session, "service_rule")
    # One account more must not move others from service to service within a month.
    if kept.num_rows and kept.column("learned_on")[0].as_py() == month:
        return kept
    settings = context.query(
        "SELECT min_support, min_confidence, min_lift, prior_accounts FROM segment.service_parameter"
    ).to_pylist()[0]
    baskets: dict[association.Basket, int] = {}
    year = []
    for row in context.query(_BASKETS).to_pylist():
        now = _basket(row["now"])
        baskets[now] = baskets.get(now, 0) + row["accounts"]
        year.append((_basket(row["before"]), _basket(row["taken"]), row["accounts"]))
    found = association.rules(baskets, year, **settings)
    rows: list[dict[str, Any]] = [
        {
            "rule_no": number, "antecedent_1": rule.antecedents[0],
            "antecedent_2": rule.antecedents[1] if len(rule.antecedents) > 1 else None, "product_code": rule.product,
            "support": rule.support, "confidence": rule.confidence, "lift": rule.lift, "expected_take_up": rule.expected_take_up,
            "learned_on": month,
        }
        for number, rule in enumerate(found, start=1)
    ]  # fmt: skip
    return rows
