/*
title: Suspension too short
zh: 暂停时间少于15天
flags_zh: 审核日前 12 个月内结束的暂停，首尾计入不足 min_days 天。
what_to_do:
  en: >-
    Charge the capacity for the days of the suspension; tell the customer that so short a suspension frees
    from nothing.
  zh: 暂停期间的基本电费照常计收并告知客户；受理时应提示最短暂停天数。
kind: exception
modes: [nightly]
subject: capacity_change
severity: medium
judges: state
proof: none
moves: [days_in_period, capacity_price]
window: {on: last_on, within: 12, unit: months}
basis: "供电营业规则"
flags: >-
  a suspension that ended within the 12 months before as_of after fewer than min_days days, both ends
  included.
at_stake: capacity price x kVA x days of the suspension in P / days of P, where the account pays by capacity
params:
  min_days: {type: integer, default: 15, minimum: 0, doc: 'Fewest days of a suspension, both ends included.'}
messages:
  en: "The suspension lasted {days} days, from {start_on} to {last_on}; at least {min_days} are required."
  zh: "暂停 {days} 天（{start_on} 至 {last_on}），不足规定的 {min_days} 天。"
*/
WITH ended AS (
  SELECT
    capacity_out.change_id,
    capacity_out.account_id,
    capacity_out.capacity_kva,
    capacity_out.start_on,
    capacity_out.last_on,
    capacity_out.end_on,
    DATE_DIFF('day', capacity_out.start_on, capacity_out.last_on) + 1 AS days,
    GREATEST(
      DATE_DIFF(
        'day', GREATEST(capacity_out.start_on, $period), LEAST(capacity_out.last_on, $period_end)
      ) + 1,
      0
    ) AS days_in_period
  FROM core.capacity_out
  WHERE
    capacity_out.kind = 'suspend'
    AND capacity_out.last_on >= ADD_MONTHS($as_of, -12)
    AND capacity_out.last_on <= $as_of
)

SELECT
  ended.change_id AS subject_id,
  ended.account_id,
  ended.days < $min_days AS flagged,
  CASE
    WHEN account.demand_basis = 'capacity' AND tariff.is_two_part
      THEN MONEY(
        price_in_force.unit_price * ended.capacity_kva * ended.days_in_period / NULLIF($period_days, 0)
      )
  END AS at_stake_amount,
  ended.start_on,
  ended.last_on,
  ended.end_on,
  ended.days,
  $min_days AS min_days,
  ended.capacity_kva AS suspended_kva,
  ended.days_in_period,
  price_in_force.unit_price AS capacity_price
FROM ended
LEFT JOIN source.account ON account.account_id = ended.account_id
LEFT JOIN source.tariff ON tariff.tariff_code = account.tariff_code
LEFT JOIN core.price_in_force
  ON price_in_force.tariff_code = account.tariff_code AND price_in_force.component = 'capacity'
