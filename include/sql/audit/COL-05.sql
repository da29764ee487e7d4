/*
title: Prepaid account without top-up
zh: 预付费户长期未购电
flags_zh: 立户超过 max_days 天的在用预付费账户，审核月有用电而 max_days 天内没有预付费缴费记录。
what_to_do:
  en: >-
    See on site whether the meter still counts down and the account can be reached; settle the energy used
    since the last top-up.
  zh: 现场核查预付费表计是否正常扣费，结清上次购电以来的电费。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [days_since_payment, metered_kwh, interval_kwh, unpaid_kwh, mean_price]
flags: >-
  live, opened more than max_days before as_of, payment_method prepaid, energy in P, and no payment of channel prepaid received
  within max_days before as_of.
at_stake: metered energy since the last such payment x mean price
params:
  max_days: {type: integer, default: 90, minimum: 0, doc: Days without a top-up.}
messages:
  en:
    - "The last top-up came on {last_paid_on}, {days_since_payment} days ago, and the account used energy in the month; {max_days} days are the limit."
    - "No top-up has come for more than {max_days} days, and the account used energy in the month."
  zh:
    - "最近一次购电为 {last_paid_on}，距今 {days_since_payment} 天（限值 {max_days} 天），本期仍有用电。"
    - "超过 {max_days} 天从未购电，本期仍有用电。"
*/
WITH prepaid AS (
  SELECT
    live_account.account_id,
    live_account.opened_on
  FROM core.live_account
  WHERE
    live_account.payment_method = 'prepaid'
    AND DATE_DIFF('day', live_account.opened_on, $as_of) > $max_days
),

-- A payment counts for the account whose bill it names, else for its own.
paid AS (
  SELECT
    prepaid.account_id,
    MAX(payment.received_at) AS last_paid_at
  FROM source.payment
  LEFT JOIN source.bill ON bill.bill_id = payment.bill_id
  JOIN prepaid ON prepaid.account_id = COALESCE(bill.account_id, payment.account_id)
  WHERE payment.channel = 'prepaid'
  GROUP BY prepaid.account_id
),

measured AS (
  SELECT
    prepaid.account_id,
    EXACT_SUM(interval_period.measured_kwh) AS interval_kwh
  FROM prepaid
  JOIN source.metering_point
    ON metering_point.account_id = prepaid.account_id AND metering_point.role = 'main'
  JOIN facts.interval_period ON interval_period.metering_point_id = metering_point.metering_point_id
  GROUP BY prepaid.account_id
),

read AS (
  SELECT
    prepaid.account_id,
    register_reading.period,
    MAX(register_reading.read_at) AS read_at
  FROM prepaid
  JOIN source.metering_point
    ON metering_point.account_id = prepaid.account_id AND metering_point.role = 'main'
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.period >= ADD_MONTHS($period, -11)
    AND register_reading.period <= $period
  GROUP BY prepaid.account_id, register_reading.period
),

since AS (
  SELECT
    prepaid.account_id,
    EXACT_SUM(account_energy.metered_kwh) AS unpaid_kwh
  FROM prepaid
  JOIN read ON read.account_id = prepaid.account_id
  JOIN
    facts.account_energy
    ON account_energy.account_id = read.account_id AND account_energy.period = read.period
  LEFT JOIN paid ON paid.account_id = prepaid.account_id
  WHERE account_energy.not_checked IS NULL AND (paid.last_paid_at IS NULL OR read.read_at > paid.last_paid_at)
  GROUP BY prepaid.account_id
),

judged AS (
  SELECT
    prepaid.account_id,
    prepaid.opened_on,
    CAST(paid.last_paid_at AS DATE) AS last_paid_on,
    CASE
      WHEN
        COALESCE(billing_cycle.is_due, TRUE) AND account_energy.not_checked IS NULL
        THEN account_energy.metered_kwh
    END AS metered_kwh,
    measured.interval_kwh,
    since.unpaid_kwh
  FROM prepaid
  LEFT JOIN paid ON paid.account_id = prepaid.account_id
  LEFT JOIN measured ON measured.account_id = prepaid.account_id
  LEFT JOIN since ON since.account_id = prepaid.account_id
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = prepaid.account_id
  LEFT JOIN facts.account_energy
    ON account_energy.account_id = prepaid.account_id AND account_energy.period = $period
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  (COALESCE(judged.metered_kwh > 0, FALSE) OR COALESCE(judged.interval_kwh > 0, FALSE))
  AND (
    judged.last_paid_on IS NULL OR DATE_DIFF('day', judged.last_paid_on, $as_of) > $max_days
  ) AS flagged,
  MONEY(judged.unpaid_kwh * account_mean_price.mean_price) AS at_stake_amount,
  judged.last_paid_on,
  DATE_DIFF('day', judged.last_paid_on, $as_of) AS days_since_payment,
  $max_days AS max_days,
  judged.metered_kwh,
  judged.interval_kwh,
  judged.unpaid_kwh,
  account_mean_price.mean_price,
  judged.opened_on
FROM judged
LEFT JOIN facts.account_mean_price ON account_mean_price.account_id = judged.account_id
