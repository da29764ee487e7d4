/*
title: Looks like theft
zh: 疑似窃电
flags_zh: 窃电模型评分超过阈值（阈值使标记户数不超过有采集数据户数的约 max_share）；依据为电量骤降且持续、零电量天数、远低于同台区同类、与台区损失联动等。
what_to_do:
  en: >-
    Inspect the meter and the wiring on site with two inspectors and with proof; do not warn the customer
    beforehand.
  zh: 由两名检查人员现场检查计量装置和接线并取证，事前不得告知客户。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
moves: [score, drop_share, loss_z, zero_day_share]
site: true
flags: >-
  the theft model's score is above its threshold, set so that about max_share of the accounts with interval
  data are flagged at most; the evidence names the signals (drop that stays, share of zero days, far below
  peers of the area and category, area loss that moves with it, low voltage).
at_stake: >-
  (median kWh of the 6 periods before the drop less kWh since) x price
params:
  max_share: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: 'Largest share of the scored accounts that is put on the list.'}
messages:
  en: "The account's use looks like theft: {reasons}."
  zh: "该户用电疑似窃电：{reasons_zh}。"
*/
WITH billed AS (
  SELECT
    theft_score.account_id,
    MEDIAN(CASE WHEN bill_net.period < theft_score.drop_period THEN bill_net.billed_kwh END) AS median_kwh,
    COUNT(*) FILTER (WHERE bill_net.period >= theft_score.drop_period) AS periods,
    EXACT_SUM(bill_net.billed_kwh) FILTER (WHERE bill_net.period >= theft_score.drop_period) AS billed_kwh
  FROM facts.theft_score
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = theft_score.account_id
  JOIN facts.bill_net
    ON bill_net.account_id = theft_score.account_id
    AND bill_net.period
    >= ADD_MONTHS(theft_score.drop_period, CAST(-6 * COALESCE(billing_cycle.billing_months, 1) AS INT))
    AND bill_net.period <= $period
  WHERE theft_score.is_suspect
  GROUP BY theft_score.account_id
)

SELECT
  theft_score.account_id AS subject_id,
  theft_score.account_id,
  -- Who is suspended uses nothing, and takes nothing.
  theft_score.is_suspect
  AND theft_score.rank_share <= $max_share
  AND NOT COALESCE(suspension_period.is_wholly, FALSE) AS flagged,
  (billed.median_kwh * billed.periods - billed.billed_kwh) * bill_net.average_price AS at_stake_amount,
  theft_score.score,
  theft_score.reasons,
  theft_score.reasons_zh,
  theft_score.drop_share,
  theft_score.drop_period,
  theft_score.loss_follows,
  ROUND(theft_score.loss_z, 2) AS loss_z,
  ROUND(theft_score.below_peers, 3) AS below_peers,
  theft_score.zero_day_share,
  theft_score.transformer_id,
  billed.median_kwh AS median_kwh_before,
  $max_share AS max_share
FROM facts.theft_score
LEFT JOIN billed ON billed.account_id = theft_score.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = theft_score.account_id AND bill_net.period = $period
LEFT JOIN facts.suspension_period
  ON suspension_period.account_id = theft_score.account_id AND suspension_period.period = $period
