"""Which of the telephone numbers of customers are numbers, and of what kind."""

from __future__ import annotations

import pyarrow as pa

from wattmark.engine.python_table import TableContext, python_table
from wattmark.telephone import COLUMNS, judge_all


@python_table(
    "core.phone",
    key=("raw",),
    settings=("utility.country",),
    columns=COLUMNS,
    needs=("source.customer",),
    grain="one row per distinct text in the mobile or phone column of a customer",
    purpose="What libphonenumber says of each number, decided once.",
    docs={
        "raw": "The number as written.",
        "e164": "Its E.164 form, with ;ext= and the extension where it has one; empty unless it is a valid number of some country. Of several numbers the first that is valid.",
        "is_valid": "It is a valid number of the utility's country.",
        "is_mobile": "It is valid in some country, its kind is mobile (or cannot be told from mobile), and it has no extension.",
    },
)
def phone(context: TableContext) -> pa.Table:
    """Every distinct number of the customers, judged for the utility's country."""
    raws = context.query(
        "SELECT customer.mobile AS raw FROM source.customer WHERE customer.mobile IS NOT NULL "
        "UNION SELECT customer.phone AS raw FROM source.customer WHERE customer.phone IS NOT NULL"
    )
    return judge_all(raws.column("raw").combine_chunks(), context.settings.utility.country)
