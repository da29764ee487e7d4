/*
title: Negative bill
zh: 当月负电费
flags_zh: 审核月电费净额（不含上网电费）小于零。
what_to_do:
  en: >-
    Look over the corrections of the month; what is wrong is taken back, what is right needs its approval on
    file.
  zh: 复核当月退补账单，无依据的撤销，有依据的补齐审批。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
effect_of: [TAR-20, TAR-24]
flags: net total_amount of P, without feed_in lines, below 0.
at_stake: the net amount, sign turned
messages:
  en: "The bills of the month[, {bills} in number,] come to {total_amount}, which is below 0."
  zh: "当月[ {bills} 张]账单净额为 {total_amount} 元，小于零。"
*/
WITH fed_in AS (
  SELECT
    bill.account_id,
    MONEY(SUM(bill_amount.feed_in_amount)) AS feed_in_amount
  FROM facts.bill_amount
  JOIN source.bill ON bill.bill_id = bill_amount.bill_id
  WHERE bill.period = $period AND bill_amount.feed_in_amount IS NOT NULL
  GROUP BY bill.account_id
)

SELECT
  bill_net.account_id AS subject_id,
  bill_net.account_id,
  bill_net.total_amount - COALESCE(fed_in.feed_in_amount, 0) < 0 AS flagged,
  COALESCE(fed_in.feed_in_amount, 0) - bill_net.total_amount AS at_stake_amount,
  bill_net.total_amount - COALESCE(fed_in.feed_in_amount, 0) AS total_amount,
  fed_in.feed_in_amount,
  bill_net.billed_kwh,
  bill_net.bills
FROM facts.bill_net
LEFT JOIN fed_in ON fed_in.account_id = bill_net.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_net.account_id
WHERE bill_net.period = $period AND COALESCE(billing_cycle.is_due, TRUE)
