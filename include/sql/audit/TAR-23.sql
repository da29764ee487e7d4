/*
title: Read but not billed
zh: 已抄表未出账
flags_zh: 在用且当期应出账的账户，审核月主计量点已抄有功总、无定比定量分摊，而没有该账期的账单，且最后一次抄表距审核日超过 grace_days 天。
what_to_do:
  en: Bill the month from its readings and find the step at which the account fell out of the run.
  zh: 按抄见示数补出当月账单，查明漏出账环节。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
effect_of: [TAR-17]
moves: [days_since_reading]
flags: >-
  live, due in P, an active_total reading of P at a main point, no allocation, and no bill whose period is P, more than
  grace_days before as_of since the last of these readings.
at_stake: metered energy of P (step 1 of the shadow bill) x mean price
params:
  grace_days: {type: integer, default: 10, minimum: 0, doc: Days after the last reading in which the bill may still come.}
messages:
  en:
    - "Read up to {last_read_at} ({metered_kwh} kWh for the month), {days_since_reading} days ago, and no bill was made; {grace_days} days are allowed."
    - "Read up to {last_read_at}, {days_since_reading} days ago, and no bill was made; {grace_days} days are allowed."
  zh:
    - "本期抄表至 {last_read_at}（电量 {metered_kwh} kWh），已过 {days_since_reading} 天仍未出账，期限为 {grace_days} 天。"
    - "本期抄表至 {last_read_at}，已过 {days_since_reading} 天仍未出账，期限为 {grace_days} 天。"
*/
WITH read AS (
  SELECT
    metering_point.account_id,
    COUNT(*) AS points_read,
    MAX(register_reading.read_at) AS last_read_at
  FROM source.register_reading
  JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
  WHERE
    register_reading.period = $period
    AND register_reading.register = 'active_total'
    AND metering_point.role = 'main'
  GROUP BY metering_point.account_id
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  bill_net.account_id IS NULL
  AND DATE_DIFF('day', CAST(read.last_read_at AS DATE), $as_of) > $grace_days AS flagged,
  CASE
    WHEN account_energy.not_checked IS NULL
      THEN MONEY(account_energy.metered_kwh * account_mean_price.mean_price)
  END AS at_stake_amount,
  read.points_read,
  read.last_read_at,
  DATE_DIFF('day', CAST(read.last_read_at AS DATE), $as_of) AS days_since_reading,
  $grace_days AS grace_days,
  CASE WHEN account_energy.not_checked IS NULL THEN account_energy.metered_kwh END AS metered_kwh,
  account_mean_price.mean_price,
  account_mean_price.last_period AS last_billed_period
FROM core.live_account
JOIN read ON read.account_id = live_account.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = live_account.account_id AND bill_net.period = $period
LEFT JOIN facts.account_energy
  ON account_energy.account_id = live_account.account_id AND account_energy.period = $period
LEFT JOIN facts.account_mean_price ON account_mean_price.account_id = live_account.account_id
WHERE live_account.allocation = 'none' AND COALESCE(billing_cycle.is_due, TRUE)
