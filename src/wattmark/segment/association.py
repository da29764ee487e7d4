"""Which services are taken up together (market-basket rules), and how often one follows another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from mlxtend.frequent_patterns import association_rules

MOST_ANTECEDENTS = 2
PLACES = 6

Basket = frozenset[str]


@dataclass(frozen=True)
class Rule:
    """Who holds ``antecedents`` holds ``product`` too: shares of all accounts, and the expected take-up in a year."""

    antecedents: tuple[str, ...]
    product: str
    support: float
    confidence: float
    lift: float
    expected_take_up: float


def rules(
    baskets: Mapping[Basket, int],
    year: Iterable[tuple[Basket, Basket, int]],
    min_support: float,
    min_confidence: float,
    min_lift: float,
    prior_accounts: float,
) -> list[Rule]:
    """Rules with one or two services on the left and one on the right.

    Support is counted over the distinct baskets, exactly, whatever the number of accounts. The expected
    take-up is measured: of the accounts that held the left side a year ago and not the right one, the share
    that has taken it up since, with ``prior_accounts`` accounts of the product's overall take-up added.

    Args:
        baskets: number of accounts by what they hold; the empty basket counts.
        year: (held a year ago, taken up since, accounts).
        min_support: smallest share of accounts holding both sides.
        min_confidence: smallest share of the left side's holders that hold the right side.
        min_lift: smallest confidence over the product's own share.
        prior_accounts: weight of the overall take-up.
    """
    import pandas as pd

    total = sum(baskets.values())
    counts: dict[Basket, int] = {}
    for basket, accounts in baskets.items():
        for size in range(1, MOST_ANTECEDENTS + 2):
            for items in combinations(sorted(basket), size):
                counts[frozenset(items)] = counts.get(frozenset(items), 0) + accounts
    frequent = sorted(
        (tuple(sorted(items)), count) for items, count in counts.items() if count >= min_support * total
    )
    if not any(len(items) > 1 for items, _ in frequent):
        return []
    frame = pd.DataFrame(
        {
            "support": [count / total for _, count in frequent],
            "itemsets": [frozenset(items) for items, _ in frequent],
        }
    )
    found = association_rules(frame, num_itemsets=total, metric="confidence", min_threshold=min_confidence)
    history = list(year)
    made = []
    for row in found.to_dict("records"):
        if (
            len(row["consequents"]) != 1
            or len(row["antecedents"]) > MOST_ANTECEDENTS
            or round(row["lift"], PLACES) < min_lift
        ):
            continue
        (product,) = row["consequents"]
        antecedents: Basket = row["antecedents"]
        overall = _take_up(history, frozenset(), product)
        own = _take_up(history, antecedents, product)
        rate = (overall[0] / overall[1]) if overall[1] else 0.0
        expected = (
            (own[0] + prior_accounts * rate) / (own[1] + prior_accounts) if own[1] + prior_accounts else 0.0
        )
        made.append(
            Rule(
                tuple(sorted(antecedents)), product, round(row["support"], PLACES), round(row["confidence"], PLACES),
                round(row["lift"], PLACES), round(expected, PLACES),
            )
        )  # fmt: skip
    return sorted(made, key=lambda rule: (rule.product, rule.antecedents))


def _take_up(history: list[tuple[Basket, Basket, int]], antecedents: Basket, product: str) -> tuple[int, int]:
    could = [
        (taken, accounts) for held, taken, accounts in history if antecedents <= held and product not in held
    ]
    return sum(accounts for taken, accounts in could if product in taken), sum(
        accounts for _, accounts in could
    )
