/*
grain: one row a bill of P that corrects none
key: [bill_id]
purpose: The bill recalculated from the readings and the tariff it was billed on, beside what was billed.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: P.}
  tariff_code: {type: string, doc: The tariff as billed.}
  metered_kwh: {type: double, doc: Metered energy by the readings.}
  loss_kwh: {type: double, doc: Losses.}
  energy_amount: {type: decimal, doc: Energy lines.}
  loss_amount: {type: decimal, doc: Loss lines.}
  loss_iron_amount: {type: decimal, doc: The line loss_iron alone.}
  capacity_amount: {type: decimal, doc: Capacity charge.}
  demand_amount: {type: decimal, doc: Demand charge.}
  power_factor: {type: double, doc: Power factor.}
  power_factor_amount: {type: decimal, doc: Power-factor adjustment.}
  surcharge_amount: {type: decimal, doc: Surcharge.}
  total_amount: {type: decimal, doc: Recalculated total.}
  not_checked: {type: string, doc: Why it is not recalculated (see facts.priced); empty where it is.}
  energy_not_checked: {type: string, doc: Why the energy is not recalculated (see facts.bill_determinant).}
  billed_metered_kwh: {type: double, doc: metered_kwh on the bill itself.}
  billed_energy_amount: {type: decimal, doc: 'Billed with its corrections, of any month; so are the amounts below.'}
  billed_loss_amount: {type: decimal, doc: Lines loss_iron and loss_copper.}
  billed_capacity_amount: {type: decimal, doc: Lines capacity.}
  billed_demand_amount: {type: decimal, doc: Lines demand.}
  billed_power_factor_amount: {type: decimal, doc: Lines power_factor.}
  billed_surcharge_amount: {type: decimal, doc: Lines surcharge.}
  billed_adjustment_amount: {type: decimal, doc: 'Lines adjustment, which have no recalculated side.'}
  billed_total_amount: {type: decimal, doc: total_amount.}
  account_tariff_total_amount: {type: decimal, doc: 'Recalculated total on the account''s tariff, where that is another.'}
*/
WITH priced AS (
  SELECT p.purpose, p.bill_id, p.account_id, p.period, p.tariff_code, p.metered_kwh, p.loss_kwh, p.energy_amount, p.loss_amount,
         p.loss_iron_amount, p.capacity_amount, p.demand_amount, p.power_factor, p.power_factor_amount, p.surcharge_amount,
         p.total_amount, p.not_checked, p.energy_not_checked
  FROM facts.priced AS p
  WHERE p.purpose = 'bill' OR p.purpose = 'account'
),
member AS (
  SELECT b.bill_id AS root_bill_id, b.bill_id
  FROM source.bill AS b
  WHERE b.period = $period AND b.corrects_bill_id IS NULL
  UNION ALL
  SELECT c.bill_id, c.correction_bill_id
  FROM facts.bill_correction AS c
  JOIN source.bill AS b ON b.bill_id = c.bill_id
  WHERE b.period = $period AND b.corrects_bill_id IS NULL
),
billed AS (
  SELECT m.root_bill_id,
         SUM(b.total_amount) AS total_amount,
         MAX(b.metered_kwh) FILTER (WHERE b.bill_id = m.root_bill_id) AS metered_kwh,
         SUM(l.energy_amount) AS energy_amount,
         SUM(COALESCE(l.loss_iron_amount, 0) + COALESCE(l.loss_copper_amount, 0)) AS loss_amount,
         SUM(l.capacity_amount) AS capacity_amount,
         SUM(l.demand_amount) AS demand_amount,
         SUM(l.power_factor_amount) AS power_factor_amount,
         SUM(l.surcharge_amount) AS surcharge_amount,
         SUM(l.adjustment_amount) AS adjustment_amount
  FROM member AS m
  JOIN source.bill AS b ON b.bill_id = m.bill_id
  LEFT JOIN facts.bill_amount AS l ON l.bill_id = m.bill_id
  GROUP BY m.root_bill_id
)
SELECT p.bill_id,
       p.account_id,
       p.period,
       p.tariff_code,
       p.metered_kwh,
       p.loss_kwh,
       p.energy_amount,
       p.loss_amount,
       p.loss_iron_amount,
       p.capacity_amount,
       p.demand_amount,
       p.power_factor,
       p.power_factor_amount,
       p.surcharge_amount,
       p.total_amount,
       p.not_checked,
       p.energy_not_checked,
       b.metered_kwh AS billed_metered_kwh,
       MONEY(COALESCE(b.energy_amount, 0)) AS billed_energy_amount,
       MONEY(COALESCE(b.loss_amount, 0)) AS billed_loss_amount,
       MONEY(COALESCE(b.capacity_amount, 0)) AS billed_capacity_amount,
       MONEY(COALESCE(b.demand_amount, 0)) AS billed_demand_amount,
       MONEY(COALESCE(b.power_factor_amount, 0)) AS billed_power_factor_amount,
       MONEY(COALESCE(b.surcharge_amount, 0)) AS billed_surcharge_amount,
       MONEY(COALESCE(b.adjustment_amount, 0)) AS billed_adjustment_amount,
       MONEY(b.total_amount) AS billed_total_amount,
       o.total_amount AS account_tariff_total_amount
FROM priced AS p
JOIN billed AS b ON b.root_bill_id = p.bill_id
LEFT JOIN priced AS o ON o.bill_id = p.bill_id AND o.purpose = 'account'
WHERE p.purpose = 'bill'
