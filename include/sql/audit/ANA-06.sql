/*
title: Far from its peers
zh: 用电明显偏离同类
kind: listing
modes: [nightly]
subject: account
severity: low
flags: >-
  log of net billed_kwh of P lies more than z_max robust standard deviations (1.4826 x MAD) from the median
  of its usage_category, tariff and contracted_kva decile (by cume_dist over all accounts with energy in P;
  at least min_peers of them).
params:
  z_max: {type: number, default: 4, minimum: 0, doc: 'Largest distance from the median in robust standard deviations.'}
  min_peers: {type: integer, default: 30, minimum: 2, doc: 'Accounts a group needs to be judged.'}
messages:
  en: >-
    {billed_kwh} kWh where peers use {peer_median_kwh} kWh (z {z}).
  zh: >-
    电量 {billed_kwh} kWh，同类中位数 {peer_median_kwh} kWh（偏离 {z}）。
*/
WITH ranked AS (
  SELECT a.account_id,
         a.usage_category,
         a.tariff_code,
         b.billed_kwh,
         LN(b.billed_kwh) AS log_kwh,
         CEIL(ROUND(10 * CUME_DIST() OVER (ORDER BY a.contracted_kva), 9)) AS kva_decile
  FROM facts.bill_net AS b
  JOIN source.account AS a ON a.account_id = b.account_id
  WHERE b.period = $period
    AND b.billed_kwh > 0
),
peer AS (
  SELECT r.usage_category, r.tariff_code, r.kva_decile, COUNT(*) AS peers, MEDIAN(r.log_kwh) AS median_log
  FROM ranked AS r
  GROUP BY r.usage_category, r.tariff_code, r.kva_decile
),
distance AS (
  SELECT r.account_id,
         r.usage_category,
         r.tariff_code,
         r.kva_decile,
         r.billed_kwh,
         p.peers,
         p.median_log,
         r.log_kwh - p.median_log AS away
  FROM ranked AS r
  JOIN peer AS p
    ON p.usage_category = r.usage_category
   AND p.tariff_code IS NOT DISTINCT FROM r.tariff_code
   AND p.kva_decile = r.kva_decile
),
spread AS (
  SELECT d.usage_category, d.tariff_code, d.kva_decile, 1.4826 * MEDIAN(ABS(d.away)) AS robust_sd
  FROM distance AS d
  GROUP BY d.usage_category, d.tariff_code, d.kva_decile
)
SELECT d.account_id AS subject_id,
       d.account_id,
       d.peers >= $min_peers AND s.robust_sd > 0 AND ROUND(ABS(d.away) - $z_max * s.robust_sd, 9) > 0 AS flagged,
       CASE WHEN d.peers < $min_peers THEN 'too few peers' END AS not_checked,
       d.billed_kwh,
       ROUND(EXP(d.median_log), 3) AS peer_median_kwh,
       ROUND(RATIO(d.away, s.robust_sd), 3) AS z,
       $z_max AS z_max,
       d.peers,
       d.usage_category,
       d.tariff_code,
       CAST(d.kva_decile AS BIGINT) AS kva_decile
FROM distance AS d
JOIN spread AS s
  ON s.usage_category = d.usage_category
 AND s.tariff_code IS NOT DISTINCT FROM d.tariff_code
 AND s.kva_decile = d.kva_decile
