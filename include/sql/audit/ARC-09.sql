/*
title: Record not verified for long
zh: 档案长期未核实
kind: listing
modes: [nightly]
subject: customer
severity: low
flags: >-
  verified_on is empty or more than max_days before as_of, for customers with a live account.
params:
  max_days: {type: integer, default: 730, minimum: 0, doc: Days for which a check of the record holds.}
messages:
  en: "The record was last verified on {verified_on}."
  zh: "档案最近核实日期：{verified_on}。"
*/
WITH holder AS (
  SELECT
    live_account.customer_id,
    COUNT(*) AS live_accounts
  FROM core.live_account
  GROUP BY live_account.customer_id
)

SELECT
  customer.customer_id AS subject_id,
  customer.customer_id,
  customer.verified_on IS NULL OR DATE_DIFF('day', customer.verified_on, $as_of) > $max_days AS flagged,
  customer.verified_on,
  holder.live_accounts,
  $max_days AS max_days,
  $as_of AS as_of
FROM source.customer
INNER JOIN holder ON holder.customer_id = customer.customer_id
