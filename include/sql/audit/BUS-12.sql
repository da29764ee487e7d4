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
SELECT
  account.account_id AS subject_id,
  account.account_id,
  ROUND(bill_net.loss_kwh, 6) = 0 AS flagged,
  MONEY(account_loss.loss_kwh * bill_net.average_energy_price) AS at_stake_amount,
  bill_net.metered_kwh,
  bill_net.loss_kwh,
  account_loss.loss_kwh AS loss_by_code_kwh,
  bill_net.average_energy_price
FROM source.account
INNER JOIN facts.bill_net ON bill_net.account_id = account.account_id AND bill_net.period = $period
LEFT JOIN facts.suspension_period
  ON suspension_period.account_id = account.account_id AND suspension_period.period = $period
LEFT JOIN facts.account_loss ON account_loss.account_id = account.account_id
WHERE account.metering_mode = 'hv_lv' AND NOT COALESCE(suspension_period.is_wholly, FALSE)
