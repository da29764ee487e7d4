/*
title: Record not verified for long
zh: 档案长期未核实
flags_zh: 有在用账户的客户，档案从未核实，或最近核实日期距审核日超过 max_days 天。
what_to_do:
  en: Verify name, number, contact and address at the next contact and enter the day.
  zh: 在下次走访或办理业务时核实客户名称、证件、联系方式和地址，并登记核实日期。
kind: listing
modes: [nightly]
subject: customer
severity: low
judges: state
proof: same
moves: [as_of]
flags: >-
  verified_on is empty or more than max_days before as_of, for customers with a live account.
params:
  max_days: {type: integer, default: 730, minimum: 0, doc: Days for which a check of the record holds.}
messages:
  en:
    - "The record was last verified on {verified_on}; it is to be verified every {max_days} days."
    - "The record has never been verified; it is to be verified every {max_days} days."
  zh:
    - "档案最近核实日期为 {verified_on}，应每 {max_days} 天核实一次。"
    - "档案从未核实，应每 {max_days} 天核实一次。"
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
