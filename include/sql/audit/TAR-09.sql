/*
title: No iron-loss charge
zh: 高供低计无铁损电费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  metering_mode hv_lv, not wholly suspended in P, billed in P on a tariff that is not stepped, and no loss_iron line with a
  positive amount.
at_stake: iron loss by the loss code x energy price
messages:
  en: "No iron loss was charged; by the loss code it is {iron_kwh} kWh."
  zh: "未计收铁损电费，按损耗代码铁损电量为 {iron_kwh} kWh。"
*/
WITH billed AS (
  SELECT b.account_id,
         MIN(b.bill_id) AS bill_id,
         MIN(CASE WHEN b.corrects_bill_id IS NOT NULL THEN NULL
                  WHEN t.is_time_of_use THEN p.flat_price ELSE p.energy_price END) AS energy_price,
         MAX(l.loss_iron_highest_amount) AS loss_iron_highest_amount
  FROM source.bill AS b
  JOIN source.account AS a ON a.account_id = b.account_id AND a.metering_mode = 'hv_lv'
  JOIN source.tariff AS t ON t.tariff_code = b.tariff_code
  LEFT JOIN facts.tariff_price AS p ON p.tariff_code = b.tariff_code AND p.on_day = b.period_end
  LEFT JOIN facts.bill_amount AS l ON l.bill_id = b.bill_id
  WHERE b.period = $period
  GROUP BY b.account_id
  HAVING BOOL_OR(NOT t.is_stepped)
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(b.loss_iron_highest_amount, 0) <= 0 AS flagged,
       MONEY(l.iron_kwh * b.energy_price) AS at_stake_amount,
       l.iron_kwh,
       b.energy_price,
       b.loss_iron_highest_amount,
       b.bill_id,
       l.first_transformer_id
FROM source.account AS a
JOIN billed AS b ON b.account_id = a.account_id
LEFT JOIN facts.suspension_period AS s ON s.account_id = a.account_id AND s.period = $period
LEFT JOIN facts.account_loss AS l ON l.account_id = a.account_id
WHERE a.metering_mode = 'hv_lv' AND NOT COALESCE(s.is_wholly, FALSE)
