"""Customer records to mend: keys and problems, no personal data."""

from __future__ import annotations

import pyarrow as pa

from wattmark.engine.python_table import TableContext, python_table

_MEND = """
SELECT customer.customer_id, 'mobile' AS field, 'not_valid' AS problem
FROM source.customer LEFT JOIN core.phone ON phone.raw = customer.mobile
WHERE customer.mobile IS NOT NULL AND NOT COALESCE(phone.is_mobile, FALSE)
UNION ALL
SELECT customer.customer_id, 'phone', 'not_valid'
FROM source.customer LEFT JOIN core.phone ON phone.raw = customer.phone
WHERE customer.phone IS NOT NULL AND NOT COALESCE(phone.is_valid, FALSE)
UNION ALL
SELECT customer.customer_id, 'email', 'not_valid'
FROM source.customer LEFT JOIN core.email ON email.raw = customer.email
WHERE customer.email IS NOT NULL AND NOT COALESCE(email.is_valid, FALSE)
UNION ALL
SELECT customer.customer_id, 'region_code', 'unknown'
FROM source.customer LEFT JOIN source.address_reference ON address_reference.region_code = customer.region_code
WHERE customer.region_code IS NOT NULL AND address_reference.region_code IS NULL
UNION ALL
SELECT customer.customer_id, 'postcode', 'not_of_region'
FROM source.customer JOIN source.address_reference ON address_reference.region_code = customer.region_code
WHERE customer.postcode IS NOT NULL AND address_reference.postcode_prefix IS NOT NULL AND NOT STARTS_WITH(customer.postcode, address_reference.postcode_prefix)
UNION ALL
SELECT customer.customer_id, 'postal_address', 'missing'
FROM source.customer
WHERE customer.postal_address IS NULL
UNION ALL
SELECT customer.customer_id, 'born_on', 'not_of_id_number'
FROM source.customer JOIN core.identity_number ON identity_number.customer_id = customer.customer_id
WHERE customer.kind = 'person' AND identity_number.is_resident_number
  AND customer.born_on IS NOT NULL AND STRFTIME(customer.born_on, '%Y%m%d') <> SUBSTRING(identity_number.id_number, 7, 8)
UNION ALL
SELECT customer.customer_id, 'any', 'unreachable'
FROM source.customer
WHERE customer.postal_address IS NULL AND customer.mobile IS NULL AND customer.phone IS NULL AND customer.email IS NULL
"""


@python_table(
    "mart.record_to_mend",
    key=("customer_id", "field", "problem"),
    columns={"customer_id": "string", "field": "string", "problem": "string"},
    needs=("source.customer", "source.address_reference", "core.phone", "core.email", "core.identity_number"),
    grain="one row per customer record, field and problem",
    purpose="Records that somebody should mend before the next mailing.",
    docs={
        "customer_id": "The customer whose record it is.",
        "field": "Column of the customer record; any where it is the record as a whole.",
        "problem": "not_valid, unknown, not_of_region, not_of_id_number, missing or unreachable.",
    },
)
def record_to_mend(context: TableContext) -> pa.Table:
    """Problems of contact fields, by libphonenumber, email-validator and the administrative divisions."""
    return context.query(_MEND)
