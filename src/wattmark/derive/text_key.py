"""Texts made comparable: the same name typed in two ways gets one key."""

from __future__ import annotations

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.folding import fold, key_of

_TEXTS = """
SELECT account.account_name AS raw FROM source.account WHERE account.account_name IS NOT NULL
UNION SELECT account.service_address AS raw FROM source.account WHERE account.service_address IS NOT NULL
UNION SELECT customer.name AS raw FROM source.customer WHERE customer.name IS NOT NULL
UNION SELECT customer.postal_address AS raw FROM source.customer WHERE customer.postal_address IS NOT NULL
"""


@python_table(
    "core.text_key",
    key=("raw",),
    columns={"raw": "string", "key": "string", "folded": "string"},
    needs=("source.account", "source.customer"),
    grain="one row per distinct account name, service address, customer name or postal address",
    purpose="Keys by which names and addresses are compared whatever their width, case and punctuation.",
    docs={
        "raw": "The text as written.",
        "key": "NFKC, case folded, without characters of the categories P, S and Z; between two numerals a hyphen stands for them.",
        "folded": "NFKC and case folded only.",
    },
)
def text_key(context: TableContext) -> Rows:
    """Keys of every distinct text that something compares."""
    raws: list[str] = context.query(_TEXTS).column("raw").to_pylist()
    folded = [fold(raw) for raw in raws]
    keys = [key_of(text) for text in folded]
    return {"raw": raws, "key": keys, "folded": folded}
