"""Customer records to mend: keys and problems, no personal data."""

from __future__ import annotations

import pyarrow as pa

from wattmark.engine.python_table import TableContext, python_table

_MEND = """
SELECT c.customer_id, 'mobile' AS field, 'not_valid' AS problem
FROM source.customer AS c LEFT JOIN core.phone AS p ON p.raw = c.mobile
WHERE c.mobile IS NOT NULL AND NOT COALESCE(p.is_mobile, FALSE)
UNION ALL
SELECT c.customer_id, 'phone', 'not_valid'
FROM source.customer AS c LEFT JOIN core.phone AS p ON p.raw = c.phone
WHERE c.phone IS NOT NULL AND NOT COALESCE(p.is_valid, FALSE)
UNION ALL
SELECT c.customer_id, 'email', 'not_valid'
FROM source.customer AS c LEFT JOIN core.email AS e ON e.raw = c.email
WHERE c.email IS NOT NULL AND NOT COALESCE(e.is_valid, FALSE)
UNION ALL
SELECT c.customer_id, 'region_code', 'unknown'
FROM source.customer AS c LEFT JOIN source.address_reference AS r ON r.region_code = c.region_code
WHERE c.region_code IS NOT NULL AND r.region_code IS NULL
UNION ALL
SELECT c.customer_id, 'postcode', 'not_of_region'
FROM source.customer AS c JOIN source.address_reference AS r ON r.region_code = c.region_code
WHERE c.postcode IS NOT NULL AND r.postcode_prefix IS NOT NULL AND NOT STARTS_WITH(c.postcode, r.postcode_prefix)
UNION ALL
SELECT c.customer_id, 'postal_address', 'missing'
FROM source.customer AS c
WHERE c.postal_address IS NULL
UNION ALL
SELECT c.customer_id, 'born_on', 'not_of_id_number'
FROM source.customer AS c JOIN core.identity_number AS i ON i.customer_id = c.customer_id
WHERE c.kind = 'person' AND i.is_resident_number
  AND c.born_on IS NOT NULL AND STRFTIME(c.born_on, '%Y%m%d') <> SUBSTRING(i.id_number, 7, 8)
UNION ALL
SELECT c.customer_id, 'any', 'unreachable'
FROM source.customer AS c
WHERE c.postal_address IS NULL AND c.mobile IS NULL AND c.phone IS NULL AND c.email IS NULL
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
