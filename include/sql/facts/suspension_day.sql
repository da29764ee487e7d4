/*
grain: one row per account and day on which a suspension or a reduction of its capacity is in force, over 15 months up to P (six years where a bill covers several months) and on to as_of
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
  SELECT calendar.day
  FROM core.calendar
  WHERE calendar.day >= ADD_MONTHS($period, -72) AND calendar.day <= GREATEST($as_of, $period_next)
),

taken AS (
  SELECT
    capacity_out.account_id,
    calendar.day,
    COALESCE(EXACT_SUM(capacity_out.capacity_kva) FILTER (WHERE capacity_out.kind = 'suspend'), 0)
      AS suspended_kva,
    EXACT_SUM(capacity_out.capacity_kva) AS out_kva,
    COUNT(*) FILTER (WHERE capacity_out.kind = 'suspend') AS suspensions
  FROM core.capacity_out
  JOIN calendar
    ON calendar.day >= capacity_out.start_on
    AND (capacity_out.last_on IS NULL OR calendar.day <= capacity_out.last_on)
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = capacity_out.account_id
  WHERE calendar.day >= ADD_MONTHS($period, -14) OR billing_cycle.account_id IS NOT NULL
  GROUP BY capacity_out.account_id, calendar.day
)

SELECT
  taken.account_id,
  taken.day,
  taken.suspended_kva,
  taken.out_kva,
  COALESCE(taken.suspensions > 0 AND taken.suspended_kva >= ROUND(account.contracted_kva, 6), FALSE)
    AS is_suspended
FROM taken
JOIN source.account ON account.account_id = taken.account_id
