/*
grain: one row per customer
key: [customer_id]
purpose: Whom a record stands for, the person and the household, and the hash under which its arms are kept.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  person_id: {type: string, doc: 'Lowest customer_id of the records called the same person; caps, waiting times, consent and the arm are hers.'}
  has_twin: {type: boolean, doc: There is another record of the person.}
  household_id: {type: string, doc: 'As in segment.household, one for all records of a person; else the person. Letters to households and the global control are drawn by it.'}
  record_hash: {type: string, doc: 'SHA-256 of the key of the home, the word record and the customer.'}
*/
WITH housed AS (
  SELECT
    customer.customer_id,
    COALESCE(person.person_id, customer.customer_id) AS person_id,
    person.person_id IS NOT NULL AS has_twin,
    household.household_id
  FROM source.customer
  LEFT JOIN ask.person ON person.customer_id = customer.customer_id
  LEFT JOIN segment.household ON household.customer_id = customer.customer_id
)

SELECT
  housed.customer_id,
  housed.person_id,
  housed.has_twin,
  COALESCE(MIN(housed.household_id) OVER (PARTITION BY housed.person_id), housed.person_id) AS household_id,
  SHA256(question.key || CHR(31) || 'record' || CHR(31) || housed.customer_id) AS record_hash
FROM housed
CROSS JOIN ask.question
