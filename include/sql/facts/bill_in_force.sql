/*
grain: one row per bill of P or the 11 months before that corrects none and is not whole, or within which capacity grew
key: [bill_id]
purpose: The months and kVA that such a bill is charged for, day by day.
columns:
  bill_id: {type: string, doc: The bill.}
  in_force_months: {type: double, doc: 'Its days in force, each over the days of its calendar month, summed.'}
  kva_months: {type: double, doc: 'The same, each day times the kVA that it is charged for; what came into force within the bill counts from its day.'}
  in_force_kva: {type: double, doc: Mean of these kVA over all days of the bill.}
  in_force_share: {type: double, doc: Days in force over days of the bill.}
*/
WITH later AS (
  SELECT
    capacity_change.account_id,
    capacity_change.start_on,
    EXACT_SUM(capacity_change.capacity_kva) AS kva
  FROM source.capacity_change
  WHERE capacity_change.kind = 'increase'
  GROUP BY capacity_change.account_id, capacity_change.start_on
),

-- Only bills of a part of a month, or within which capacity grew, are looked at day by day.
charged_day AS (
  SELECT
    bill_length.bill_id,
    calendar.day,
    MAX(bill_length.days) AS days,
    MAX(DATE_DIFF('day', MONTH_OF(calendar.day), LAST_DAY(calendar.day)) + 1) AS month_days,
    GREATEST(
      MAX(account.contracted_kva)
      - COALESCE(EXACT_SUM(later.kva), 0)
      - COALESCE(MAX(capacity_relief.relief_kva), 0),
      0
    ) AS kva
  FROM facts.bill_length
  JOIN source.account ON account.account_id = bill_length.account_id
  JOIN core.calendar ON calendar.day >= bill_length.first_on AND calendar.day <= bill_length.last_on
  LEFT JOIN later
    ON later.account_id = bill_length.account_id
    AND later.start_on > calendar.day
    AND later.start_on <= bill_length.period_end
  LEFT JOIN facts.capacity_relief
    ON capacity_relief.account_id = bill_length.account_id AND capacity_relief.day = calendar.day
  WHERE bill_length.length <> 'whole' OR bill_length.is_grown
  GROUP BY bill_length.bill_id, calendar.day
)

SELECT
  charged_day.bill_id,
  -- The days of every month divide 377,580: a whole month is 1, and no thirty-first part is rounded.
  RATIO(INTEGER_SUM(CAST(RATIO(377580, charged_day.month_days) AS BIGINT)), 377580) AS in_force_months,
  RATIO(DECIMAL_SUM(charged_day.kva * RATIO(377580, charged_day.month_days)), 377580) AS kva_months,
  RATIO(EXACT_SUM(charged_day.kva), MAX(charged_day.days)) AS in_force_kva,
  RATIO(COUNT(*), MAX(charged_day.days)) AS in_force_share
FROM charged_day
GROUP BY charged_day.bill_id
