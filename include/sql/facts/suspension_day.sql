/*
grain: one row an account and day on which a suspension or a reduction of its capacity is in force, over 15 months up to P and on to as_of
key: [account_id, day]
purpose: How much capacity is taken out on a day, the base of "suspended", of the capacity charge and of the days without iron loss.
columns:
  account_id: {type: string, doc: The supply account.}
  day: {type: date, doc: Local day.}
  suspended_kva: {type: double, doc: kVA of the suspend rows in force.}
  out_kva: {type: double, doc: kVA of the suspend and reduce rows in force.}
  is_suspended: {type: boolean, doc: The kVA suspended reach contracted_kva. An account whose running_kva is 0 counts as suspended on every day, with or without a row here.}
*/
WITH calendar AS (
  SELECT d.day
  FROM core.calendar AS d
  WHERE d.day >= ADD_MONTHS($period, -14) AND d.day <= GREATEST($as_of, $period_end)
),
taken AS (
  SELECT s.account_id,
         d.day,
         COALESCE(EXACT_SUM(s.capacity_kva) FILTER (WHERE s.kind = 'suspend'), 0) AS suspended_kva,
         EXACT_SUM(s.capacity_kva) AS out_kva,
         COUNT(*) FILTER (WHERE s.kind = 'suspend') AS suspensions
  FROM core.capacity_out AS s
  JOIN calendar AS d ON d.day >= s.start_on AND (s.last_on IS NULL OR d.day <= s.last_on)
  GROUP BY s.account_id, d.day
)
SELECT t.account_id,
       t.day,
       t.suspended_kva,
       t.out_kva,
       COALESCE(t.suspensions > 0 AND t.suspended_kva >= ROUND(a.contracted_kva, 6), FALSE) AS is_suspended
FROM taken AS t
JOIN source.account AS a ON a.account_id = t.account_id
