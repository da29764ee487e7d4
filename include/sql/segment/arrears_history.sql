/*
grain: one row an account and cut-off day; cut 0 is as_of (to be scored), 1 is the test, the rest are the training
key: [account_id, cut_no]
purpose: >-
  What was known of an account's paying at a cut-off day, and whether a bill due in the 60 days after it was
  still open 30 days after its due date. Every feature lies between 0 and 1.
columns:
  account_id: {type: string, doc: The supply account.}
  cut_no: {type: integer, doc: '0 score, 1 test, 2 and on training.'}
  cut_on: {type: date, doc: The cut-off day; what came after it is not looked at.}
  bills_due: {type: integer, doc: Bills due in the 12 months up to the cut-off.}
  late_bills: {type: integer, doc: 'Of those, settled after the due date or open past it.'}
  open_bills: {type: integer, doc: 'Of those, open past the due date at the cut-off.'}
  late_share: {type: double, doc: late_bills over bills_due.}
  very_late_share: {type: double, doc: Share more than 30 days late.}
  last_late: {type: double, doc: 1 where the newest due bill was late.}
  open_level: {type: double, doc: 'open_bills over 3, not above 1.'}
  no_history: {type: double, doc: 1 where no bill was due yet.}
  not_automatic: {type: double, doc: 1 where the account pays neither by bank debit nor in advance.}
  temporary: {type: double, doc: 1 for temporary supply.}
  business: {type: double, doc: 1 unless residential or agricultural.}
  large_bill: {type: double, doc: 'ln(1 + mean bill) over ln(1 + 100000), 0 to 1.'}
  failed: {type: boolean, doc: What happened after the cut-off; empty for cut 0.}
params:
  cut:
    type: rows
    columns: {cut_no: integer, months_back: integer}
    default: [[1, 3], [2, 6], [3, 7], [4, 8], [5, 9], [6, 10], [7, 11]]
    doc: Cut-off days, in months before the first of the month of as_of. Training ends 3 months before the test begins.
  sample_accounts: {type: integer, default: 50000, minimum: 100, doc: Accounts looked at for training and test.}
*/
WITH anchor AS (
  SELECT MONTH_OF($as_of) AS day
),
cut AS (
  SELECT c.cut_no, ADD_MONTHS(n.day, -c.months_back) AS cut_on, n.day AS known_until
  FROM param.cut AS c
  CROSS JOIN anchor AS n
),
sample AS (
  SELECT a.account_id
  FROM source.account AS a
  QUALIFY ROW_NUMBER() OVER (ORDER BY MD5(a.account_id), a.account_id) <= $sample_accounts
),
subject AS (
  SELECT a.account_id, CAST(0 AS BIGINT) AS cut_no, $as_of AS cut_on, $as_of AS known_until
  FROM core.live_account AS a
  UNION ALL
  SELECT s.account_id, c.cut_no, c.cut_on, c.known_until
  FROM sample AS s
  CROSS JOIN cut AS c
),
bill AS (
  SELECT s.account_id, s.cut_no, s.cut_on, b.due_on, b.amount, b.bill_id,
         CASE WHEN b.settled_on <= s.cut_on THEN b.settled_on END AS settled_on,
         b.due_on <= s.cut_on AS is_past,
         b.due_on > s.cut_on AND DATE_DIFF('day', s.cut_on, b.due_on) <= 60 AND DATE_DIFF('day', b.due_on, s.known_until) > 30 AS is_next,
         b.settled_on IS NULL OR DATE_DIFF('day', b.due_on, b.settled_on) > 30 AS has_failed
  FROM subject AS s
  JOIN segment.bill_settlement AS b ON b.account_id = s.account_id
  WHERE b.due_on > ADD_MONTHS(s.cut_on, -12) AND b.due_on <= ADD_MONTHS(s.cut_on, 3)
),
judged AS (
  SELECT b.*,
         CASE WHEN b.is_past THEN DATE_DIFF('day', b.due_on, COALESCE(b.settled_on, b.cut_on)) END AS days_late,
         CASE WHEN b.is_past THEN ROW_NUMBER() OVER (PARTITION BY b.account_id, b.cut_no, b.is_past ORDER BY b.due_on DESC, b.bill_id DESC) END AS place
  FROM bill AS b
),
summed AS (
  SELECT j.account_id, j.cut_no,
         COUNT(*) FILTER (WHERE j.is_past) AS bills_due,
         COUNT(*) FILTER (WHERE j.days_late > 0) AS late_bills,
         COUNT(*) FILTER (WHERE j.days_late > 30) AS very_late_bills,
         COUNT(*) FILTER (WHERE j.days_late > 0 AND j.settled_on IS NULL) AS open_bills,
         COUNT(*) FILTER (WHERE j.days_late > 0 AND j.place = 1) AS last_late,
         SUM(j.amount) FILTER (WHERE j.is_past) AS amount,
         COUNT(*) FILTER (WHERE j.is_next) AS next_bills,
         COUNT(*) FILTER (WHERE j.is_next AND j.has_failed) AS next_failed
  FROM judged AS j
  GROUP BY j.account_id, j.cut_no
)
SELECT s.account_id,
       s.cut_no,
       s.cut_on,
       COALESCE(m.bills_due, 0) AS bills_due,
       COALESCE(m.late_bills, 0) AS late_bills,
       COALESCE(m.open_bills, 0) AS open_bills,
       ROUND(COALESCE(RATIO(m.late_bills, m.bills_due), CAST(0 AS DOUBLE)), 6) AS late_share,
       ROUND(COALESCE(RATIO(m.very_late_bills, m.bills_due), CAST(0 AS DOUBLE)), 6) AS very_late_share,
       CAST(COALESCE(m.last_late, 0) AS DOUBLE) AS last_late,
       ROUND(LEAST(CAST(COALESCE(m.open_bills, 0) AS DOUBLE) / 3, CAST(1 AS DOUBLE)), 6) AS open_level,
       CASE WHEN COALESCE(m.bills_due, 0) = 0 THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS no_history,
       CASE WHEN a.payment_method IN ('bank_debit', 'prepaid') THEN CAST(0 AS DOUBLE) ELSE CAST(1 AS DOUBLE) END AS not_automatic,
       CASE WHEN a.is_temporary THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS temporary,
       CASE WHEN a.usage_category IN ('residential', 'agricultural') THEN CAST(0 AS DOUBLE) ELSE CAST(1 AS DOUBLE) END AS business,
       ROUND(LEAST(RATIO(LN(1 + COALESCE(RATIO(m.amount, m.bills_due), CAST(0 AS DOUBLE))), LN(CAST(100001 AS DOUBLE))),
                   CAST(1 AS DOUBLE)), 6) AS large_bill,
       CASE WHEN s.cut_no > 0 THEN m.next_failed > 0 END AS failed
FROM subject AS s
JOIN source.account AS a ON a.account_id = s.account_id
LEFT JOIN summed AS m ON m.account_id = s.account_id AND m.cut_no = s.cut_no
WHERE s.cut_no = 0 OR m.next_bills > 0
