/*
title: Feeds in without registered generation
zh: 无备案反向送电
flags_zh: 未登记自备电源和发电机的账户，审核月主计量点上网电量（示数或实测采集）超过 min_kwh。
what_to_do:
  en: >-
    See the generator on site, have it registered with its interlock and agreement, or have it disconnected.
  zh: 现场核查发电设备，补办备案、并网协议和闭锁装置，或责令拆除。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: next
site: true
flags: >-
  has_self_generation false and no equipment of kind generator: export of P at its main points, by register else by measured
  intervals (export_kwh, or kwh below 0), above min_kwh.
params:
  min_kwh: {type: number, default: 1, minimum: 0, doc: 'Energy given to the network that does not count yet.'}
messages:
  en: "{export_kwh} kWh were given to the network, and no generation is registered; up to {min_kwh} kWh are passed over."
  zh: "本月反向送电 {export_kwh} kWh（限值 {min_kwh} kWh），档案中无自备电源。"
*/
WITH generator AS (
  SELECT
    customer_equipment.account_id,
    COUNT(*) AS generators
  FROM source.customer_equipment
  WHERE customer_equipment.kind = 'generator'
  GROUP BY customer_equipment.account_id
),

said AS (
  SELECT 1 AS one FROM facts.export_daily
  UNION ALL
  SELECT 1 AS one
  FROM source.register_reading
  WHERE register_reading.register = 'active_export'
),

provided AS (
  SELECT COUNT(*) > 0 AS is_provided FROM said
),

-- A register read for several months at once may show so many times the energy.
measured AS (
  SELECT
    account_export.account_id,
    account_export.export_kwh,
    CASE
      WHEN account_export.register_points > 0
        THEN ROUND($min_kwh * COALESCE(billing_cycle.billing_months, 1), 6)
      ELSE $min_kwh
    END AS min_kwh,
    account_export.register_points,
    account_export.interval_points
  FROM facts.account_export
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account_export.account_id
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  ROUND(measured.export_kwh - measured.min_kwh, 6) > 0 AS flagged,
  CASE WHEN NOT provided.is_provided THEN 'not_provided' END AS not_checked,
  measured.export_kwh,
  measured.min_kwh,
  measured.register_points,
  measured.interval_points
FROM measured
JOIN source.account ON account.account_id = measured.account_id
LEFT JOIN generator ON generator.account_id = account.account_id
CROSS JOIN provided
WHERE NOT account.has_self_generation AND generator.account_id IS NULL
