/*
grain: one row
key: [one]
purpose: When two customer records are called the same person or organisation.
columns:
  one: {type: integer, doc: Always 1.}
  threshold: {type: double, doc: Lowest score of a duplicate.}
  name_weight: {type: double, doc: Weight of the names' likeness.}
  phone_weight: {type: double, doc: Weight of a shared telephone number.}
  address_weight: {type: double, doc: Weight of the addresses' likeness.}
  birth_weight: {type: double, doc: Weight of the same date of birth.}
params:
  threshold: {type: number, default: 0.85, minimum: 0, maximum: 1, doc: Lowest score of a duplicate.}
  name_weight: {type: number, default: 0.45, minimum: 0, maximum: 1, doc: Weight of the names' likeness.}
  phone_weight: {type: number, default: 0.25, minimum: 0, maximum: 1, doc: Weight of a shared telephone number.}
  address_weight: {type: number, default: 0.20, minimum: 0, maximum: 1, doc: Weight of the addresses' likeness.}
  birth_weight: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: Weight of the same date of birth.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($threshold AS DOUBLE) AS threshold,
  CAST($name_weight AS DOUBLE) AS name_weight,
  CAST($phone_weight AS DOUBLE) AS phone_weight,
  CAST($address_weight AS DOUBLE) AS address_weight,
  CAST($birth_weight AS DOUBLE) AS birth_weight
