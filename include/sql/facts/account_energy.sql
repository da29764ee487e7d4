/*
grain: one row per account and month (P and the 11 before) with a reading of a main or sub point
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
  SELECT
    register_energy.account_id,
    register_energy.period,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_total') AS metered_kwh,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_sharp') AS sharp_kwh,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_peak') AS peak_kwh,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_flat') AS flat_kwh,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_valley') AS valley_kwh,
    EXACT_SUM(register_energy.kwh) FILTER (
      WHERE register_energy.register = 'active_total' AND register_energy.role = 'main'
    ) AS main_active_kwh,
    EXACT_SUM(register_energy.kwh) FILTER (
      WHERE register_energy.register = 'reactive_total' AND register_energy.role = 'main'
    ) AS reactive_kvarh,
    EXACT_SUM(register_energy.kwh) FILTER (
      WHERE register_energy.register = 'max_demand_kw' AND register_energy.role = 'main'
    ) AS demand_kw,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_total' AND register_energy.role = 'main')
      AS active_points,
    COUNT(*) FILTER (WHERE register_energy.register = 'reactive_total' AND register_energy.role = 'main')
      AS reactive_points,
    COUNT(*) FILTER (WHERE register_energy.register = 'max_demand_kw' AND register_energy.role = 'main')
      AS demand_points,
    COUNT(*) FILTER (
      WHERE register_energy.register = 'reactive_total'
      AND register_energy.role = 'main'
      AND register_energy.kwh IS NULL
    ) AS reactive_unsaid,
    COUNT(*) FILTER (
      WHERE register_energy.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley')
      AND register_energy.kwh IS NULL
    ) AS time_of_use_unsaid,
    COUNT(*) FILTER (
      WHERE register_energy.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley')
      AND register_energy.role = 'main'
    ) AS time_of_use_registers,
    EXACT_SUM(register_energy.kwh) FILTER (
      WHERE register_energy.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley')
      AND register_energy.role = 'main'
    ) AS main_time_of_use_kwh,
    MAX(register_energy.not_checked) FILTER (
      WHERE register_energy.register = 'active_total'
      OR register_energy.not_checked <> 'previous_value_missing'
    ) AS not_checked
  FROM facts.register_energy
  WHERE register_energy.role IN ('main', 'sub') AND register_energy.account_id IS NOT NULL
  GROUP BY register_energy.account_id, register_energy.period
),

judged AS (
  -- A meter may have fewer than four of these registers; where what they hold is not what the total holds,
  -- one was not read.
  SELECT
    summed.*,
    summed.main_active_kwh IS NOT NULL
    AND summed.time_of_use_unsaid = 0
    AND NOT (
      summed.time_of_use_registers < 4 * summed.active_points
      AND COALESCE(
        ABS(summed.main_time_of_use_kwh - summed.main_active_kwh)
        > GREATEST(1, 0.01 * ABS(summed.main_active_kwh)),
        FALSE
      )
    )
      AS is_time_of_use_said
  FROM summed
)

SELECT
  judged.account_id,
  judged.period,
  -- Sub points are taken off a main point; where none was read there is nothing to take them off.
  CASE WHEN judged.main_active_kwh IS NOT NULL THEN judged.metered_kwh END AS metered_kwh,
  CASE WHEN judged.is_time_of_use_said THEN judged.sharp_kwh END AS sharp_kwh,
  CASE WHEN judged.is_time_of_use_said THEN judged.peak_kwh END AS peak_kwh,
  CASE WHEN judged.is_time_of_use_said THEN judged.flat_kwh END AS flat_kwh,
  CASE WHEN judged.is_time_of_use_said THEN judged.valley_kwh END AS valley_kwh,
  judged.main_active_kwh AS main_active_kwh,
  CASE
    WHEN
      judged.reactive_points >= judged.active_points AND judged.reactive_unsaid = 0
      THEN judged.reactive_kvarh
  END AS reactive_kvarh,
  CASE WHEN judged.demand_points >= judged.active_points THEN judged.demand_kw END AS demand_kw,
  COALESCE(judged.not_checked, CASE WHEN judged.active_points = 0 THEN 'no_reading' END) AS not_checked
FROM judged
