/*
grain: one row per account and billed month
key: [account_id, period]
purpose: The net of a month, the sum over all its bills, corrections included. What comes from bill lines is there for P alone, as no rule looks at older lines.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  bills: {type: integer, doc: Bills summed.}
  metered_kwh: {type: double, doc: Net metered energy.}
  loss_kwh: {type: double, doc: Net losses.}
  billed_kwh: {type: double, doc: Net billed energy.}
  total_amount: {type: decimal, doc: Net total.}
  originals: {type: integer, doc: Its bills that correct none.}
  original_days: {type: integer, doc: 'Days from period_start to period_end, both included, of these bills; a day of several counts as often (facts.bill_rate counts it once). Empty where there are none.'}
  first_bill_day: {type: date, doc: The first of these days.}
  last_bill_day: {type: date, doc: The last of these days.}
  energy_amount: {type: decimal, doc: Net energy lines (P alone).}
  loss_iron_amount: {type: decimal, doc: Net iron-loss lines (P alone).}
  capacity_amount: {type: decimal, doc: Net capacity lines (P alone).}
  demand_amount: {type: decimal, doc: Net demand lines (P alone).}
  power_factor_amount: {type: decimal, doc: Net power-factor lines (P alone).}
  average_price: {type: double, doc: 'Net total over net billed energy, currency per kWh; empty where no energy was billed.'}
  average_energy_price: {type: double, doc: 'Net energy lines over net metered energy, currency per kWh (P alone); empty where none was metered.'}
*/
WITH line AS (
  SELECT
    bill.account_id,
    MONEY(SUM(bill_amount.energy_amount)) AS energy_amount,
    MONEY(SUM(bill_amount.loss_iron_amount)) AS loss_iron_amount,
    MONEY(SUM(bill_amount.capacity_amount)) AS capacity_amount,
    MONEY(SUM(bill_amount.demand_amount)) AS demand_amount,
    MONEY(SUM(bill_amount.power_factor_amount)) AS power_factor_amount
  FROM facts.bill_amount
  JOIN source.bill ON bill.bill_id = bill_amount.bill_id
  WHERE bill.period = $period
  GROUP BY bill.account_id
),

net AS (
  SELECT
    bill.account_id,
    bill.period,
    COUNT(*) AS bills,
    EXACT_SUM(bill.metered_kwh) AS metered_kwh,
    EXACT_SUM(bill.loss_kwh) AS loss_kwh,
    EXACT_SUM(bill.billed_kwh) AS billed_kwh,
    MONEY(SUM(bill.total_amount)) AS total_amount,
    COUNT(*) FILTER (WHERE bill.corrects_bill_id IS NULL) AS originals,
    INTEGER_SUM(
      CASE
        WHEN bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end
          THEN DATE_DIFF('day', bill.period_start, bill.period_end) + 1
      END
    ) AS original_days,
    MIN(
      CASE
        WHEN
          bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end
          THEN bill.period_start
      END
    ) AS first_bill_day,
    MAX(
      CASE
        WHEN bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end THEN bill.period_end
      END
    ) AS last_bill_day
  FROM source.bill
  GROUP BY bill.account_id, bill.period
)

SELECT
  net.account_id,
  net.period,
  net.bills,
  net.metered_kwh,
  net.loss_kwh,
  net.billed_kwh,
  net.total_amount,
  net.originals,
  net.original_days,
  net.first_bill_day,
  net.last_bill_day,
  line.energy_amount,
  line.loss_iron_amount,
  line.capacity_amount,
  line.demand_amount,
  line.power_factor_amount,
  RATIO(net.total_amount, net.billed_kwh) AS average_price,
  RATIO(line.energy_amount, net.metered_kwh) AS average_energy_price
FROM net
LEFT JOIN line ON line.account_id = net.account_id AND net.period = $period
