/*
title: No iron-loss charge
zh: 高供低计无铁损电费
flags_zh: 高供低计账户审核月执行非阶梯电价、未全月暂停且已出账，没有正的铁损电费。
what_to_do:
  en: Enter the loss code, bill the iron losses of the month, and see since when they are missing.
  zh: 补录损耗代码，补计当月铁损电费，并追溯漏计月份。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
flags: >-
  metering_mode hv_lv, not wholly suspended in P, billed in P on a tariff that is not stepped, and no loss_iron line with a
  positive amount.
at_stake: iron loss by the loss code x energy price
messages:
  en:
    - "No iron losses were charged; by the loss code they are {iron_kwh} kWh at {energy_price} a kWh."
    - "No iron losses were charged although the account is metered at low voltage."
  zh:
    - "未计收铁损电费，按损耗代码铁损电量 {iron_kwh} kWh，电价 {energy_price} 元/kWh。"
    - "高供低计账户未计收铁损电费。"
*/
WITH billed AS (
  SELECT
    bill.account_id,
    MIN(bill.bill_id) AS bill_id,
    MIN(CASE
      WHEN bill.corrects_bill_id IS NOT NULL THEN NULL
      WHEN tariff.is_time_of_use THEN tariff_price.flat_price ELSE tariff_price.energy_price
    END) AS energy_price,
    MAX(bill_amount.loss_iron_highest_amount) AS loss_iron_highest_amount
  FROM source.bill
  JOIN source.account ON account.account_id = bill.account_id AND account.metering_mode = 'hv_lv'
  JOIN source.tariff ON tariff.tariff_code = bill.tariff_code
  LEFT JOIN facts.tariff_price
    ON tariff_price.tariff_code = bill.tariff_code AND tariff_price.on_day = bill.period_end
  LEFT JOIN facts.bill_amount ON bill_amount.bill_id = bill.bill_id
  WHERE bill.period = $period
  GROUP BY bill.account_id
  HAVING BOOL_OR(NOT tariff.is_stepped)
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  COALESCE(billed.loss_iron_highest_amount, 0) <= 0 AS flagged,
  MONEY(account_loss.iron_kwh * billed.energy_price) AS at_stake_amount,
  account_loss.iron_kwh,
  billed.energy_price,
  billed.loss_iron_highest_amount,
  billed.bill_id,
  account_loss.first_transformer_id
FROM source.account
JOIN billed ON billed.account_id = account.account_id
LEFT JOIN facts.suspension_period
  ON suspension_period.account_id = account.account_id AND suspension_period.period = $period
LEFT JOIN facts.account_loss ON account_loss.account_id = account.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
WHERE
  account.metering_mode = 'hv_lv'
  AND NOT COALESCE(suspension_period.is_wholly, FALSE)
  AND COALESCE(billing_cycle.is_due, TRUE)
