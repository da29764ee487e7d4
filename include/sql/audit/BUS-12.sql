/*
title: No transformer-loss energy
zh: 高供低计非暂停期间无铜铁损电量
flags_zh: 高供低计账户审核月已出账且未全月暂停，而损耗电量为零。
what_to_do:
  en: >-
    Enter the transformer's loss code, bill the losses of the month, and see since when they are missing.
  zh: 补录变压器损耗代码，补计当月变损电量，并追溯漏计起始月份一并退补。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
flags: >-
  metering_mode hv_lv, not wholly suspended in P, billed in P, net loss_kwh 0.
at_stake: loss energy by the loss code x the average energy price of the bill
messages:
  en:
    - "No transformer losses were billed on {metered_kwh} kWh metered; by the loss code they are {loss_by_code_kwh} kWh."
    - "No transformer losses were billed on {metered_kwh} kWh metered on the low side."
  zh:
    - "抄见电量 {metered_kwh} kWh 未计变压器损耗，按损耗代码应为 {loss_by_code_kwh} kWh。"
    - "抄见电量 {metered_kwh} kWh 为低压侧计量，未计变压器损耗。"
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
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
WHERE
  account.metering_mode = 'hv_lv'
  AND NOT COALESCE(suspension_period.is_wholly, FALSE)
  AND COALESCE(billing_cycle.is_due, TRUE)
