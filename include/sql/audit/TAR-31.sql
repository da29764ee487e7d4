/*
title: A register that the bill needs was not read
zh: 计费示数缺失
flags_zh: 在用账户主计量点审核月已抄有功总，而缺少计费所需示数：分时电价缺分时示数，考核功率因数缺无功示数，按需量计费缺最大需量。前 6 个月均无分时示数的电能表不因此列出。
what_to_do:
  en: Read the missing registers before the bill is issued; mend the remote reading that left them out.
  zh: 出账前补抄所缺示数，修复远程采集项。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: month
proof: next
effect_of: [TAR-17]
flags: >-
  the main point of a live account with an active_total reading of P, without one of: the four time-of-use registers (and
  active_deep, where the tariff has a price for energy_deep), where the tariff is_time_of_use; reactive_total, where
  power_factor_standard is set; max_demand_kw, where demand_basis is contract_demand or actual_demand. The evidence names them. A
  meter that had none of the four in the 6 periods before is not flagged for a missing one of them.
messages:
  en: "The total was read at {read_at}, but not what the bill needs too: {missing_registers}."
  zh: "{read_at} 已抄总示数，缺少计费所需示数：{missing_registers}。"
*/
WITH needed AS (
  SELECT
    register_reading.metering_point_id,
    live_account.account_id,
    register_reading.read_at,
    live_account.tariff_code,
    live_account.demand_basis,
    live_account.power_factor_standard,
    COALESCE(tariff.is_time_of_use, FALSE) AS needs_bands,
    COALESCE(tariff.is_time_of_use, FALSE) AND price_in_force.tariff_code IS NOT NULL AS needs_deep,
    live_account.power_factor_standard IS NOT NULL AS needs_reactive,
    COALESCE(live_account.demand_basis IN ('contract_demand', 'actual_demand'), FALSE) AS needs_demand,
    billing_cycle.account_id IS NOT NULL AS is_cycle
  FROM source.register_reading
  JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
  JOIN core.live_account ON live_account.account_id = metering_point.account_id
  LEFT JOIN source.tariff ON tariff.tariff_code = live_account.tariff_code
  LEFT JOIN core.price_in_force
    ON price_in_force.tariff_code = live_account.tariff_code AND price_in_force.component = 'energy_deep'
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
  WHERE
    register_reading.period = $period
    AND register_reading.register = 'active_total'
    AND metering_point.role = 'main'
    AND COALESCE(billing_cycle.is_due, TRUE)
    AND (
      tariff.is_time_of_use
      OR live_account.power_factor_standard IS NOT NULL
      OR live_account.demand_basis IN ('contract_demand', 'actual_demand')
    )
),

read AS (
  SELECT
    register_reading.metering_point_id,
    BOOL_OR(register_reading.register = 'active_sharp') AS has_sharp,
    BOOL_OR(register_reading.register = 'active_peak') AS has_peak,
    BOOL_OR(register_reading.register = 'active_flat') AS has_flat,
    BOOL_OR(register_reading.register = 'active_valley') AS has_valley,
    BOOL_OR(register_reading.register = 'active_deep') AS has_deep,
    BOOL_OR(register_reading.register = 'reactive_total') AS has_reactive,
    BOOL_OR(register_reading.register = 'max_demand_kw') AS has_demand
  FROM source.register_reading
  JOIN needed ON needed.metering_point_id = register_reading.metering_point_id
  WHERE register_reading.period = $period
  GROUP BY register_reading.metering_point_id
),

banded AS (
  -- The last six periods before P: where a bill covers several months those that were read.
  SELECT needed.metering_point_id
  FROM needed
  JOIN source.register_reading ON register_reading.metering_point_id = needed.metering_point_id
  LEFT JOIN facts.cycle_reading
    ON cycle_reading.metering_point_id = register_reading.metering_point_id
    AND cycle_reading.period = register_reading.period
  WHERE
    needed.needs_bands
    AND register_reading.register IN ('active_sharp', 'active_peak', 'active_flat', 'active_valley')
    AND (
      (
        NOT needed.is_cycle
        AND register_reading.period >= ADD_MONTHS($period, -6)
        AND register_reading.period < $period
      )
      OR (cycle_reading.read_no >= 1 AND cycle_reading.read_no <= 6)
    )
  GROUP BY needed.metering_point_id
),

judged AS (
  SELECT
    needed.metering_point_id,
    needed.account_id,
    needed.read_at,
    needed.tariff_code,
    needed.demand_basis,
    needed.power_factor_standard,
    CONCAT_WS(
      ', ',
      CASE WHEN banded.metering_point_id IS NOT NULL AND NOT read.has_sharp THEN 'active_sharp' END,
      CASE WHEN banded.metering_point_id IS NOT NULL AND NOT read.has_peak THEN 'active_peak' END,
      CASE WHEN banded.metering_point_id IS NOT NULL AND NOT read.has_flat THEN 'active_flat' END,
      CASE WHEN banded.metering_point_id IS NOT NULL AND NOT read.has_valley THEN 'active_valley' END,
      CASE
        WHEN
          banded.metering_point_id IS NOT NULL AND needed.needs_deep AND NOT read.has_deep
          THEN 'active_deep'
      END,
      CASE WHEN needed.needs_reactive AND NOT read.has_reactive THEN 'reactive_total' END,
      CASE WHEN needed.needs_demand AND NOT read.has_demand THEN 'max_demand_kw' END
    ) AS missing_registers
  FROM needed
  JOIN read ON read.metering_point_id = needed.metering_point_id
  LEFT JOIN banded ON banded.metering_point_id = needed.metering_point_id
)

SELECT
  judged.metering_point_id AS subject_id,
  judged.account_id,
  judged.missing_registers <> '' AS flagged,
  judged.missing_registers,
  judged.read_at,
  judged.tariff_code,
  judged.power_factor_standard,
  judged.demand_basis
FROM judged
