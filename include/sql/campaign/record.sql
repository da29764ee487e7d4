/*
grain: one row per customer and record of the same person, the customer's own among them
key: [customer_id, known_as]
purpose: What was said of a person, and not of an address, is kept under the keyed hash of a record; it holds for all of them.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  known_as: {type: string, doc: A record of the same person.}
  is_certain: {type: boolean, doc: 'It is the record itself, or one with the same identity number; else only a likeness.'}
  record_hash: {type: string, doc: 'SHA-256 of the key of the home, the word record and known_as.'}
*/
WITH known AS (
  SELECT
    customer.customer_id,
    customer.customer_id AS known_as,
    TRUE AS is_certain
  FROM source.customer
  UNION ALL
  SELECT
    one.customer_id,
    other.customer_id,
    COALESCE(one.number_id = other.number_id, FALSE)
  FROM ask.person AS one
  JOIN ask.person AS other ON other.person_id = one.person_id AND other.customer_id <> one.customer_id
)

SELECT
  known.customer_id,
  known.known_as,
  known.is_certain,
  SHA256(question.key || CHR(31) || 'record' || CHR(31) || known.known_as) AS record_hash
FROM known
CROSS JOIN ask.question
