/*
grain: one row per account and cut-off day; cut 0 is as_of (to be scored), 1 is the test, the rest are the training
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
  SELECT
    cut.cut_no,
    ADD_MONTHS(anchor.day, -cut.months_back) AS cut_on,
    anchor.day AS known_until
  FROM param.cut
  CROSS JOIN anchor
),

sample AS (
  SELECT account.account_id
  FROM source.account
  QUALIFY ROW_NUMBER() OVER (ORDER BY MD5(account.account_id), account.account_id) <= $sample_accounts
),

subject AS (
  SELECT
    live_account.account_id,
    CAST(0 AS BIGINT) AS cut_no,
    $as_of AS cut_on,
    $as_of AS known_until
  FROM core.live_account
  UNION ALL
  SELECT
    sample.account_id,
    cut.cut_no,
    cut.cut_on,
    cut.known_until
  FROM sample
  CROSS JOIN cut
),

bill AS (
  SELECT
    subject.account_id,
    subject.cut_no,
    subject.cut_on,
    bill_settlement.due_on,
    bill_settlement.amount,
    bill_settlement.bill_id,
    CASE WHEN bill_settlement.settled_on <= subject.cut_on THEN bill_settlement.settled_on END AS settled_on,
    bill_settlement.due_on <= subject.cut_on AS is_past,
    bill_settlement.due_on > subject.cut_on
    AND DATE_DIFF('day', subject.cut_on, bill_settlement.due_on) <= 60
    AND DATE_DIFF('day', bill_settlement.due_on, subject.known_until) > 30 AS is_next,
    bill_settlement.settled_on IS NULL
    OR DATE_DIFF('day', bill_settlement.due_on, bill_settlement.settled_on) > 30 AS has_failed
  FROM subject
  JOIN facts.bill_settlement ON bill_settlement.account_id = subject.account_id
  WHERE
    bill_settlement.amount > 0
    AND bill_settlement.due_on > ADD_MONTHS(subject.cut_on, -12)
    AND bill_settlement.due_on <= ADD_MONTHS(subject.cut_on, 3)
),

judged AS (
  SELECT
    bill.*,
    CASE WHEN bill.is_past THEN DATE_DIFF('day', bill.due_on, COALESCE(bill.settled_on, bill.cut_on)) END
      AS days_late,
    CASE
      WHEN
        bill.is_past
        THEN
          ROW_NUMBER()
            OVER (
              PARTITION BY bill.account_id, bill.cut_no, bill.is_past
              ORDER BY bill.due_on DESC, bill.bill_id DESC
            )
    END AS place
  FROM bill
),

summed AS (
  SELECT
    judged.account_id,
    judged.cut_no,
    COUNT(*) FILTER (WHERE judged.is_past) AS bills_due,
    COUNT(*) FILTER (WHERE judged.days_late > 0) AS late_bills,
    COUNT(*) FILTER (WHERE judged.days_late > 30) AS very_late_bills,
    COUNT(*) FILTER (WHERE judged.days_late > 0 AND judged.settled_on IS NULL) AS open_bills,
    COUNT(*) FILTER (WHERE judged.days_late > 0 AND judged.place = 1) AS last_late,
    SUM(judged.amount) FILTER (WHERE judged.is_past) AS amount,
    COUNT(*) FILTER (WHERE judged.is_next) AS next_bills,
    COUNT(*) FILTER (WHERE judged.is_next AND judged.has_failed) AS next_failed
  FROM judged
  GROUP BY judged.account_id, judged.cut_no
)

SELECT
  subject.account_id,
  subject.cut_no,
  subject.cut_on,
  COALESCE(summed.bills_due, 0) AS bills_due,
  COALESCE(summed.late_bills, 0) AS late_bills,
  COALESCE(summed.open_bills, 0) AS open_bills,
  ROUND(COALESCE(RATIO(summed.late_bills, summed.bills_due), CAST(0 AS DOUBLE)), 6) AS late_share,
  ROUND(COALESCE(RATIO(summed.very_late_bills, summed.bills_due), CAST(0 AS DOUBLE)), 6) AS very_late_share,
  CAST(COALESCE(summed.last_late, 0) AS DOUBLE) AS last_late,
  ROUND(LEAST(CAST(COALESCE(summed.open_bills, 0) AS DOUBLE) / 3, CAST(1 AS DOUBLE)), 6) AS open_level,
  CASE WHEN COALESCE(summed.bills_due, 0) = 0 THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS no_history,
  CASE
    WHEN account.payment_method IN ('bank_debit', 'prepaid') THEN CAST(0 AS DOUBLE) ELSE CAST(1 AS DOUBLE)
  END AS not_automatic,
  CASE WHEN account.is_temporary THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS temporary,
  CASE
    WHEN account.usage_category IN ('residential', 'agricultural') THEN CAST(0 AS DOUBLE) ELSE
      CAST(1 AS DOUBLE)
  END AS business,
  ROUND(LEAST(
    RATIO(
      LN(1 + COALESCE(RATIO(summed.amount, summed.bills_due), CAST(0 AS DOUBLE))), LN(CAST(100001 AS DOUBLE))
    ),
    CAST(1 AS DOUBLE)
  ), 6) AS large_bill,
  CASE WHEN subject.cut_no > 0 THEN summed.next_failed > 0 END AS failed
FROM subject
JOIN source.account ON account.account_id = subject.account_id
LEFT JOIN summed ON summed.account_id = subject.account_id AND summed.cut_no = subject.cut_no
WHERE subject.cut_no = 0 OR summed.next_bills > 0
