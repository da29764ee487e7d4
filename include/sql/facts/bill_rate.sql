/*
grain: one row per account and billed month
key: [account_id, period]
purpose: Bill days, and what was billed by day.
view: true
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  bill_days: {type: integer, doc: 'Days from period_start to period_end, both included, of its bills that correct none, each once; empty where there are none.'}
  first_bill_day: {type: date, doc: The first of these days.}
  last_bill_day: {type: date, doc: The last of these days.}
  billed_kwh: {type: double, doc: Net billed energy.}
  kwh_per_day: {type: double, doc: Net billed energy by bill day.}
  amount_per_day: {type: double, doc: Net total by bill day.}
*/
WITH counted AS (
  SELECT
    bill_net.account_id,
    bill_net.period,
    COALESCE(split_bill.bill_days, bill_net.original_days) AS bill_days,
    bill_net.first_bill_day,
    bill_net.last_bill_day,
    bill_net.billed_kwh,
    bill_net.total_amount
  FROM facts.bill_net
  LEFT JOIN facts.split_bill
    ON split_bill.account_id = bill_net.account_id AND split_bill.period = bill_net.period
)

SELECT
  counted.account_id,
  counted.period,
  counted.bill_days,
  counted.first_bill_day,
  counted.last_bill_day,
  counted.billed_kwh,
  RATIO(counted.billed_kwh, counted.bill_days) AS kwh_per_day,
  RATIO(counted.total_amount, counted.bill_days) AS amount_per_day
FROM counted
