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
SELECT b.bill_id AS subject_id,
       b.account_id,
       COALESCE(b.tariff_code <> a.tariff_code, FALSE)
         OR p.tariff_code IS NULL
         OR COALESCE(a.supply_kv < t.min_kv OR a.supply_kv > t.max_kv, FALSE) AS flagged,
       MONEY(CASE WHEN b.tariff_code <> a.tariff_code THEN s.account_tariff_total_amount
                 WHEN b.tariff_code = a.tariff_code THEN s.total_amount END - s.billed_total_amount) AS at_stake_amount,
       b.tariff_code,
       a.tariff_code AS account_tariff_code,
       b.period_end,
       p.tariff_code IS NOT NULL AS has_rate,
       a.supply_kv,
       t.min_kv,
       t.max_kv,
       s.billed_total_amount
FROM source.bill AS b
JOIN source.account AS a ON a.account_id = b.account_id
LEFT JOIN source.tariff AS t ON t.tariff_code = b.tariff_code
LEFT JOIN facts.tariff_price AS p ON p.tariff_code = b.tariff_code AND p.on_day = b.period_end
LEFT JOIN facts.shadow_bill AS s ON s.bill_id = b.bill_id
WHERE b.period = $period
