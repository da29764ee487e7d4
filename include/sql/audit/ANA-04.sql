/*
title: Looks like theft
zh: 疑似窃电
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  the theft model's score is above its threshold, set so that about max_share of the accounts with interval
  data are flagged at most; the evidence names the signals (drop that stays, share of zero days, far below
  peers of the area and category, area loss that moves with it, low voltage).
at_stake: >-
  (median kWh of the 6 periods before the drop less kWh since) x price
params:
  max_share: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: 'Largest share of the scored accounts that is put on the list.'}
messages:
  en: >-
    Looks like theft: {reasons}.
  zh: >-
    疑似窃电：{reasons_zh}。
*/
WITH billed AS (
  SELECT t.account_id,
         MEDIAN(CASE WHEN b.period < t.drop_period THEN b.billed_kwh END) AS median_kwh,
         COUNT(*) FILTER (WHERE b.period >= t.drop_period) AS periods,
         EXACT_SUM(b.billed_kwh) FILTER (WHERE b.period >= t.drop_period) AS billed_kwh
  FROM facts.theft_score AS t
  JOIN facts.bill_net AS b
    ON b.account_id = t.account_id
   AND b.period >= ADD_MONTHS(t.drop_period, -6)
   AND b.period <= $period
  WHERE t.is_suspect
  GROUP BY t.account_id
)
SELECT t.account_id AS subject_id,
       t.account_id,
       t.is_suspect AND t.rank_share <= $max_share AS flagged,
       (b.median_kwh * b.periods - b.billed_kwh) * n.average_price AS at_stake_amount,
       t.score,
       t.reasons,
       t.reasons_zh,
       t.drop_share,
       t.drop_period,
       t.loss_follows,
       ROUND(t.loss_z, 2) AS loss_z,
       ROUND(t.below_peers, 3) AS below_peers,
       t.zero_day_share,
       t.transformer_id,
       b.median_kwh AS median_kwh_before,
       $max_share AS max_share
FROM facts.theft_score AS t
LEFT JOIN billed AS b ON b.account_id = t.account_id
LEFT JOIN facts.bill_net AS n ON n.account_id = t.account_id AND n.period = $period
