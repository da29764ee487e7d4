/*
grain: one row a bill that corrects none, with all its corrections
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
  SELECT c.bill_id,
         SUM(p.total_amount) AS total_amount,
         SUM(p.paid_amount) AS paid_amount,
         MAX(p.last_paid_on) AS last_paid_on
  FROM facts.bill_correction AS c
  JOIN facts.bill_paid AS p ON p.bill_id = c.correction_bill_id
  WHERE c.is_root
  GROUP BY c.bill_id
),
summed AS (
  SELECT p.bill_id,
         p.account_id,
         p.period,
         p.due_on,
         MONEY(p.total_amount + COALESCE(c.total_amount, 0)) AS total_amount,
         MONEY(p.paid_amount + COALESCE(c.paid_amount, 0)) AS paid_amount,
         CASE WHEN c.last_paid_on > p.last_paid_on OR p.last_paid_on IS NULL THEN c.last_paid_on ELSE p.last_paid_on END AS last_paid_on
  FROM facts.bill_paid AS p
  LEFT JOIN corrected AS c ON c.bill_id = p.bill_id
  LEFT JOIN facts.bill_correction AS r ON r.correction_bill_id = p.bill_id AND r.is_root
  WHERE r.bill_id IS NULL
)
SELECT s.bill_id AS root_bill_id,
       s.account_id,
       s.period,
       s.due_on,
       s.total_amount,
       s.paid_amount,
       MONEY(s.total_amount - s.paid_amount) AS unpaid_amount,
       s.last_paid_on
FROM summed AS s
