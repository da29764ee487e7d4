/*
title: No transformer-loss energy
zh: 高供低计非暂停期间无铜铁损电量
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  metering_mode hv_lv, not wholly suspended in P, billed in P, net loss_kwh 0.
at_stake: loss energy by the loss code x the average energy price of the bill
messages:
  en: "No transformer loss was billed on {metered_kwh} kWh; by the loss code it is {loss_by_code_kwh} kWh."
  zh: "抄见电量 {metered_kwh} kWh 未计变损，按损耗代码应为 {loss_by_code_kwh} kWh。"
*/
SELECT a.account_id AS subject_id,
       a.account_id,
       ROUND(n.loss_kwh, 6) = 0 AS flagged,
       MONEY(l.loss_kwh * n.average_energy_price) AS at_stake_amount,
       n.metered_kwh,
       n.loss_kwh,
       l.loss_kwh AS loss_by_code_kwh,
       n.average_energy_price
FROM source.account AS a
INNER JOIN facts.bill_net AS n ON n.account_id = a.account_id AND n.period = $period
LEFT JOIN facts.suspension_period AS s ON s.account_id = a.account_id AND s.period = $period
LEFT JOIN facts.account_loss AS l ON l.account_id = a.account_id
WHERE a.metering_mode = 'hv_lv' AND NOT COALESCE(s.is_wholly, FALSE)
