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
WITH ending AS (
  -- A row without an end lasts to the day before the next resumption; the same is taken to end a reduction.
  SELECT c.change_id, MIN(r.start_on) AS resumed_on
  FROM source.capacity_change AS c
  JOIN source.capacity_change AS r ON r.account_id = c.account_id AND r.kind = 'resume' AND r.start_on > c.start_on
  WHERE c.kind IN ('suspend', 'reduce') AND c.end_on IS NULL
  GROUP BY c.change_id
),
span AS (
  SELECT c.account_id, c.kind, c.capacity_kva, c.start_on, c.end_on, e.resumed_on
  FROM source.capacity_change AS c
  LEFT JOIN ending AS e ON e.change_id = c.change_id
  WHERE c.kind IN ('suspend', 'reduce')
),
calendar AS (
  SELECT d.day
  FROM core.calendar AS d
  WHERE d.day >= CAST(ADD_MONTHS($period, -14) AS DATE) AND d.day <= GREATEST($as_of, $period_end)
),
taken AS (
  SELECT s.account_id,
         d.day,
         ROUND(COALESCE(SUM(s.capacity_kva) FILTER (WHERE s.kind = 'suspend'), 0), 6) AS suspended_kva,
         ROUND(SUM(s.capacity_kva), 6) AS out_kva,
         COUNT(*) FILTER (WHERE s.kind = 'suspend') AS suspensions
  FROM span AS s
  JOIN calendar AS d
    ON d.day >= s.start_on
   AND (s.end_on IS NULL OR d.day <= s.end_on)
   AND (s.resumed_on IS NULL OR d.day < s.resumed_on)
  GROUP BY s.account_id, d.day
)
SELECT t.account_id,
       t.day,
       t.suspended_kva,
       t.out_kva,
       COALESCE(t.suspensions > 0 AND t.suspended_kva >= ROUND(a.contracted_kva, 6), FALSE) AS is_suspended
FROM taken AS t
JOIN source.account AS a ON a.account_id = t.account_id
