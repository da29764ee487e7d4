/*
grain: one row per bill of P that corrects none and some of whose days an earlier bill of its account had billed
key: [bill_id]
purpose: Days that were billed twice. A bill that its corrections take back whole, in money and energy, billed nothing.
columns:
  bill_id: {type: string, doc: The bill of P.}
  account_id: {type: string, doc: Its account.}
  bill_days: {type: integer, doc: 'Its days, both ends included.'}
  overlap_days: {type: integer, doc: 'Those of them that bills issued before it have too, each counted once.'}
  first_overlap_on: {type: date, doc: The first of these days.}
  last_overlap_on: {type: date, doc: The last of these days.}
  earlier_bills: {type: integer, doc: 'Bills issued before it that have some of its days; of bills issued at one moment the lower bill_id counts as issued before.'}
  earlier_bill_id: {type: string, doc: The first of them to be issued.}
  earlier_start_on: {type: date, doc: That bill's first day.}
  earlier_end_on: {type: date, doc: That bill's last day.}
  net_amount: {type: decimal, doc: Total of the bill of P with its corrections.}
*/
WITH original AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end,
    bill.issued_at,
    bill.total_amount,
    bill.billed_kwh
  FROM source.bill
  WHERE bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end
),

pair AS (
  SELECT
    original.bill_id,
    original.account_id,
    original.period_start,
    original.period_end,
    earlier.bill_id AS earlier_bill_id,
    earlier.period_start AS earlier_start_on,
    earlier.period_end AS earlier_end_on,
    earlier.issued_at AS earlier_issued_at
  FROM original
  JOIN original AS earlier
    ON earlier.account_id = original.account_id
    AND earlier.period_start <= original.period_end
    AND earlier.period_end >= original.period_start
    AND (
      earlier.issued_at < original.issued_at
      OR (earlier.issued_at = original.issued_at AND earlier.bill_id < original.bill_id)
    )
  WHERE original.period = $period
),

concerned AS (
  SELECT pair.bill_id FROM pair
  UNION
  SELECT pair.earlier_bill_id AS bill_id FROM pair
),

corrected AS (
  SELECT
    concerned.bill_id,
    COUNT(*) AS corrections,
    SUM(correction.total_amount) AS total_amount,
    EXACT_SUM(correction.billed_kwh) AS billed_kwh
  FROM concerned
  JOIN facts.bill_correction ON bill_correction.bill_id = concerned.bill_id
  JOIN source.bill AS correction ON correction.bill_id = bill_correction.correction_bill_id
  GROUP BY concerned.bill_id
),

net AS (
  SELECT
    concerned.bill_id,
    MONEY(original.total_amount + COALESCE(corrected.total_amount, 0)) AS total_amount,
    COALESCE(
      corrected.corrections > 0
      AND original.total_amount + corrected.total_amount = 0
      AND ROUND(original.billed_kwh + corrected.billed_kwh, 6) = 0,
      FALSE
    ) AS is_taken_back
  FROM concerned
  JOIN original ON original.bill_id = concerned.bill_id
  LEFT JOIN corrected ON corrected.bill_id = concerned.bill_id
),

part AS (
  SELECT
    pair.bill_id,
    pair.account_id,
    pair.period_start,
    pair.period_end,
    pair.earlier_bill_id,
    pair.earlier_start_on,
    pair.earlier_end_on,
    pair.earlier_issued_at,
    net.total_amount AS net_amount,
    GREATEST(pair.period_start, pair.earlier_start_on) AS first_on,
    LEAST(pair.period_end, pair.earlier_end_on) AS last_on
  FROM pair
  JOIN net ON net.bill_id = pair.bill_id AND NOT net.is_taken_back
  JOIN net AS earlier_net ON earlier_net.bill_id = pair.earlier_bill_id AND NOT earlier_net.is_taken_back
),

laid AS (
  SELECT
    part.*,
    MAX(part.last_on) OVER (
      PARTITION BY part.bill_id
      ORDER BY part.first_on, part.last_on, part.earlier_bill_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to,
    ROW_NUMBER() OVER (PARTITION BY part.bill_id ORDER BY part.earlier_issued_at, part.earlier_bill_id)
      AS earlier_no
  FROM part
)

SELECT
  laid.bill_id,
  laid.account_id,
  DATE_DIFF('day', laid.period_start, laid.period_end) + 1 AS bill_days,
  INTEGER_SUM(
    CASE
      WHEN
        laid.covered_to IS NULL OR laid.covered_to < laid.first_on
        THEN DATE_DIFF('day', laid.first_on, laid.last_on) + 1
      WHEN laid.covered_to < laid.last_on THEN DATE_DIFF('day', laid.covered_to, laid.last_on)
      ELSE 0
    END
  ) AS overlap_days,
  MIN(laid.first_on) AS first_overlap_on,
  MAX(laid.last_on) AS last_overlap_on,
  COUNT(*) AS earlier_bills,
  MIN(CASE WHEN laid.earlier_no = 1 THEN laid.earlier_bill_id END) AS earlier_bill_id,
  MIN(CASE WHEN laid.earlier_no = 1 THEN laid.earlier_start_on END) AS earlier_start_on,
  MIN(CASE WHEN laid.earlier_no = 1 THEN laid.earlier_end_on END) AS earlier_end_on,
  MIN(laid.net_amount) AS net_amount
FROM laid
GROUP BY laid.bill_id, laid.account_id, laid.period_start, laid.period_end
