/*
grain: one row per account and month (P and the 11 before) with a reading of a main or sub point
key: [account_id, period]
purpose: The energy of an account by its readings, main points less sub points.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billing month.}
  metered_kwh: {type: double, doc: 'Active total; empty, as the five below, where no main point was read.'}
  sharp_kwh: {type: double, doc: 'Register active_sharp; empty where none was read, the energy of one of them cannot be said (as below), or a main point lacks some and the others are not its active total (by 1 kWh and 1%), of the four registers and with active_deep.'}
  peak_kwh: {type: double, doc: Register active_peak.}
  flat_kwh: {type: double, doc: Register active_flat.}
  valley_kwh: {type: double, doc: Register active_valley.}
  deep_kwh: {type: double, doc: 'Register active_deep, empty where sharp_kwh is.'}
  lacks_four: {type: boolean, doc: 'By the four registers alone the energy by time of use cannot be said; the four are there where it can be with active_deep.'}
  lacks_five: {type: boolean, doc: 'It cannot be said with active_deep as a fifth, which a tariff with such a price needs.'}
  export_kwh: {type: double, doc: 'Register active_export, main less sub; 0 where the account has none, empty where it cannot be said or was read the month before and was not now.'}
  main_active_kwh: {type: double, doc: 'Active total of the main points alone, for the power factor.'}
  reactive_kvarh: {type: double, doc: 'Reactive total of the main points; empty where a main point with an active reading has none, or one that cannot be said.'}
  demand_kw: {type: double, doc: 'Maximum demand x multiplier, summed over the main points; empty where one has none, or one that cannot be said.'}
  not_checked: {type: string, doc: 'Why the energy cannot be said (see facts.register_energy), or no_reading where no main point was read or, for P, a main or sub point that is there was not. A previous_value that is missing is a reason on active_total alone; another register is then as if not read.'}
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
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_deep') AS deep_kwh,
    EXACT_SUM(
      CASE WHEN register_energy.role = 'sub' THEN -register_energy.kwh ELSE register_energy.kwh END
    ) FILTER (WHERE register_energy.register = 'active_export') AS export_kwh,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_export') AS export_points,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_export' AND register_energy.role = 'main')
      AS main_export_points,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_export' AND register_energy.kwh IS NULL)
      AS export_unsaid,
    COUNT(*) FILTER (
      WHERE register_energy.register = 'active_deep' AND register_energy.kwh IS NULL
    ) AS deep_unsaid,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_deep' AND register_energy.role = 'main')
      AS deep_registers,
    EXACT_SUM(register_energy.kwh) FILTER (
      WHERE register_energy.register = 'active_deep' AND register_energy.role = 'main'
    ) AS main_deep_kwh,
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
      WHERE register_energy.register = 'max_demand_kw'
      AND register_energy.role = 'main'
      AND register_energy.kwh IS NULL
    ) AS demand_unsaid,
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
  -- A meter may have fewer than four of these registers, or five; where what they hold is not what the total
  -- holds, one was not read.
  SELECT
    summed.*,
    COALESCE(summed.main_time_of_use_kwh, 0) + COALESCE(summed.main_deep_kwh, 0) AS main_five_kwh,
    GREATEST(1, 0.01 * ABS(summed.main_active_kwh)) AS tolerated_kwh
  FROM summed
),

-- Few accounts feed in: the month after is looked up, instead of putting every account's months in order.
month_after_export AS (
  SELECT DISTINCT
    register_energy.account_id,
    ADD_MONTHS(register_energy.period, 1) AS period
  FROM facts.register_energy
  WHERE register_energy.register = 'active_export' AND register_energy.role IN ('main', 'sub')
),

said AS (
  SELECT
    judged.*,
    judged.main_active_kwh IS NULL
    OR judged.time_of_use_unsaid > 0
    OR (
      judged.time_of_use_registers < 4 * judged.active_points
      AND COALESCE(
        ABS(judged.main_time_of_use_kwh - judged.main_active_kwh) > judged.tolerated_kwh, FALSE
      )
    ) AS lacks_four,
    judged.main_active_kwh IS NULL
    OR judged.time_of_use_unsaid + judged.deep_unsaid > 0
    OR (
      judged.time_of_use_registers + judged.deep_registers < 5 * judged.active_points
      AND judged.time_of_use_registers + judged.deep_registers > 0
      AND ABS(judged.main_five_kwh - judged.main_active_kwh) > judged.tolerated_kwh
    ) AS lacks_five
  FROM judged
),

banded AS (
  -- As with the total, sub points are taken off what a main point has.
  SELECT
    said.*,
    (NOT said.lacks_four OR NOT said.lacks_five) AND said.time_of_use_registers + said.deep_registers > 0
      AS is_banded
  FROM said
)

SELECT
  banded.account_id,
  banded.period,
  -- Sub points are taken off a main point; where none was read there is nothing to take them off.
  CASE WHEN banded.main_active_kwh IS NOT NULL THEN banded.metered_kwh END AS metered_kwh,
  CASE WHEN banded.is_banded THEN banded.sharp_kwh END AS sharp_kwh,
  CASE WHEN banded.is_banded THEN banded.peak_kwh END AS peak_kwh,
  CASE WHEN banded.is_banded THEN banded.flat_kwh END AS flat_kwh,
  CASE WHEN banded.is_banded THEN banded.valley_kwh END AS valley_kwh,
  CASE WHEN banded.is_banded THEN banded.deep_kwh END AS deep_kwh,
  banded.lacks_four,
  banded.lacks_five,
  CASE
    WHEN banded.export_unsaid > 0 OR (banded.export_points > 0 AND banded.main_export_points = 0) THEN NULL
    WHEN banded.export_points > 0 THEN banded.export_kwh
    WHEN month_after_export.account_id IS NOT NULL THEN NULL
    ELSE CAST(0 AS DOUBLE)
  END AS export_kwh,
  banded.main_active_kwh AS main_active_kwh,
  CASE
    WHEN
      banded.reactive_points >= banded.active_points AND banded.reactive_unsaid = 0
      THEN banded.reactive_kvarh
  END AS reactive_kvarh,
  CASE
    WHEN
      banded.demand_points >= banded.active_points AND banded.demand_unsaid = 0
      THEN banded.demand_kw
  END AS demand_kw,
  COALESCE(
    banded.not_checked,
    CASE WHEN banded.active_points = 0 OR unread_account.account_id IS NOT NULL THEN 'no_reading' END
  ) AS not_checked
FROM banded
LEFT JOIN month_after_export
  ON month_after_export.account_id = banded.account_id AND month_after_export.period = banded.period
LEFT JOIN facts.unread_account ON unread_account.account_id = banded.account_id AND banded.period = $period
