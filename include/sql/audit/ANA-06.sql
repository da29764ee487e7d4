/*
title: Far from its peers
zh: 用电明显偏离同类
flags_zh: 审核月计费电量的对数与同类（用电类别、电价、合同容量十分位，至少 min_peers 户）中位数之差，超过 z_max 倍稳健标准差，列出复核。
what_to_do:
  en: Look over reading, multiplier and category; note the reason where they hold.
  zh: 复核示数、倍率和用电类别，无误的注明原因。
kind: listing
modes: [nightly]
subject: account
severity: low
judges: month
proof: same
flags: >-
  log of net billed_kwh of P lies more than z_max robust standard deviations (1.4826 x MAD) from the median
  of its usage_category, tariff and contracted_kva decile (by cume_dist over all accounts with energy in P;
  at least min_peers of them).
params:
  z_max: {type: number, default: 4, minimum: 0, doc: 'Largest distance from the median in robust standard deviations.'}
  min_peers: {type: integer, default: 30, minimum: 2, doc: 'Accounts a group needs to be judged.'}
messages:
  en: "{billed_kwh} kWh were billed where {peers} peers have a median of {peer_median_kwh} kWh, {z} robust deviations away; {z_max} is the limit."
  zh: "计费电量 {billed_kwh} kWh，{peers} 户同类中位数 {peer_median_kwh} kWh，偏离 {z} 倍稳健标准差，限值 {z_max}。"
*/
WITH ranked AS (
  SELECT
    account.account_id,
    account.usage_category,
    account.tariff_code,
    bill_net.billed_kwh,
    LN(bill_net.billed_kwh) AS log_kwh,
    CEIL(ROUND(10 * CUME_DIST() OVER (ORDER BY account.contracted_kva), 9)) AS kva_decile
  FROM facts.bill_net
  JOIN source.account ON account.account_id = bill_net.account_id
  WHERE
    bill_net.period = $period
    AND bill_net.billed_kwh > 0
),

peer AS (
  SELECT
    ranked.usage_category,
    ranked.tariff_code,
    ranked.kva_decile,
    COUNT(*) AS peers,
    MEDIAN(ranked.log_kwh) AS median_log
  FROM ranked
  GROUP BY ranked.usage_category, ranked.tariff_code, ranked.kva_decile
),

distance AS (
  SELECT
    ranked.account_id,
    ranked.usage_category,
    ranked.tariff_code,
    ranked.kva_decile,
    ranked.billed_kwh,
    peer.peers,
    peer.median_log,
    ranked.log_kwh - peer.median_log AS away
  FROM ranked
  JOIN peer
    ON peer.usage_category = ranked.usage_category
    AND peer.tariff_code IS NOT DISTINCT FROM ranked.tariff_code
    AND peer.kva_decile = ranked.kva_decile
),

spread AS (
  SELECT
    distance.usage_category,
    distance.tariff_code,
    distance.kva_decile,
    1.4826 * MEDIAN(ABS(distance.away)) AS robust_sd
  FROM distance
  GROUP BY distance.usage_category, distance.tariff_code, distance.kva_decile
)

SELECT
  distance.account_id AS subject_id,
  distance.account_id,
  distance.peers >= $min_peers
  AND spread.robust_sd > 0
  AND ROUND(ABS(distance.away) - $z_max * spread.robust_sd, 9) > 0 AS flagged,
  CASE WHEN distance.peers < $min_peers THEN 'too few peers' END AS not_checked,
  distance.billed_kwh,
  ROUND(EXP(distance.median_log), 3) AS peer_median_kwh,
  ROUND(RATIO(distance.away, spread.robust_sd), 3) AS z,
  $z_max AS z_max,
  distance.peers,
  distance.usage_category,
  distance.tariff_code,
  CAST(distance.kva_decile AS BIGINT) AS kva_decile
FROM distance
JOIN spread
  ON spread.usage_category = distance.usage_category
  AND spread.tariff_code IS NOT DISTINCT FROM distance.tariff_code
  AND spread.kva_decile = distance.kva_decile
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = distance.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
