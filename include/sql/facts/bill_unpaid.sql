/*
grain: one row per bill that corrects none, with all its corrections
key: [root_bill_id]
purpose: What is open on a bill and its corrections taken together.
view: true
columns:
  root_bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  due_on: {type: date, doc: Its own due date.}
  total_amount: {type: decimal, doc: Total with corrections.}
  paid_amount: {type: decimal, doc: Payments that name it or one of its corrections.}
  unpaid_amount: {type: decimal, doc: Total less paid; negative is a credit.}
  last_paid_on: {type: date, doc: Local day of the last payment.}
*/
WITH corrected AS (
  SELECT
    bill_correction.bill_id,
    SUM(bill_paid.total_amount) AS total_amount,
    SUM(bill_paid.paid_amount) AS paid_amount,
    MAX(bill_paid.last_paid_on) AS last_paid_on
  FROM facts.bill_correction
  JOIN facts.bill_paid ON bill_paid.bill_id = bill_correction.correction_bill_id
  WHERE bill_correction.is_root
  GROUP BY bill_correction.bill_id
),

summed AS (
  SELECT
    bill_paid.bill_id,
    bill_paid.account_id,
    bill_paid.period,
    bill_paid.due_on,
    MONEY(bill_paid.total_amount + COALESCE(corrected.total_amount, 0)) AS total_amount,
    MONEY(bill_paid.paid_amount + COALESCE(corrected.paid_amount, 0)) AS paid_amount,
    CASE
      WHEN
        corrected.last_paid_on > bill_paid.last_paid_on OR bill_paid.last_paid_on IS NULL
        THEN corrected.last_paid_on
      ELSE bill_paid.last_paid_on
    END AS last_paid_on
  FROM facts.bill_paid
  LEFT JOIN corrected ON corrected.bill_id = bill_paid.bill_id
  LEFT JOIN facts.bill_correction
    ON bill_correction.correction_bill_id = bill_paid.bill_id AND bill_correction.is_root
  WHERE bill_correction.bill_id IS NULL
)

SELECT
  summed.bill_id AS root_bill_id,
  summed.account_id,
  summed.period,
  summed.due_on,
  summed.total_amount,
  summed.paid_amount,
  MONEY(summed.total_amount - summed.paid_amount) AS unpaid_amount,
  summed.last_paid_on
FROM summed
