/*
title: Time-of-use registers do not add up
zh: 分时示数之和与总示数不符
flags_zh: 主计量点审核月的尖峰平谷四个时段电量之和与总电量之差，同时超过 tolerance_kwh 和总电量的 tolerance_share。
what_to_do:
  en: Read all registers on site; test the meter where they disagree there too, and bill the difference.
  zh: 现场抄录全部示数；现场仍不平的送检电能表，并退补差额电费。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: next
flags: >-
  a main point with readings of period P of active_total and all four time-of-use registers, none of them left out by step 1 of
  the shadow bill: their band energy differs from the total energy by more than tolerance_kwh and tolerance_share of the total. Where
  the tariff has a price for energy_deep, active_deep is a fifth of these registers.
params:
  tolerance_kwh: {type: number, default: 2, minimum: 0, doc: kWh that may differ.}
  tolerance_share: {type: number, default: 0.01, minimum: 0, doc: Share of the total that may differ.}
messages:
  en: "The time-of-use registers give {band_kwh} kWh together, the total register {total_kwh} kWh; differences of up to {tolerance_kwh} kWh or {tolerance_share} are passed over."
  zh: "分时电量合计 {band_kwh} kWh，总电量 {total_kwh} kWh，允许相差 {tolerance_kwh} kWh 或 {tolerance_share}。"
*/
WITH band AS (
  SELECT
    register_energy.metering_point_id,
    register_energy.account_id,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_total') AS totals,
    COUNT(*) FILTER (
      WHERE register_energy.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley')
    ) AS bands,
    COUNT(*) FILTER (WHERE register_energy.register = 'active_deep') AS deeps,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_total') AS total_kwh,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_sharp') AS sharp_kwh,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_peak') AS peak_kwh,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_flat') AS flat_kwh,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_valley') AS valley_kwh,
    MAX(register_energy.kwh) FILTER (WHERE register_energy.register = 'active_deep') AS deep_kwh,
    MIN(register_energy.not_checked) FILTER (WHERE register_energy.register <> 'active_deep') AS not_checked,
    MIN(register_energy.not_checked) FILTER (WHERE register_energy.register = 'active_deep')
      AS deep_not_checked
  FROM facts.register_energy
  WHERE
    register_energy.period = $period
    AND register_energy.role = 'main'
    AND register_energy.register IN (
      'active_total', 'active_sharp', 'active_peak', 'active_flat', 'active_valley', 'active_deep'
    )
  GROUP BY register_energy.metering_point_id, register_energy.account_id
),

judged AS (
  SELECT
    band.metering_point_id,
    band.account_id,
    band.total_kwh,
    band.sharp_kwh,
    band.peak_kwh,
    band.flat_kwh,
    band.valley_kwh,
    CASE WHEN price_in_force.tariff_code IS NOT NULL THEN band.deep_kwh END AS deep_kwh,
    ROUND(
      band.sharp_kwh
      + band.peak_kwh
      + band.flat_kwh
      + band.valley_kwh
      + CASE WHEN price_in_force.tariff_code IS NOT NULL THEN band.deep_kwh ELSE 0 END,
      6
    ) AS band_kwh,
    COALESCE(
      band.not_checked, CASE WHEN price_in_force.tariff_code IS NOT NULL THEN band.deep_not_checked END
    ) AS not_checked
  FROM band
  LEFT JOIN source.account ON account.account_id = band.account_id
  LEFT JOIN core.price_in_force
    ON price_in_force.tariff_code = account.tariff_code AND price_in_force.component = 'energy_deep'
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = band.account_id
  WHERE
    band.totals = 1
    AND band.bands = 4
    AND (price_in_force.tariff_code IS NULL OR band.deeps = 1)
    AND COALESCE(billing_cycle.is_due, TRUE)
)

SELECT
  judged.metering_point_id AS subject_id,
  judged.account_id,
  judged.not_checked,
  ROUND(ABS(judged.band_kwh - judged.total_kwh), 6) > $tolerance_kwh
  AND ROUND(ABS(judged.band_kwh - judged.total_kwh), 6)
  > ROUND($tolerance_share * ABS(judged.total_kwh), 6) AS flagged,
  judged.band_kwh,
  judged.total_kwh,
  ROUND(judged.band_kwh - judged.total_kwh, 6) AS difference_kwh,
  judged.sharp_kwh,
  judged.peak_kwh,
  judged.flat_kwh,
  judged.valley_kwh,
  judged.deep_kwh,
  $tolerance_kwh AS tolerance_kwh,
  $tolerance_share AS tolerance_share
FROM judged
