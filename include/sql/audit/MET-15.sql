/*
title: Energy without supply
zh: 无户用电
flags_zh: 已销户、未立户或待送电账户的主计量点，在不应用电的日期采集电量合计超过 min_kwh；或整月不应用电而抄见电量超过 min_kwh。
what_to_do:
  en: See on site who uses the energy; open an account or disconnect, and recover what was used.
  zh: 现场核实用电人，办理立户或停电，并追补电费。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: next
site: true
flags: >-
  a main point whose measured intervals in P, on days after closed_on of a closed account, or before opened_on of one that is not
  closed, or of any day of a pending one, sum to more than min_kwh; or whose active_total reading of P shows more than min_kwh while
  the account was closed or not opened on every day of P.
at_stake: that energy x the mean price of its usage category
params:
  min_kwh: {type: number, default: 10, minimum: 0, doc: 'kWh that may flow without supply; by the reading for each month that a bill covers.'}
messages:
  en:
    - "{unsupplied_kwh} kWh (limit {min_kwh} kWh) flowed from {unsupplied_from} to {unsupplied_to}, when the account was {account_status} (closed on {closed_on})."
    - "{unsupplied_kwh} kWh (limit {min_kwh} kWh) flowed from {unsupplied_from} to {unsupplied_to}, before the account ({account_status}) was opened on {opened_on}."
    - "{unsupplied_kwh} kWh (limit {min_kwh} kWh) flowed from {unsupplied_from} to {unsupplied_to}, while the account is {account_status}."
  zh:
    - "{unsupplied_from} 至 {unsupplied_to} 用电 {unsupplied_kwh} kWh（限值 {min_kwh} kWh），户状态为{account_status}（{closed_on} 销户）。"
    - "{unsupplied_from} 至 {unsupplied_to} 用电 {unsupplied_kwh} kWh（限值 {min_kwh} kWh），早于立户日 {opened_on}（户状态：{account_status}）。"
    - "{unsupplied_from} 至 {unsupplied_to} 用电 {unsupplied_kwh} kWh（限值 {min_kwh} kWh），户状态为{account_status}。"
*/
WITH judged AS (
  SELECT
    unsupplied_point.*,
    COALESCE(unsupplied_point.interval_kwh > $min_kwh, FALSE) AS is_by_interval,
    ROUND($min_kwh * COALESCE(billing_cycle.billing_months, 1), 6) AS register_min_kwh,
    COALESCE(billing_cycle.is_due, TRUE) AS is_due
  FROM facts.unsupplied_point
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = unsupplied_point.account_id
),

said AS (
  SELECT
    judged.*,
    judged.is_by_interval
    OR COALESCE(judged.is_due AND ROUND(judged.register_kwh, 6) > judged.register_min_kwh, FALSE)
      AS is_flagged,
    CASE WHEN judged.is_by_interval THEN judged.interval_kwh ELSE judged.register_kwh END AS unsupplied_kwh
  FROM judged
)

SELECT
  said.metering_point_id AS subject_id,
  said.account_id,
  said.is_flagged AS flagged,
  CASE WHEN NOT said.is_flagged AND said.is_due THEN said.register_not_checked END AS not_checked,
  MONEY(said.unsupplied_kwh * mean_price.mean_price) AS at_stake_amount,
  account.status AS account_status,
  -- The day that says why nothing may flow, so that the right sentence tells it.
  CASE WHEN account.status NOT IN ('closed', 'pending') THEN account.opened_on END AS opened_on,
  CASE WHEN account.status = 'closed' THEN account.closed_on END AS closed_on,
  said.unsupplied_from,
  said.unsupplied_to,
  said.unsupplied_kwh,
  said.interval_kwh,
  said.register_kwh,
  $min_kwh AS min_kwh,
  mean_price.mean_price
FROM said
JOIN source.account ON account.account_id = said.account_id
LEFT JOIN facts.mean_price ON mean_price.usage_category = account.usage_category
