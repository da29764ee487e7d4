"""Who recommended a new account: the contact whose code it named."""

from __future__ import annotations

from wattmark.contract.types import Rows, table_of
from wattmark.derive.campaign_state import warehouse_of
from wattmark.engine.python_table import TableContext, python_table

_COLUMNS = {
    "account_id": "string",
    "campaign_id": "string",
    "customer_id": "string",
    "contact_account_id": "string",
    "opened_on": "date",
}


@python_table(
    "campaign.referral",
    key=("account_id",),
    columns=_COLUMNS,
    needs=("source.account",),
    grain="one row per new account that named the code of a released contact",
    purpose="Who recommended whom: a conversion of the contact whose code was named. Nobody recommends herself.",
    docs={
        "account_id": "The new account.",
        "campaign_id": "The campaign of the contact.",
        "customer_id": "Whom it was made with: who recommended us.",
        "contact_account_id": "Her account where the campaign speaks to accounts; empty otherwise.",
        "opened_on": "First day of supply of the new account.",
    },
)
def referral(context: TableContext) -> Rows:
    """Accounts whose code is of a contact that left."""
    from wattmark.campaign.replies import codes_in, contacts_by_code

    named = context.query(
        "SELECT account.account_id, account.customer_id, account.opened_on, account.referral_code FROM source.account "
        "WHERE account.referral_code IS NOT NULL AND account.opened_on IS NOT NULL ORDER BY account.account_id"
    ).to_pylist()
    engine = warehouse_of(context) if named else None
    if engine is None:
        return table_of(_COLUMNS, [])
    try:
        codes = {row["account_id"]: codes_in(row["referral_code"]) for row in named}
        known = contacts_by_code(
            context.settings, engine, {code for found in codes.values() for code in found}
        )
    finally:
        engine.dispose()
    rows = []
    for row in named:
        contact = next((known[code] for code in codes[row["account_id"]] if code in known), None)
        if contact is not None and contact.customer_id != row["customer_id"]:
            rows.append(
                {
                    "account_id": row["account_id"],
                    "campaign_id": contact.campaign_id,
                    "customer_id": contact.customer_id,
                    "contact_account_id": contact.account_id or None,
                    "opened_on": row["opened_on"],
                }
            )
    return table_of(_COLUMNS, rows)
