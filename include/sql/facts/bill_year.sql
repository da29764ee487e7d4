/*
grain: one row per bill of P or the 11 months before that corrects none, where a tariff has steps of a year for its account's use or is what it was billed on
key: [bill_id]
purpose: Where in the steps of its calendar year a bill begins.
columns:
  bill_id: {type: string, doc: The bill.}
  before_kwh: {type: double, doc: 'billed_kwh of the account''s earlier months of the same year, corrections included.'}
  not_checked: {type: string, doc: 'year_crossed (the bill lies in two years), year_incomplete (a month since January, or since the account opened, has no bill); empty where neither.'}
*/
WITH tariff AS (
  SELECT
    tariff.tariff_code,
    tariff.usage_category
  FROM source.tariff
  WHERE tariff.is_stepped AND tariff.step_basis = 'year'
),

wanted AS (
  SELECT account.account_id
  FROM source.account
  JOIN tariff ON tariff.usage_category = account.usage_category
  UNION
  SELECT bill.account_id
  FROM source.bill
  JOIN tariff ON tariff.tariff_code = bill.tariff_code
  WHERE bill.period >= ADD_MONTHS($period, -11) AND bill.period <= $period
),

correction AS (
  SELECT
    bill_correction.correction_bill_id,
    bill.period
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.bill_id
  WHERE bill_correction.is_root
),

billed AS (
  SELECT
    bill.account_id,
    COALESCE(correction.period, bill.period) AS period,
    EXACT_SUM(bill.billed_kwh) AS billed_kwh,
    -- A month is billed by a bill of its own since the opening, not by the correction of an unknown one.
    MAX(
      CASE
        WHEN
          bill.corrects_bill_id IS NULL
          AND (account.opened_on IS NULL OR bill.period >= MONTH_OF(account.opened_on))
          THEN 1
        ELSE 0
      END
    ) AS is_counted
  FROM source.bill
  JOIN wanted ON wanted.account_id = bill.account_id
  JOIN source.account ON account.account_id = bill.account_id
  LEFT JOIN correction ON correction.correction_bill_id = bill.bill_id
  WHERE
    COALESCE(correction.period, bill.period) >= CAST(DATE_TRUNC('year', ADD_MONTHS($period, -11)) AS DATE)
    AND COALESCE(correction.period, bill.period) <= $period
  GROUP BY bill.account_id, COALESCE(correction.period, bill.period)
),

running AS (
  SELECT
    billed.account_id,
    billed.period,
    EXACT_SUM(billed.billed_kwh) OVER w AS before_kwh,
    SUM(billed.is_counted) OVER w AS bills_before
  FROM billed
  WINDOW
    w AS (
      PARTITION BY billed.account_id, DATE_TRUNC('year', billed.period)
      ORDER BY billed.period ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

placed AS (
  SELECT
    bill.bill_id,
    running.before_kwh,
    COALESCE(running.bills_before, 0) * COALESCE(account.billing_months, 1) AS months_before,
    bill.period_start,
    bill.period_end,
    CASE WHEN account.billing_months > 1 THEN MONTH_OF(bill.period_start) ELSE bill.period END AS until_month,
    GREATEST(
      CAST(DATE_TRUNC('year', bill.period) AS DATE),
      COALESCE(MONTH_OF(account.opened_on), CAST(DATE_TRUNC('year', bill.period) AS DATE))
    ) AS from_month
  FROM source.bill
  JOIN running ON running.account_id = bill.account_id AND running.period = bill.period
  JOIN source.account ON account.account_id = bill.account_id
  WHERE
    bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
)

SELECT
  placed.bill_id,
  COALESCE(placed.before_kwh, 0) AS before_kwh,
  CASE
    WHEN EXTRACT(YEAR FROM placed.period_start) <> EXTRACT(YEAR FROM placed.period_end) THEN 'year_crossed'
    WHEN
      placed.months_before
      < 12 * (EXTRACT(YEAR FROM placed.until_month) - EXTRACT(YEAR FROM placed.from_month))
      + EXTRACT(MONTH FROM placed.until_month) - EXTRACT(MONTH FROM placed.from_month)
      THEN 'year_incomplete'
  END AS not_checked
FROM placed
