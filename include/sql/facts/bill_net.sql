/*
grain: one row an account and billed month
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
  energy_amount: {type: decimal, doc: Net energy lines (P alone).}
  loss_iron_amount: {type: decimal, doc: Net iron-loss lines (P alone).}
  capacity_amount: {type: decimal, doc: Net capacity lines (P alone).}
  demand_amount: {type: decimal, doc: Net demand lines (P alone).}
  power_factor_amount: {type: decimal, doc: Net power-factor lines (P alone).}
  average_price: {type: double, doc: 'Net total over net billed energy, currency per kWh; empty where no energy was billed.'}
  average_energy_price: {type: double, doc: 'Net energy lines over net metered energy, currency per kWh (P alone); empty where none was metered.'}
*/
WITH line AS (
  SELECT b.account_id,
         MONEY(SUM(l.energy_amount)) AS energy_amount,
         MONEY(SUM(l.loss_iron_amount)) AS loss_iron_amount,
         MONEY(SUM(l.capacity_amount)) AS capacity_amount,
         MONEY(SUM(l.demand_amount)) AS demand_amount,
         MONEY(SUM(l.power_factor_amount)) AS power_factor_amount
  FROM facts.bill_amount AS l
  JOIN source.bill AS b ON b.bill_id = l.bill_id
  WHERE b.period = $period
  GROUP BY b.account_id
),
net AS (
  SELECT b.account_id,
         b.period,
         COUNT(*) AS bills,
         EXACT_SUM(b.metered_kwh) AS metered_kwh,
         EXACT_SUM(b.loss_kwh) AS loss_kwh,
         EXACT_SUM(b.billed_kwh) AS billed_kwh,
         MONEY(SUM(b.total_amount)) AS total_amount
  FROM source.bill AS b
  GROUP BY b.account_id, b.period
)
SELECT n.account_id,
       n.period,
       n.bills,
       n.metered_kwh,
       n.loss_kwh,
       n.billed_kwh,
       n.total_amount,
       l.energy_amount,
       l.loss_iron_amount,
       l.capacity_amount,
       l.demand_amount,
       l.power_factor_amount,
       RATIO(n.total_amount, n.billed_kwh) AS average_price,
       RATIO(l.energy_amount, n.metered_kwh) AS average_energy_price
FROM net AS n
LEFT JOIN line AS l ON l.account_id = n.account_id AND n.period = $period
