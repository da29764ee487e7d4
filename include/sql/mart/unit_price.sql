/*
grain: one row per unit and billed month (P and the 11 before)
key: [org_unit_id, period]
purpose: 'Average price by unit: what the accounts of the unit and of all units below it were billed, over their energy.'
columns:
  org_unit_id: {type: string, doc: The unit.}
  period: {type: date, doc: First day of the billed month.}
  accounts: {type: integer, doc: Accounts billed for it.}
  billed_kwh: {type: double, doc: Their net energy in kWh.}
  total_amount: {type: decimal, doc: Their net total.}
  average_price: {type: double, doc: total_amount over billed_kwh; empty without energy.}
  average_price_before: {type: double, doc: The same of the month before; empty where there is none.}
  price_change: {type: double, doc: average_price over that of the month before less 1.}
*/
WITH RECURSIVE held AS (
  SELECT
    org_unit.org_unit_id AS holder_id,
    org_unit.org_unit_id,
    0 AS steps
  FROM source.org_unit
  UNION ALL
  SELECT
    held.holder_id,
    below.org_unit_id,
    held.steps + 1 AS steps
  FROM held
  JOIN source.org_unit AS below ON below.parent_id = held.org_unit_id
  -- Units in a circle would hold one another for ever.
  WHERE held.steps < 20 AND below.org_unit_id <> held.holder_id
),

holder AS (
  SELECT DISTINCT
    held.holder_id,
    held.org_unit_id
  FROM held
),

own AS (
  SELECT
    account.org_unit_id,
    bill_net.period,
    COUNT(*) AS accounts,
    DECIMAL_SUM(bill_net.billed_kwh) AS billed_kwh,
    SUM(bill_net.total_amount) AS total_amount
  FROM facts.bill_net
  JOIN source.account ON account.account_id = bill_net.account_id
  WHERE bill_net.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY account.org_unit_id, bill_net.period
),

summed AS (
  SELECT
    holder.holder_id AS org_unit_id,
    own.period,
    INTEGER_SUM(own.accounts) AS accounts,
    DECIMAL_SUM(own.billed_kwh) AS billed_kwh,
    MONEY(SUM(own.total_amount)) AS total_amount
  FROM holder
  JOIN own ON own.org_unit_id = holder.org_unit_id
  GROUP BY holder.holder_id, own.period
),

priced AS (
  SELECT
    summed.org_unit_id,
    summed.period,
    summed.accounts,
    summed.billed_kwh,
    summed.total_amount,
    ROUND(RATIO(summed.total_amount, summed.billed_kwh), 6) AS average_price
  FROM summed
)

SELECT
  priced.org_unit_id,
  priced.period,
  priced.accounts,
  priced.billed_kwh,
  priced.total_amount,
  priced.average_price,
  before.average_price AS average_price_before,
  ROUND(RATIO(priced.average_price, before.average_price) - 1, 6) AS price_change
FROM priced
LEFT JOIN priced AS before
  ON before.org_unit_id = priced.org_unit_id AND before.period = ADD_MONTHS(priced.period, -1)
