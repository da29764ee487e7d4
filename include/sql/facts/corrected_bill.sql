/*
grain: one row per bill of P or the eleven months before that corrects none
key: [bill_id]
purpose: Bills with what their corrections, direct or through others and of any period, changed of them.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  staff_id: {type: string, doc: Who made it.}
  billed_kwh: {type: double, doc: Its billed energy.}
  total_amount: {type: decimal, doc: Its total.}
  corrections: {type: integer, doc: Its corrections.}
  corrected_kwh: {type: double, doc: Sum of their billed energy; 0 where there is none.}
  corrected_amount: {type: decimal, doc: Sum of their totals; 0 where there is none.}
*/
WITH correction AS (
  SELECT
    bill_correction.bill_id,
    COUNT(*) AS corrections,
    DECIMAL_SUM(bill.billed_kwh) AS billed_kwh,
    SUM(bill.total_amount) AS total_amount
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.correction_bill_id
  GROUP BY bill_correction.bill_id
)

SELECT
  bill.bill_id,
  bill.account_id,
  bill.period,
  bill.staff_id,
  bill.billed_kwh,
  bill.total_amount,
  COALESCE(correction.corrections, 0) AS corrections,
  COALESCE(correction.billed_kwh, 0) AS corrected_kwh,
  MONEY(COALESCE(correction.total_amount, 0)) AS corrected_amount
FROM source.bill
LEFT JOIN correction ON correction.bill_id = bill.bill_id
WHERE
  bill.corrects_bill_id IS NULL AND bill.period >= ADD_MONTHS($period, -11) AND bill.period <= $period
