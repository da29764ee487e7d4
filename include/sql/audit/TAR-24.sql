/*
title: Billed twice for the same days
zh: 重复出账
flags_zh: 审核月非更正账单的计费日期与该账户此前出具的另一张非更正账单重叠；任一账单经更正后电费、电量均已归零的除外。
what_to_do:
  en: Take the later bill back, refund what was paid on it, and see that no reading is used twice.
  zh: 撤销后出的账单并退还已收电费，核实示数未被重复使用。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
flags: >-
  a bill of period P that corrects none, whose bill days overlap those of another bill of its account, of any period, that
  corrects none and was issued before it (at one moment: with the lower bill_id); not where the corrections of either bring its
  net total and net billed_kwh both to 0.
at_stake: minus its net total x the share of its days that overlap
messages:
  en: "{overlap_days} of its {bill_days} days, from {first_overlap_on} to {last_overlap_on}, were billed before on bill {earlier_bill_id} of {earlier_start_on} to {earlier_end_on}."
  zh: "本账单 {bill_days} 天中有 {overlap_days} 天（{first_overlap_on} 至 {last_overlap_on}）已由账单 {earlier_bill_id}（{earlier_start_on} 至 {earlier_end_on}）计费。"
*/
SELECT
  bill.bill_id AS subject_id,
  bill.account_id,
  bill_overlap.bill_id IS NOT NULL AS flagged,
  MONEY(-bill_overlap.net_amount * RATIO(bill_overlap.overlap_days, bill_overlap.bill_days))
    AS at_stake_amount,
  bill.period_start,
  bill.period_end,
  bill_overlap.bill_days,
  bill_overlap.overlap_days,
  bill_overlap.first_overlap_on,
  bill_overlap.last_overlap_on,
  bill_overlap.earlier_bills,
  bill_overlap.earlier_bill_id,
  bill_overlap.earlier_start_on,
  bill_overlap.earlier_end_on,
  bill_overlap.net_amount,
  bill.issued_at
FROM source.bill
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill.account_id
LEFT JOIN facts.bill_overlap ON bill_overlap.bill_id = bill.bill_id
WHERE
  bill.period = $period
  AND bill.corrects_bill_id IS NULL
  AND COALESCE(billing_cycle.is_due, TRUE)
