/*
title: Large manual adjustment
zh: 大额手工调整
flags_zh: 审核月账单（含更正账单）的退补分项合计的绝对值超过 min_amount，且超过其他分项绝对值之和的 max_share，而出账前 60 天内该账户计量点没有退补电量记录。
what_to_do:
  en: Ask for the grounds and the approval of the adjustment; without them take it back.
  zh: 核查手工退补的依据和审批，无依据的予以撤销。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: none
flags: >-
  a bill of P (a correction too) whose adjustment lines sum to more than min_amount and more than max_share of the sum of the
  absolute amounts of its other lines (of a correction: of the lines of the bill it corrects), both by size; no adjusted event at a
  point of its account in the 60 days up to issued_at.
at_stake: minus the sum
params:
  min_amount: {type: number, default: 100, minimum: 0, doc: 'Sum of the adjustment lines, by size, that needs a reason; for each month that a bill covers.'}
  max_share: {type: number, default: 0.2, minimum: 0, doc: Share of the other lines.}
messages:
  en: "{adjustment_amount} was adjusted by hand where the other lines are {other_amount}, and no adjustment of energy is known in the 60 days before; up to {min_amount} or {max_share} are passed over."
  zh: "手工调整 {adjustment_amount} 元，其他分项合计 {other_amount} 元，此前 60 天内无电量退补记录；限值 {min_amount} 元且 {max_share}。"
*/
WITH adjusted AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.corrects_bill_id,
    CAST(bill.issued_at AS DATE) AS issued_on,
    COALESCE(billing_cycle.billing_months, 1) AS billing_months,
    MONEY(SUM(bill_line.amount)) AS adjustment_amount
  FROM source.bill
  JOIN source.bill_line ON bill_line.bill_id = bill.bill_id AND bill_line.component = 'adjustment'
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill.account_id
  WHERE bill.period = $period AND COALESCE(billing_cycle.is_due, TRUE)
  GROUP BY
    bill.bill_id, bill.account_id, bill.corrects_bill_id, bill.issued_at, billing_cycle.billing_months
),

-- What the adjustment is held against: of a correction all that the bill it corrects charges.
held AS (
  SELECT
    adjusted.bill_id,
    SUM(CASE
      WHEN adjusted.corrects_bill_id IS NULL AND bill_line.component = 'adjustment' THEN 0 ELSE
        ABS(bill_line.amount)
    END) AS other_amount
  FROM adjusted
  JOIN source.bill_line ON bill_line.bill_id = COALESCE(adjusted.corrects_bill_id, adjusted.bill_id)
  GROUP BY adjusted.bill_id
),

event AS (
  SELECT
    adjusted.bill_id,
    MIN(metering_event.event_id) AS event_id
  FROM adjusted
  JOIN source.metering_point ON metering_point.account_id = adjusted.account_id
  JOIN source.metering_event
    ON metering_event.metering_point_id = metering_point.metering_point_id
    AND metering_event.kind = 'adjusted'
  WHERE
    CAST(metering_event.occurred_at AS DATE) <= adjusted.issued_on
    AND DATE_DIFF('day', CAST(metering_event.occurred_at AS DATE), adjusted.issued_on) <= 60
  GROUP BY adjusted.bill_id
),

judged AS (
  SELECT
    adjusted.bill_id,
    adjusted.account_id,
    adjusted.corrects_bill_id,
    adjusted.issued_on,
    adjusted.adjustment_amount,
    -- A bill that is there without lines charges nothing; one that is not there cannot be held against.
    CASE
      WHEN adjusted.corrects_bill_id IS NULL OR corrected.bill_id IS NOT NULL
        THEN MONEY(COALESCE(held.other_amount, 0))
    END AS other_amount,
    ROUND($min_amount * adjusted.billing_months, 6) AS min_amount,
    event.event_id AS adjusted_event_id
  FROM adjusted
  LEFT JOIN held ON held.bill_id = adjusted.bill_id
  LEFT JOIN source.bill AS corrected ON corrected.bill_id = adjusted.corrects_bill_id
  LEFT JOIN event ON event.bill_id = adjusted.bill_id
)

SELECT
  judged.bill_id AS subject_id,
  judged.account_id,
  judged.adjusted_event_id IS NULL
  AND ROUND(ABS(CAST(judged.adjustment_amount AS DOUBLE)), 6) > judged.min_amount
  AND ROUND(ABS(CAST(judged.adjustment_amount AS DOUBLE)), 6)
  > ROUND($max_share * CAST(judged.other_amount AS DOUBLE), 6) AS flagged,
  -judged.adjustment_amount AS at_stake_amount,
  judged.adjustment_amount,
  judged.other_amount,
  judged.min_amount,
  $max_share AS max_share,
  judged.issued_on,
  judged.corrects_bill_id,
  judged.adjusted_event_id
FROM judged
