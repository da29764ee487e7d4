/*
grain: one row an account and month (P and the 11 before) with a reading of a main or sub point
key: [account_id, period]
purpose: The energy of an account by its readings, main points less sub points.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billing month.}
  metered_kwh: {type: double, doc: 'Active total; empty, as the four below, where no main point was read.'}
  sharp_kwh: {type: double, doc: 'Register active_sharp; empty where none was read, the energy of one of the four cannot be said (as below), or a main point lacks some and the others are not its active total (by 1 kWh and 1%).'}
  peak_kwh: {type: double, doc: Register active_peak.}
  flat_kwh: {type: double, doc: Register active_flat.}
  valley_kwh: {type: double, doc: Register active_valley.}
  main_active_kwh: {type: double, doc: 'Active total of the main points alone, for the power factor.'}
  reactive_kvarh: {type: double, doc: 'Reactive total of the main points; empty where a main point with an active reading has none, or one that cannot be said.'}
  demand_kw: {type: double, doc: 'Maximum demand x multiplier, summed over the main points; empty where one has none.'}
  not_checked: {type: string, doc: 'Why the energy cannot be said (see facts.register_energy), or no_reading where no main point was read. A previous_value that is missing is a reason on active_total alone; another register is then as if not read.'}
*/
WITH summed AS (
  SELECT e.account_id,
         e.period,
         EXACT_SUM(CASE WHEN e.role = 'sub' THEN -e.kwh ELSE e.kwh END) FILTER (WHERE e.register = 'active_total') AS metered_kwh,
         EXACT_SUM(CASE WHEN e.role = 'sub' THEN -e.kwh ELSE e.kwh END) FILTER (WHERE e.register = 'active_sharp') AS sharp_kwh,
         EXACT_SUM(CASE WHEN e.role = 'sub' THEN -e.kwh ELSE e.kwh END) FILTER (WHERE e.register = 'active_peak') AS peak_kwh,
         EXACT_SUM(CASE WHEN e.role = 'sub' THEN -e.kwh ELSE e.kwh END) FILTER (WHERE e.register = 'active_flat') AS flat_kwh,
         EXACT_SUM(CASE WHEN e.role = 'sub' THEN -e.kwh ELSE e.kwh END) FILTER (WHERE e.register = 'active_valley') AS valley_kwh,
         EXACT_SUM(e.kwh) FILTER (WHERE e.register = 'active_total' AND e.role = 'main') AS main_active_kwh,
         EXACT_SUM(e.kwh) FILTER (WHERE e.register = 'reactive_total' AND e.role = 'main') AS reactive_kvarh,
         EXACT_SUM(e.kwh) FILTER (WHERE e.register = 'max_demand_kw' AND e.role = 'main') AS demand_kw,
         COUNT(*) FILTER (WHERE e.register = 'active_total' AND e.role = 'main') AS active_points,
         COUNT(*) FILTER (WHERE e.register = 'reactive_total' AND e.role = 'main') AS reactive_points,
         COUNT(*) FILTER (WHERE e.register = 'max_demand_kw' AND e.role = 'main') AS demand_points,
         COUNT(*) FILTER (WHERE e.register = 'reactive_total' AND e.role = 'main' AND e.kwh IS NULL) AS reactive_unsaid,
         COUNT(*) FILTER (WHERE e.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley') AND e.kwh IS NULL) AS time_of_use_unsaid,
         COUNT(*) FILTER (WHERE e.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley') AND e.role = 'main') AS time_of_use_registers,
         EXACT_SUM(e.kwh) FILTER (WHERE e.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley') AND e.role = 'main') AS main_time_of_use_kwh,
         MAX(e.not_checked) FILTER (WHERE e.register = 'active_total' OR e.not_checked <> 'previous_value_missing') AS not_checked
  FROM facts.register_energy AS e
  WHERE e.role IN ('main', 'sub') AND e.account_id IS NOT NULL
  GROUP BY e.account_id, e.period
),
judged AS (
  -- A meter may have fewer than four of these registers; where what they hold is not what the total holds, one was not read.
  SELECT s.*,
         s.main_active_kwh IS NOT NULL
           AND s.time_of_use_unsaid = 0
           AND NOT (s.time_of_use_registers < 4 * s.active_points
                    AND COALESCE(ABS(s.main_time_of_use_kwh - s.main_active_kwh) > GREATEST(1, 0.01 * ABS(s.main_active_kwh)), FALSE))
           AS is_time_of_use_said
  FROM summed AS s
)
SELECT s.account_id,
       s.period,
       -- Sub points are taken off a main point; where none was read there is nothing to take them off.
       CASE WHEN s.main_active_kwh IS NOT NULL THEN s.metered_kwh END AS metered_kwh,
       CASE WHEN s.is_time_of_use_said THEN s.sharp_kwh END AS sharp_kwh,
       CASE WHEN s.is_time_of_use_said THEN s.peak_kwh END AS peak_kwh,
       CASE WHEN s.is_time_of_use_said THEN s.flat_kwh END AS flat_kwh,
       CASE WHEN s.is_time_of_use_said THEN s.valley_kwh END AS valley_kwh,
       s.main_active_kwh AS main_active_kwh,
       CASE WHEN s.reactive_points >= s.active_points AND s.reactive_unsaid = 0 THEN s.reactive_kvarh END AS reactive_kvarh,
       CASE WHEN s.demand_points >= s.active_points THEN s.demand_kw END AS demand_kw,
       COALESCE(s.not_checked, CASE WHEN s.active_points = 0 THEN 'no_reading' END) AS not_checked
FROM judged AS s
