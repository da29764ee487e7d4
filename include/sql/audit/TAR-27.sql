/*
title: Capacity and two-part tariff do not go together
zh: 两部制电价执行错误
flags_zh: 在用的大工业、一般工业或商业账户：合同容量不低于 two_part_from_kva 而未执行两部制电价；或低于 two_part_below_kva 而执行两部制电价。stay_before 前立户、此前账单执行单一制电价且此后未增容的，可继续执行单一制。
what_to_do:
  en: >-
    Change the account to the tariff that its capacity asks for, tell the customer from which day, and
    settle the bills issued since.
  zh: 按合同容量改为应执行的电价并告知客户执行日期，退补此前电费。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
moves: [other_amount, billed_amount]
basis: 发改价格〔2023〕526号
valid_from: 2023-06-01
flags: >-
  live, usage_category large_industrial, general_industrial or commercial: contracted_kva at least two_part_from_kva on a
  tariff that is not two-part; or below two_part_below_kva on one that is. Between the two the customer may choose. The
  first not for an account opened before stay_before whose last bill (that corrects none) with a period_end before it, or,
  where the source has none, whose earliest bill, is on a one-part tariff, and whose capacity_change holds no new or
  increase row since.
at_stake: shadow bill of P on the cheapest tariff that it may be on and that is of the other kind, less billed
params:
  two_part_from_kva: {type: number, default: 315, minimum: 0, doc: 'Capacity from which the tariff must be two-part.'}
  two_part_below_kva: {type: number, default: 100, minimum: 0, doc: 'Capacity below which it must not be.'}
  stay_before: {type: date, default: 2023-06-01, doc: 'Who was on a one-part tariff before this day may stay on it.'}
messages:
  en:
    - "An account of {contracted_kva} kVA is on the two-part tariff {two_part_tariff_code}; below {two_part_below_kva} kVA it must not be."
    - "An account of {contracted_kva} kVA is on the one-part tariff {tariff_code}; from {two_part_from_kva} kVA on it must be two-part."
  zh:
    - "容量 {contracted_kva} kVA 的客户执行两部制电价 {two_part_tariff_code}，{two_part_below_kva} kVA 以下不得执行。"
    - "容量 {contracted_kva} kVA 的客户执行单一制电价 {tariff_code}，{two_part_from_kva} kVA 及以上应执行两部制电价。"
*/
WITH judged AS (
  -- What an account may be on is decided in one place, for tariff fit too.
  SELECT
    live_account.account_id,
    live_account.usage_category,
    live_account.contracted_kva,
    live_account.tariff_code,
    live_account.opened_on,
    tariff_candidate.is_two_part,
    tariff_candidate.is_one_part_above OR tariff_candidate.is_two_part_below AS flagged,
    tariff_candidate.former_bill_id,
    tariff_candidate.former_tariff_code,
    tariff_candidate.grown_on
  FROM core.live_account
  LEFT JOIN facts.tariff_candidate
    ON tariff_candidate.account_id = live_account.account_id AND tariff_candidate.is_own
  WHERE live_account.usage_category IN ('large_industrial', 'general_industrial', 'commercial')
),

other AS (
  SELECT
    priced.account_id,
    priced.tariff_code,
    priced.demand_basis,
    SUM(priced.total_amount) AS total_amount
  FROM facts.priced
  JOIN judged ON judged.account_id = priced.account_id AND judged.flagged
  WHERE priced.purpose = 'other_kind'
  GROUP BY priced.account_id, priced.tariff_code, priced.demand_basis
  HAVING COUNT(priced.not_checked) = 0
),

cheapest AS (
  SELECT
    other.account_id,
    other.tariff_code,
    other.demand_basis,
    other.total_amount,
    ROW_NUMBER() OVER (
      PARTITION BY other.account_id
      ORDER BY other.total_amount NULLS LAST, other.tariff_code, other.demand_basis
    ) AS place
  FROM other
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  judged.flagged,
  MONEY(cheapest.total_amount - bill_net.total_amount) AS at_stake_amount,
  judged.tariff_code,
  CASE WHEN judged.is_two_part THEN judged.tariff_code END AS two_part_tariff_code,
  judged.usage_category,
  judged.contracted_kva,
  $two_part_from_kva AS two_part_from_kva,
  $two_part_below_kva AS two_part_below_kva,
  judged.opened_on,
  judged.former_bill_id,
  judged.former_tariff_code,
  judged.grown_on,
  cheapest.tariff_code AS other_tariff_code,
  cheapest.demand_basis AS other_demand_basis,
  cheapest.total_amount AS other_amount,
  bill_net.total_amount AS billed_amount
FROM judged
LEFT JOIN cheapest ON cheapest.account_id = judged.account_id AND cheapest.place = 1
LEFT JOIN facts.bill_net ON bill_net.account_id = judged.account_id AND bill_net.period = $period
