/*
title: The same energy bill after bill
zh: 疑似估抄
flags_zh: 截至审核月最近 min_bills 期账单的日均计费电量与其均值之差均不超过均值的 max_spread，均高于 min_kwh，且没有一期为远程抄表；定比定量和期间暂停的除外。
what_to_do:
  en: Read the meter on site with a photo and settle the difference; speak with the reader.
  zh: 现场拍照实抄并退补差额，约谈抄表员。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: month
proof: next
flags: >-
  net billed_kwh per bill day equal to within max_spread of their mean in the last min_bills billed periods up to P, P among them,
  all above min_kwh, none of whose active_total readings has the method remote; no allocation; not suspended on any of these days.
params:
  min_bills: {type: integer, default: 4, minimum: 2, doc: Billed periods on end.}
  max_spread: {type: number, default: 0.005, minimum: 0, doc: 'Share of their mean by which they may differ from it.'}
  min_kwh: {type: number, default: 30, minimum: 0, doc: 'Net energy of a period, for each month that a bill covers, up to which nobody wonders.'}
messages:
  en: "{periods} bills on end, from {first_period}, have {mean_kwh_per_day} kWh a day to within {widest_share} of it (limit {max_spread}), and none was read remotely."
  zh: "自 {first_period} 起连续 {periods} 期日均电量均为 {mean_kwh_per_day} kWh（最大偏差率 {widest_share}，限值 {max_spread}），且均非远程抄表。"
*/
WITH billed AS (
  SELECT
    bill_net.account_id,
    COALESCE(billing_cycle.billing_months, 1) AS billing_months
  FROM facts.bill_net
  JOIN source.account ON account.account_id = bill_net.account_id AND account.allocation = 'none'
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_net.account_id
  WHERE bill_net.period = $period AND COALESCE(billing_cycle.is_due, TRUE)
),

remote_in_p AS (
  SELECT DISTINCT metering_point.account_id
  FROM source.register_reading
  JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
  WHERE
    register_reading.period = $period
    AND register_reading.register = 'active_total'
    AND register_reading.method = 'remote'
    AND metering_point.role IN ('main', 'sub')
),

-- The few that were not read remotely: only their months before are looked up.
quiet AS (
  SELECT
    billed.account_id,
    billed.billing_months
  FROM billed
  LEFT JOIN remote_in_p ON remote_in_p.account_id = billed.account_id
  WHERE remote_in_p.account_id IS NULL
),

recent AS (
  SELECT
    quiet.account_id,
    quiet.billing_months,
    bill_rate.period,
    bill_rate.billed_kwh,
    bill_rate.kwh_per_day,
    bill_suspension.account_id IS NOT NULL AS is_suspended
  FROM quiet
  JOIN facts.bill_rate ON bill_rate.account_id = quiet.account_id AND bill_rate.period <= $period
  LEFT JOIN facts.bill_suspension
    ON bill_suspension.account_id = quiet.account_id AND bill_suspension.period = bill_rate.period
  QUALIFY ROW_NUMBER() OVER (PARTITION BY quiet.account_id ORDER BY bill_rate.period DESC) <= $min_bills
),

remote AS (
  SELECT DISTINCT
    metering_point.account_id,
    register_reading.period
  FROM quiet
  JOIN source.metering_point ON metering_point.account_id = quiet.account_id
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.method = 'remote'
    AND metering_point.role IN ('main', 'sub')
),

summed AS (
  SELECT
    recent.account_id,
    recent.billing_months,
    COUNT(recent.kwh_per_day) AS periods,
    MIN(recent.period) AS first_period,
    EXACT_AVG(recent.kwh_per_day) AS mean_kwh_per_day,
    MIN(recent.kwh_per_day) AS lowest_kwh_per_day,
    MAX(recent.kwh_per_day) AS highest_kwh_per_day,
    MIN(recent.billed_kwh) AS lowest_kwh,
    BOOL_OR(recent.is_suspended) AS is_suspended,
    BOOL_OR(remote.account_id IS NOT NULL) AS is_remote
  FROM recent
  LEFT JOIN remote ON remote.account_id = recent.account_id AND remote.period = recent.period
  GROUP BY recent.account_id, recent.billing_months
),

judged AS (
  SELECT
    summed.*,
    ROUND(
      GREATEST(
        summed.highest_kwh_per_day - summed.mean_kwh_per_day,
        summed.mean_kwh_per_day - summed.lowest_kwh_per_day
      ),
      6
    ) AS widest_kwh_per_day
  FROM summed
)

SELECT
  billed.account_id AS subject_id,
  billed.account_id,
  COALESCE(
    judged.periods >= $min_bills
    AND NOT judged.is_suspended
    AND NOT judged.is_remote
    AND ROUND(judged.lowest_kwh, 6) > ROUND($min_kwh * judged.billing_months, 6)
    AND judged.widest_kwh_per_day <= ROUND($max_spread * judged.mean_kwh_per_day, 6),
    FALSE
  ) AS flagged,
  judged.periods,
  judged.first_period,
  judged.mean_kwh_per_day,
  judged.lowest_kwh_per_day,
  judged.highest_kwh_per_day,
  ROUND(RATIO(judged.widest_kwh_per_day, judged.mean_kwh_per_day), 6) AS widest_share,
  $max_spread AS max_spread,
  judged.lowest_kwh,
  ROUND($min_kwh * judged.billing_months, 6) AS min_kwh
FROM billed
LEFT JOIN judged ON judged.account_id = billed.account_id
