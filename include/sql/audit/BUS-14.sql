/*
title: Energy while suspended
zh: 暂停期间用电
flags_zh: 审核月暂停期间（首日、末日除外）主计量点采集电量合计超过 min_kwh；或全月暂停且无采集数据，抄见电量超过 min_kwh。
what_to_do:
  en: >-
    See on site whether the equipment was put back into use; end the suspension from that day, charge the
    capacity, and treat it as a breach of contract.
  zh: 现场核实是否擅自启用暂停设备，自启用之日恢复计收基本电费，并按违约用电处理。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: next
site: true
flags: >-
  measured intervals at its main points on days of P on which it is suspended (not the first nor the last day of the suspension) sum
  to more than min_kwh; or, wholly suspended in P and without intervals, its metered energy of P is above min_kwh.
at_stake: that energy x average energy price, else mean price
params:
  min_kwh: {type: number, default: 20, minimum: 0, doc: 'kWh that may flow while suspended; by the readings for each month that a bill covers.'}
messages:
  en:
    - "{suspended_kwh} kWh flowed on {suspended_days} suspended days from {first_suspended_on} to {last_suspended_on}; up to {min_kwh} kWh are passed over."
    - "The readings show {suspended_kwh} kWh for a month in which the account was wholly suspended; up to {min_kwh} kWh are passed over."
  zh:
    - "{first_suspended_on} 至 {last_suspended_on} 暂停期间 {suspended_days} 天用电 {suspended_kwh} kWh，允许 {min_kwh} kWh。"
    - "全月暂停，抄表电量仍为 {suspended_kwh} kWh，允许 {min_kwh} kWh。"
*/
WITH judged AS (
  SELECT
    suspended_energy.account_id,
    suspended_energy.is_wholly,
    suspended_energy.measured_intervals,
    suspended_energy.suspended_days,
    suspended_energy.first_suspended_on,
    suspended_energy.last_suspended_on,
    suspended_energy.interval_kwh,
    CASE
      WHEN suspended_energy.measured_intervals > 0
        THEN ROUND(COALESCE(suspended_energy.interval_kwh, 0), 6)
      WHEN
        suspended_energy.is_wholly
        AND COALESCE(billing_cycle.is_due, TRUE)
        AND account_energy.not_checked IS NULL
        THEN ROUND(account_energy.metered_kwh, 6)
    END AS suspended_kwh,
    CASE
      WHEN suspended_energy.measured_intervals > 0 THEN $min_kwh
      ELSE ROUND($min_kwh * COALESCE(billing_cycle.billing_months, 1), 6)
    END AS min_kwh,
    CASE
      WHEN suspended_energy.measured_intervals > 0 THEN NULL
      WHEN NOT suspended_energy.is_wholly OR NOT COALESCE(billing_cycle.is_due, TRUE) THEN 'no_intervals'
      ELSE
        COALESCE(
          account_energy.not_checked, CASE WHEN account_energy.account_id IS NULL THEN 'no_reading' END
        )
    END AS not_checked
  FROM facts.suspended_energy
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = suspended_energy.account_id
  LEFT JOIN facts.account_energy
    ON account_energy.account_id = suspended_energy.account_id AND account_energy.period = $period
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  judged.not_checked,
  judged.suspended_kwh > judged.min_kwh AS flagged,
  MONEY(judged.suspended_kwh * COALESCE(bill_net.average_energy_price, account_mean_price.mean_price))
    AS at_stake_amount,
  judged.suspended_kwh,
  judged.min_kwh,
  judged.is_wholly,
  judged.measured_intervals,
  CASE WHEN judged.measured_intervals > 0 THEN judged.suspended_days END AS suspended_days,
  judged.first_suspended_on,
  judged.last_suspended_on,
  COALESCE(bill_net.average_energy_price, account_mean_price.mean_price) AS energy_price
FROM judged
LEFT JOIN facts.bill_net ON bill_net.account_id = judged.account_id AND bill_net.period = $period
LEFT JOIN facts.account_mean_price ON account_mean_price.account_id = judged.account_id
