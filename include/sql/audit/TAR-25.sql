/*
title: Days that no bill covers
zh: 账单日期不连续
flags_zh: 审核月非更正账单的起始日距该账户上一张非更正账单的终止日超过 max_gap_days + 1 天，且其间没有新装、销户或恢复用电工单送电或归档。
what_to_do:
  en: Find out whether energy was used on the days left out; bill them, or file why they are not billed.
  zh: 核实断档期间是否用电，补计电费或注明不计费原因。
kind: exception
modes: [nightly]
subject: bill
severity: medium
judges: month
proof: same
effect_of: [TAR-17]
flags: >-
  a bill of P that corrects none, whose period_start is more than max_gap_days + 1 days after the latest period_end of its
  account's bills that correct none and end before it; no order of kind new, close or resume of the account energized or closed in
  the gap or on period_start.
params:
  max_gap_days: {type: integer, default: 0, minimum: 0, doc: Days between two bills that need no bill.}
messages:
  en: "The bill begins on {period_start}; the one before ended on {previous_end_on}, so {gap_days} days are on no bill ({max_gap_days} are allowed)."
  zh: "账单起始日 {period_start}，上一账单截止日 {previous_end_on}，中间 {gap_days} 天未计费（允许 {max_gap_days} 天）。"
*/
WITH original AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end
  FROM source.bill
  WHERE bill.corrects_bill_id IS NULL
),

spaced AS (
  SELECT
    original.bill_id,
    original.account_id,
    original.period_start,
    MAX(earlier.period_end) AS previous_end_on
  FROM original
  JOIN original AS earlier
    ON earlier.account_id = original.account_id
    AND earlier.bill_id <> original.bill_id
    AND earlier.period_end < original.period_start
  WHERE original.period = $period
  GROUP BY original.bill_id, original.account_id, original.period_start
),

apart AS (
  SELECT spaced.*
  FROM spaced
  WHERE DATE_DIFF('day', spaced.previous_end_on, spaced.period_start) > $max_gap_days + 1
),

explained AS (
  -- Supply that began or ended in between, by the day on which it was switched or the order was closed.
  SELECT
    apart.bill_id,
    MIN(service_order.order_id) AS order_id
  FROM apart
  JOIN source.service_order
    ON service_order.account_id = apart.account_id
    AND service_order.kind IN ('new', 'close', 'resume')
    AND (
      (
        CAST(service_order.energized_at AS DATE) > apart.previous_end_on
        AND CAST(service_order.energized_at AS DATE) <= apart.period_start
      )
      OR (
        CAST(service_order.closed_at AS DATE) > apart.previous_end_on
        AND CAST(service_order.closed_at AS DATE) <= apart.period_start
      )
    )
  GROUP BY apart.bill_id
)

SELECT
  spaced.bill_id AS subject_id,
  spaced.account_id,
  apart.bill_id IS NOT NULL AND explained.bill_id IS NULL AS flagged,
  spaced.period_start,
  spaced.previous_end_on,
  DATE_DIFF('day', spaced.previous_end_on, spaced.period_start) - 1 AS gap_days,
  $max_gap_days AS max_gap_days
FROM spaced
LEFT JOIN apart ON apart.bill_id = spaced.bill_id
LEFT JOIN explained ON explained.bill_id = spaced.bill_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = spaced.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
