/*
grain: one row per bill of P that corrects none
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
  feed_in_amount: {type: decimal, doc: 'What is paid for energy taken from the customer, below 0.'}
  total_amount: {type: decimal, doc: Recalculated total.}
  spread: {type: string, doc: 'Where rates changed within the bill: by what its energy was told apart, intervals or days.'}
  not_checked: {type: string, doc: Why it is not recalculated (see facts.priced); empty where it is.}
  energy_not_checked: {type: string, doc: Why the energy is not recalculated (see facts.bill_determinant).}
  billed_metered_kwh: {type: double, doc: metered_kwh on the bill itself.}
  billed_energy_amount: {type: decimal, doc: 'Billed with its corrections, of any month; so are the amounts below.'}
  billed_loss_amount: {type: decimal, doc: Lines loss_iron and loss_copper.}
  billed_capacity_amount: {type: decimal, doc: Lines capacity.}
  billed_demand_amount: {type: decimal, doc: Lines demand.}
  billed_power_factor_amount: {type: decimal, doc: Lines power_factor.}
  billed_surcharge_amount: {type: decimal, doc: Lines surcharge.}
  billed_feed_in_amount: {type: decimal, doc: Lines feed_in.}
  billed_adjustment_amount: {type: decimal, doc: 'Lines adjustment, which have no recalculated side.'}
  billed_total_amount: {type: decimal, doc: total_amount.}
  account_tariff_total_amount: {type: decimal, doc: 'Recalculated total on the account''s tariff, where that is another.'}
  energy_reason: {type: string, doc: As in facts.priced.}
  charge_reason: {type: string, doc: As in facts.priced.}
  factor_reason: {type: string, doc: As in facts.priced.}
  steps_amount: {type: decimal, doc: As in facts.priced.}
  sharp_amount: {type: decimal, doc: As in facts.priced.}
  peak_amount: {type: decimal, doc: As in facts.priced.}
  flat_amount: {type: decimal, doc: As in facts.priced.}
  valley_amount: {type: decimal, doc: As in facts.priced.}
  deep_amount: {type: decimal, doc: As in facts.priced.}
  iron_amount: {type: decimal, doc: As in facts.priced.}
  copper_amount: {type: decimal, doc: As in facts.priced.}
  addition_amount: {type: decimal, doc: As in facts.priced.}
  export_amount: {type: decimal, doc: As in facts.priced.}
  kva_amount: {type: decimal, doc: As in facts.priced.}
  kw_amount: {type: decimal, doc: As in facts.priced.}
  factor_amount: {type: decimal, doc: As in facts.priced.}
  billed_kwh: {type: double, doc: As in facts.priced.}
  sharp_kwh: {type: double, doc: As in facts.priced.}
  peak_kwh: {type: double, doc: As in facts.priced.}
  flat_kwh: {type: double, doc: As in facts.priced.}
  valley_kwh: {type: double, doc: As in facts.priced.}
  deep_kwh: {type: double, doc: As in facts.priced.}
  iron_kwh: {type: double, doc: As in facts.priced.}
  copper_kwh: {type: double, doc: As in facts.priced.}
  export_kwh: {type: double, doc: As in facts.priced.}
  charged_kva: {type: double, doc: As in facts.priced.}
  charged_kw: {type: double, doc: As in facts.priced.}
  charged_price: {type: double, doc: As in facts.priced.}
  factor_base_amount: {type: decimal, doc: As in facts.priced.}
incremental: {by: whole, reads: {facts.priced: {through: true}}}
*/
WITH priced AS (
  SELECT
    priced.purpose,
    priced.bill_id,
    priced.account_id,
    priced.period,
    priced.tariff_code,
    priced.metered_kwh,
    priced.loss_kwh,
    priced.energy_amount,
    priced.loss_amount,
    priced.loss_iron_amount,
    priced.capacity_amount,
    priced.demand_amount,
    priced.power_factor,
    priced.power_factor_amount,
    priced.surcharge_amount,
    priced.feed_in_amount,
    priced.total_amount,
    priced.spread,
    priced.not_checked,
    priced.energy_not_checked,
    priced.energy_reason,
    priced.charge_reason,
    priced.factor_reason,
    priced.steps_amount,
    priced.sharp_amount,
    priced.peak_amount,
    priced.flat_amount,
    priced.valley_amount,
    priced.deep_amount,
    priced.iron_amount,
    priced.copper_amount,
    priced.addition_amount,
    priced.export_amount,
    priced.kva_amount,
    priced.kw_amount,
    priced.factor_amount,
    priced.billed_kwh,
    priced.sharp_kwh,
    priced.peak_kwh,
    priced.flat_kwh,
    priced.valley_kwh,
    priced.deep_kwh,
    priced.iron_kwh,
    priced.copper_kwh,
    priced.export_kwh,
    priced.charged_kva,
    priced.charged_kw,
    priced.charged_price,
    priced.factor_base_amount
  FROM facts.priced
  WHERE priced.purpose = 'bill' OR priced.purpose = 'account'
),

member AS (
  SELECT
    bill.bill_id AS root_bill_id,
    bill.bill_id
  FROM source.bill
  WHERE bill.period = $period AND bill.corrects_bill_id IS NULL
  UNION ALL
  SELECT
    bill_correction.bill_id,
    bill_correction.correction_bill_id
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.bill_id
  WHERE bill.period = $period AND bill.corrects_bill_id IS NULL
),

billed AS (
  SELECT
    member.root_bill_id,
    SUM(bill.total_amount) AS total_amount,
    MAX(bill.metered_kwh) FILTER (WHERE bill.bill_id = member.root_bill_id) AS metered_kwh,
    SUM(bill_amount.energy_amount) AS energy_amount,
    SUM(COALESCE(bill_amount.loss_iron_amount, 0) + COALESCE(bill_amount.loss_copper_amount, 0))
      AS loss_amount,
    SUM(bill_amount.capacity_amount) AS capacity_amount,
    SUM(bill_amount.demand_amount) AS demand_amount,
    SUM(bill_amount.power_factor_amount) AS power_factor_amount,
    SUM(bill_amount.surcharge_amount) AS surcharge_amount,
    SUM(bill_amount.feed_in_amount) AS feed_in_amount,
    SUM(bill_amount.adjustment_amount) AS adjustment_amount
  FROM member
  JOIN source.bill ON bill.bill_id = member.bill_id
  LEFT JOIN facts.bill_amount ON bill_amount.bill_id = member.bill_id
  GROUP BY member.root_bill_id
)

SELECT
  priced.bill_id,
  priced.account_id,
  priced.period,
  priced.tariff_code,
  priced.metered_kwh,
  priced.loss_kwh,
  priced.energy_amount,
  priced.loss_amount,
  priced.loss_iron_amount,
  priced.capacity_amount,
  priced.demand_amount,
  priced.power_factor,
  priced.power_factor_amount,
  priced.surcharge_amount,
  priced.feed_in_amount,
  priced.total_amount,
  priced.spread,
  priced.not_checked,
  priced.energy_not_checked,
  billed.metered_kwh AS billed_metered_kwh,
  MONEY(COALESCE(billed.energy_amount, 0)) AS billed_energy_amount,
  MONEY(COALESCE(billed.loss_amount, 0)) AS billed_loss_amount,
  MONEY(COALESCE(billed.capacity_amount, 0)) AS billed_capacity_amount,
  MONEY(COALESCE(billed.demand_amount, 0)) AS billed_demand_amount,
  MONEY(COALESCE(billed.power_factor_amount, 0)) AS billed_power_factor_amount,
  MONEY(COALESCE(billed.surcharge_amount, 0)) AS billed_surcharge_amount,
  MONEY(COALESCE(billed.feed_in_amount, 0)) AS billed_feed_in_amount,
  MONEY(COALESCE(billed.adjustment_amount, 0)) AS billed_adjustment_amount,
  MONEY(billed.total_amount) AS billed_total_amount,
  priced_by_account.total_amount AS account_tariff_total_amount,
  priced.energy_reason,
  priced.charge_reason,
  priced.factor_reason,
  priced.steps_amount,
  priced.sharp_amount,
  priced.peak_amount,
  priced.flat_amount,
  priced.valley_amount,
  priced.deep_amount,
  priced.iron_amount,
  priced.copper_amount,
  priced.addition_amount,
  priced.export_amount,
  priced.kva_amount,
  priced.kw_amount,
  priced.factor_amount,
  priced.billed_kwh,
  priced.sharp_kwh,
  priced.peak_kwh,
  priced.flat_kwh,
  priced.valley_kwh,
  priced.deep_kwh,
  priced.iron_kwh,
  priced.copper_kwh,
  priced.export_kwh,
  priced.charged_kva,
  priced.charged_kw,
  priced.charged_price,
  priced.factor_base_amount
FROM priced
JOIN billed ON billed.root_bill_id = priced.bill_id
LEFT JOIN priced AS priced_by_account
  ON priced_by_account.bill_id = priced.bill_id AND priced_by_account.purpose = 'account'
WHERE priced.purpose = 'bill'
