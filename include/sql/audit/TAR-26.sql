/*
title: No final bill
zh: 销户未出终结账单
flags_zh: 账户销户超过 grace_days 天（不超过 730 天），最后一张账单的终止日早于销户日超过 tolerance_days 天；从未出账且从未抄表的除外。
what_to_do:
  en: Issue the final bill from the register read at the removal, and settle it against what was paid.
  zh: 按拆表示数补出终结账单并清算电费。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
window: {on: closed_on, within: 730, unit: days}
flags: >-
  status closed, closed_on more than grace_days and at most 730 days before as_of, and the latest bill day of the account is more
  than tolerance_days before closed_on; not where it never had a bill and never had a reading.
params:
  grace_days: {type: integer, default: 45, minimum: 0, doc: Days after closing in which the final bill may still come.}
  tolerance_days: {type: integer, default: 1, minimum: 0, doc: Days before closing on which the last bill may end.}
messages:
  en:
    - "The account was closed on {closed_on}; the last bill ends on {last_bill_day}, {unbilled_days} days before, and {tolerance_days} is allowed."
    - "The account was closed on {closed_on} and read, but no bill was ever made within {grace_days} days."
  zh:
    - "{closed_on} 销户，最后账单截止 {last_bill_day}，早于销户日 {unbilled_days} 天，允许 {tolerance_days} 天。"
    - "{closed_on} 销户，有抄表记录，超过 {grace_days} 天从未出账。"
*/
WITH closed AS (
  SELECT
    account.account_id,
    account.closed_on
  FROM source.account
  WHERE
    account.status = 'closed'
    AND DATE_DIFF('day', account.closed_on, $as_of) > $grace_days
    AND DATE_DIFF('day', account.closed_on, $as_of) <= 730
),

billed AS (
  SELECT
    bill.account_id,
    MAX(
      CASE
        WHEN bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end THEN bill.period_end
      END
    )
      AS last_bill_day
  FROM closed
  JOIN source.bill ON bill.account_id = closed.account_id
  GROUP BY bill.account_id
),

read AS (
  SELECT
    metering_point.account_id,
    MAX(register_reading.read_at) AS last_read_at
  FROM closed
  JOIN source.metering_point ON metering_point.account_id = closed.account_id
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  GROUP BY metering_point.account_id
)

SELECT
  closed.account_id AS subject_id,
  closed.account_id,
  billed.last_bill_day IS NULL
  OR DATE_DIFF('day', billed.last_bill_day, closed.closed_on) > $tolerance_days AS flagged,
  closed.closed_on,
  billed.last_bill_day,
  DATE_DIFF('day', billed.last_bill_day, closed.closed_on) AS unbilled_days,
  read.last_read_at,
  $tolerance_days AS tolerance_days,
  $grace_days AS grace_days
FROM closed
LEFT JOIN billed ON billed.account_id = closed.account_id
LEFT JOIN read ON read.account_id = closed.account_id
WHERE billed.account_id IS NOT NULL OR read.account_id IS NOT NULL
