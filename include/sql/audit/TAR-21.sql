/*
title: Billed on a tariff that does not apply
zh: 执行电价错误
kind: exception
modes: [nightly]
subject: bill
severity: high
flags: >-
  a bill of P whose tariff_code differs from its account's, or has no rate valid at period_end, or excludes the account's
  supply_kv.
at_stake: shadow bill on the account's tariff less billed
messages:
  en: "Billed on tariff {tariff_code} ({min_kv} to {max_kv} kV); the account is on {account_tariff_code} at {supply_kv} kV."
  zh: "账单执行电价 {tariff_code}（{min_kv} 至 {max_kv} kV），档案电价 {account_tariff_code}，供电电压 {supply_kv} kV。"
*/
SELECT
  bill.bill_id AS subject_id,
  bill.account_id,
  COALESCE(bill.tariff_code <> account.tariff_code, FALSE)
  OR tariff_price.tariff_code IS NULL
  OR COALESCE(account.supply_kv < tariff.min_kv OR account.supply_kv > tariff.max_kv, FALSE) AS flagged,
  MONEY(CASE
    WHEN bill.tariff_code <> account.tariff_code THEN shadow_bill.account_tariff_total_amount
    WHEN bill.tariff_code = account.tariff_code THEN shadow_bill.total_amount
  END - shadow_bill.billed_total_amount) AS at_stake_amount,
  bill.tariff_code,
  account.tariff_code AS account_tariff_code,
  bill.period_end,
  tariff_price.tariff_code IS NOT NULL AS has_rate,
  account.supply_kv,
  tariff.min_kv,
  tariff.max_kv,
  shadow_bill.billed_total_amount
FROM source.bill
JOIN source.account ON account.account_id = bill.account_id
LEFT JOIN source.tariff ON tariff.tariff_code = bill.tariff_code
LEFT JOIN facts.tariff_price
  ON tariff_price.tariff_code = bill.tariff_code AND tariff_price.on_day = bill.period_end
LEFT JOIN facts.shadow_bill ON shadow_bill.bill_id = bill.bill_id
WHERE bill.period = $period
