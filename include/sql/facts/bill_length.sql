/*
grain: one row per bill of P or the 11 months before that corrects none
key: [bill_id]
purpose: How long a bill is, by the days on which its account was in force, and what happened within it.
view: true
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: 'Last day billed, included.'}
  tariff_code: {type: string, doc: The tariff that it was billed on.}
  days: {type: integer, doc: 'Days billed, both ends included.'}
  months: {type: integer, doc: 'Months that a bill of the account covers, 1 where its file does not say.'}
  first_on: {type: date, doc: First day in force.}
  last_on: {type: date, doc: Last day in force.}
  is_grown: {type: boolean, doc: As in facts.bill_change.}
  is_multiplied: {type: boolean, doc: As in facts.bill_change.}
  out_kva_days: {type: double, doc: 'As in facts.bill_change, 0 where there is none.'}
  length: {type: string, doc: 'How the days on which the account was in force within the bill compare with these months: whole, part or long; begun of a part of several months whose days lie in as many calendar months.'}
params:
  tolerance_days: {type: integer, default: 3, minimum: 0, doc: 'Days by which a bill may differ from whole months, as days of reading do; the first and the last bill of an account none.'}
*/
WITH bill AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end,
    bill.tariff_code,
    DATE_DIFF('day', bill.period_start, bill.period_end) + 1 AS days,
    CAST(COALESCE(account.billing_months, 1) AS BIGINT) AS months,
    COALESCE(account.opened_on >= bill.period_start, FALSE)
    OR COALESCE(account.closed_on <= bill.period_end, FALSE)
    OR bill_change.new_on IS NOT NULL AS is_edge,
    GREATEST(
      bill.period_start,
      COALESCE(account.opened_on, bill.period_start),
      COALESCE(bill_change.new_on, bill.period_start)
    ) AS first_on,
    LEAST(bill.period_end, COALESCE(account.closed_on, bill.period_end)) AS last_on,
    COALESCE(bill_change.is_grown, FALSE) AS is_grown,
    COALESCE(bill_change.is_multiplied, FALSE) AS is_multiplied,
    COALESCE(bill_change.out_kva_days, 0) AS out_kva_days
  FROM source.bill
  JOIN source.account ON account.account_id = bill.account_id
  LEFT JOIN facts.bill_change ON bill_change.bill_id = bill.bill_id
  WHERE
    bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
),

spanned AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end,
    bill.tariff_code,
    bill.days,
    bill.months,
    bill.is_edge,
    bill.is_grown,
    bill.is_multiplied,
    bill.out_kva_days,
    -- An account that was opened after its bill or closed before it has dates that say nothing of the bill.
    CASE WHEN bill.first_on <= bill.last_on THEN bill.first_on ELSE bill.period_start END AS first_on,
    CASE WHEN bill.first_on <= bill.last_on THEN bill.last_on ELSE bill.period_end END AS last_on
  FROM bill
),

measured AS (
  SELECT
    spanned.*,
    DATE_DIFF('day', ADD_MONTHS(spanned.first_on, spanned.months), spanned.last_on) + 1 AS days_over
  FROM spanned
)

SELECT
  measured.bill_id,
  measured.account_id,
  measured.period,
  measured.period_start,
  measured.period_end,
  measured.tariff_code,
  measured.days,
  measured.months,
  measured.first_on,
  measured.last_on,
  measured.is_grown,
  measured.is_multiplied,
  measured.out_kva_days,
  CASE
    WHEN measured.days_over > $tolerance_days THEN 'long'
    -- Of as many calendar months as it covers one is a part, and each pays its price.
    WHEN
      measured.is_edge
      AND measured.days_over < 0
      AND measured.months > 1
      AND 12 * (EXTRACT(YEAR FROM measured.last_on) - EXTRACT(YEAR FROM measured.first_on))
      + EXTRACT(MONTH FROM measured.last_on) - EXTRACT(MONTH FROM measured.first_on) + 1
      = measured.months
      THEN 'begun'
    WHEN measured.days_over < CASE WHEN measured.is_edge THEN 0 ELSE -$tolerance_days END THEN 'part'
    ELSE 'whole'
  END AS length
FROM measured
