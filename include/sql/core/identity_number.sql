/*
grain: one row per customer with an identity number that is not blank
key: [customer_id]
purpose: Whether identity numbers are well formed as written, by GB 11643 (ISO 7064 MOD 11-2) and GB 32100 (MOD 31).
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  id_number: {type: string, doc: The number as written.}
  is_resident_number: {type: boolean, doc: '18 characters, a real date of birth, right check digit.'}
  is_credit_code: {type: boolean, doc: '18 characters of the 31 allowed, six digits of a division, right check character.'}
  normalised: {type: string, doc: 'In capitals, without white space: how duplicates are found.'}
*/
SELECT
  customer.customer_id,
  customer.id_number,
  REGEXP_MATCHES(customer.id_number, '^[0-9]{17}[0-9X]$')
  AND SUBSTRING(customer.id_number, 7, 4) <> '0000'
  AND TRY_CAST(CONCAT(
    SUBSTRING(customer.id_number, 7, 4), '-', SUBSTRING(customer.id_number, 11, 2), '-',
    SUBSTRING(customer.id_number, 13, 2)
  ) AS DATE) IS NOT NULL
  AND (
    7 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 1, 1)) - 1)
    + 9 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 2, 1)) - 1)
    + 10 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 3, 1)) - 1)
    + 5 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 4, 1)) - 1)
    + 8 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 5, 1)) - 1)
    + 4 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 6, 1)) - 1)
    + 2 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 7, 1)) - 1)
    + 1 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 8, 1)) - 1)
    + 6 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 9, 1)) - 1)
    + 3 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 10, 1)) - 1)
    + 7 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 11, 1)) - 1)
    + 9 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 12, 1)) - 1)
    + 10 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 13, 1)) - 1)
    + 5 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 14, 1)) - 1)
    + 8 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 15, 1)) - 1)
    + 4 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 16, 1)) - 1)
    + 2 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 17, 1)) - 1)
    + 1 * (STRPOS('0123456789X', SUBSTRING(customer.id_number, 18, 1)) - 1)
  ) % 11
  = 1 AS is_resident_number,
  REGEXP_MATCHES(customer.id_number, '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$')
  AND (
    1 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 1, 1)) - 1)
    + 3 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 2, 1)) - 1)
    + 9 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 3, 1)) - 1)
    + 27 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 4, 1)) - 1)
    + 19 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 5, 1)) - 1)
    + 26 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 6, 1)) - 1)
    + 16 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 7, 1)) - 1)
    + 17 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 8, 1)) - 1)
    + 20 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 9, 1)) - 1)
    + 29 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 10, 1)) - 1)
    + 25 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 11, 1)) - 1)
    + 13 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 12, 1)) - 1)
    + 8 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 13, 1)) - 1)
    + 24 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 14, 1)) - 1)
    + 10 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 15, 1)) - 1)
    + 30 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 16, 1)) - 1)
    + 28 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 17, 1)) - 1)
    + 1 * (STRPOS('0123456789ABCDEFGHJKLMNPQRTUWXY', SUBSTRING(customer.id_number, 18, 1)) - 1)
  ) % 31
  = 0 AS is_credit_code,
  UPPER(REGEXP_REPLACE(customer.id_number, '[\s\p{Z}]+', '', 'g')) AS normalised
FROM source.customer
WHERE REGEXP_MATCHES(customer.id_number, '[^\s\p{Z}]')
