/*
grain: one row a bill of P or the 11 months before that corrects none
key: [bill_id]
purpose: All that a bill is calculated from except the tariff; the account as it stands.
view: true
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: 'Last day billed, included.'}
  days: {type: integer, doc: 'Days billed, both ends included.'}
  billed_tariff_code: {type: string, doc: The tariff that it was billed on.}
  account_tariff_code: {type: string, doc: The account's tariff.}
  usage_category: {type: string, doc: Of the account.}
  supply_kv: {type: double, doc: Of the account.}
  status: {type: string, doc: Of the account.}
  demand_basis: {type: string, doc: Of the account.}
  contract_demand_kw: {type: double, doc: Of the account.}
  power_factor_standard: {type: double, doc: Of the account.}
  metered_kwh: {type: double, doc: Active total by the readings.}
  sharp_kwh: {type: double, doc: 'Energy of a register; empty where none was read, as below.'}
  peak_kwh: {type: double, doc: Energy of a register.}
  flat_kwh: {type: double, doc: Energy of a register.}
  valley_kwh: {type: double, doc: Energy of a register.}
  main_active_kwh: {type: double, doc: Active total of the main points.}
  reactive_kvarh: {type: double, doc: Reactive total of the main points.}
  demand_kw: {type: double, doc: Highest demand summed over the main points.}
  iron_kwh: {type: double, doc: 'Iron loss of the dedicated transformers, over the days not wholly suspended; 0 where losses are not billed.'}
  copper_kwh: {type: double, doc: Copper loss.}
  mean_kva: {type: double, doc: Mean over the days of contracted_kva less what is suspended or reduced.}
  power_factor: {type: double, doc: 'Rounded half up to two places; empty where no standard is set, no active energy was used or a reading is missing.'}
  energy_not_checked: {type: string, doc: 'Why the energy is not recalculated; empty where it is. allocation, capacity_change, change_tariff, no_reading, or as facts.register_energy.'}
  not_checked: {type: string, doc: 'As energy_not_checked, else loss_code_missing.'}
*/
WITH taken_out AS (
  SELECT b.bill_id,
         EXACT_SUM(LEAST(s.out_kva, a.contracted_kva)) AS out_kva_days
  FROM facts.suspension_day AS s
  JOIN source.account AS a ON a.account_id = s.account_id
  JOIN source.bill AS b ON b.account_id = s.account_id AND s.day >= b.period_start AND s.day <= b.period_end
  WHERE b.corrects_bill_id IS NULL
  GROUP BY b.bill_id
),
grown AS (
  SELECT c.account_id, MAX(c.start_on) AS last_on
  FROM source.capacity_change AS c
  WHERE c.kind IN ('new', 'increase')
  GROUP BY c.account_id
),
changed AS (
  SELECT o.account_id, MAX(CAST(o.closed_at AS DATE)) AS last_on
  FROM source.service_order AS o
  WHERE o.kind = 'change_tariff' AND o.closed_at IS NOT NULL AND (o.outcome IS NULL OR o.outcome NOT IN ('withdrawn', 'rejected'))
  GROUP BY o.account_id
),
multiplied AS (
  SELECT DISTINCT b.bill_id
  FROM source.metering_event AS e
  JOIN source.metering_point AS p ON p.metering_point_id = e.metering_point_id AND p.role IN ('main', 'sub')
  JOIN source.bill AS b
    ON b.account_id = p.account_id AND CAST(e.occurred_at AS DATE) >= b.period_start AND CAST(e.occurred_at AS DATE) <= b.period_end
  WHERE e.kind = 'multiplier_changed' AND b.corrects_bill_id IS NULL
),
read AS (
  SELECT r.metering_point_id, MAX(r.period) AS last_period, MAX(r.read_at) AS last_read_at
  FROM source.register_reading AS r
  WHERE r.register = 'active_total' AND r.period >= ADD_MONTHS($period, -1) AND r.period <= $period
  GROUP BY r.metering_point_id
),
removed AS (
  SELECT e.metering_point_id, MAX(e.occurred_at) AS removed_at
  FROM source.metering_event AS e
  WHERE e.kind = 'remove'
  GROUP BY e.metering_point_id
),
unread AS (
  -- Read for the month before, or there before P (as is one without a date), and not read for P: what the account used is not
  -- the sum of its other points. A point that was removed after its last reading, before P ended, is no longer there.
  SELECT DISTINCT p.account_id
  FROM source.metering_point AS p
  LEFT JOIN read AS r ON r.metering_point_id = p.metering_point_id
  LEFT JOIN removed AS m ON m.metering_point_id = p.metering_point_id AND (r.last_read_at IS NULL OR m.removed_at >= r.last_read_at)
    AND m.removed_at < $period_end_at
  WHERE p.role IN ('main', 'sub')
    AND (r.last_period < $period OR (r.last_period IS NULL AND (p.installed_on IS NULL OR p.installed_on < $period)))
    AND m.metering_point_id IS NULL
),
joined AS (
  SELECT b.bill_id,
         b.account_id,
         b.period,
         b.period_start,
         b.period_end,
         DATE_DIFF('day', b.period_start, b.period_end) + 1 AS days,
         b.tariff_code AS billed_tariff_code,
         a.tariff_code AS account_tariff_code,
         a.usage_category,
         a.supply_kv,
         a.status,
         a.demand_basis,
         a.contract_demand_kw,
         a.power_factor_standard,
         a.contracted_kva,
         e.metered_kwh,
         e.sharp_kwh,
         e.peak_kwh,
         e.flat_kwh,
         e.valley_kwh,
         e.main_active_kwh,
         e.reactive_kvarh,
         e.demand_kw,
         l.bill_id IS NOT NULL AS has_loss,
         l.iron_kwh,
         l.copper_rate,
         l.unknown_codes,
         COALESCE(o.out_kva_days, 0) AS out_kva_days,
         -- What happened in the month (step 1) goes before what the file says and what was not read.
         CASE WHEN m.bill_id IS NOT NULL THEN 'multiplier_changed'
              WHEN e.not_checked NOT IN ('previous_value_missing', 'no_reading') THEN e.not_checked
              WHEN g.last_on > b.period_start THEN 'capacity_change'
              WHEN c.last_on > b.period_start THEN 'change_tariff'
              WHEN a.allocation <> 'none' THEN 'allocation'
              WHEN e.not_checked IS NOT NULL THEN e.not_checked
              WHEN e.metered_kwh IS NULL OR u.account_id IS NOT NULL THEN 'no_reading'
         END AS energy_not_checked
  FROM source.bill AS b
  JOIN source.account AS a ON a.account_id = b.account_id
  LEFT JOIN facts.account_energy AS e ON e.account_id = b.account_id AND e.period = b.period
  LEFT JOIN facts.bill_loss AS l ON l.bill_id = b.bill_id
  LEFT JOIN taken_out AS o ON o.bill_id = b.bill_id
  LEFT JOIN grown AS g ON g.account_id = b.account_id
  LEFT JOIN changed AS c ON c.account_id = b.account_id
  LEFT JOIN multiplied AS m ON m.bill_id = b.bill_id
  LEFT JOIN unread AS u ON u.account_id = b.account_id AND b.period = $period
  WHERE b.corrects_bill_id IS NULL
    AND b.period >= ADD_MONTHS($period, -11)
    AND b.period <= $period
)
SELECT j.bill_id,
       j.account_id,
       j.period,
       j.period_start,
       j.period_end,
       j.days,
       j.billed_tariff_code,
       j.account_tariff_code,
       j.usage_category,
       j.supply_kv,
       j.status,
       j.demand_basis,
       j.contract_demand_kw,
       j.power_factor_standard,
       j.metered_kwh,
       j.sharp_kwh,
       j.peak_kwh,
       j.flat_kwh,
       j.valley_kwh,
       j.main_active_kwh,
       j.reactive_kvarh,
       j.demand_kw,
       CASE WHEN j.has_loss THEN j.iron_kwh ELSE CAST(0 AS DOUBLE) END AS iron_kwh,
       CASE WHEN j.has_loss THEN ROUND(j.copper_rate * j.metered_kwh, 6) ELSE CAST(0 AS DOUBLE) END AS copper_kwh,
       RATIO(j.contracted_kva * j.days - j.out_kva_days, CAST(j.days AS DOUBLE)) AS mean_kva,
       CASE WHEN j.power_factor_standard IS NOT NULL AND j.main_active_kwh > 0
            THEN CAST(HALF_UP(RATIO(j.main_active_kwh, SQRT(j.main_active_kwh * j.main_active_kwh + j.reactive_kvarh * j.reactive_kvarh)), 2) AS DOUBLE)
       END AS power_factor,
       j.energy_not_checked,
       COALESCE(j.energy_not_checked, CASE WHEN j.unknown_codes > 0 THEN 'loss_code_missing' END) AS not_checked
FROM joined AS j
