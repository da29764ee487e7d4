/*
grain: one row per bill of P that corrects none
key: [bill_id]
purpose: The bill recalculated from readings and tariff; what was billed stands in the source.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of the billed month.}
  metered_kwh: {type: double, doc: Metered energy by the readings in kWh.}
  loss_kwh: {type: double, doc: Transformer losses in kWh.}
  energy_amount: {type: decimal, doc: Energy charge.}
  loss_amount: {type: decimal, doc: Iron- and copper-loss charge.}
  capacity_amount: {type: decimal, doc: Capacity charge.}
  demand_amount: {type: decimal, doc: Demand charge.}
  power_factor: {type: double, doc: 'Power factor of the month, where it is assessed.'}
  power_factor_amount: {type: decimal, doc: Power-factor adjustment.}
  surcharge_amount: {type: decimal, doc: Surcharge.}
  feed_in_amount: {type: decimal, doc: 'What is paid for energy taken from the customer, below 0.'}
  total_amount: {type: decimal, doc: Recalculated total.}
  spread: {type: string, doc: 'Where rates changed within the bill: by what its energy was told apart, intervals or days.'}
  not_checked: {type: string, doc: Why it is not recalculated; empty where it is.}
  org_unit_id: {type: string, doc: Unit of the account.}
*/
SELECT
  shadow_bill.bill_id,
  shadow_bill.account_id,
  shadow_bill.period,
  shadow_bill.metered_kwh,
  shadow_bill.loss_kwh,
  shadow_bill.energy_amount,
  shadow_bill.loss_amount,
  shadow_bill.capacity_amount,
  shadow_bill.demand_amount,
  shadow_bill.power_factor,
  shadow_bill.power_factor_amount,
  shadow_bill.surcharge_amount,
  shadow_bill.feed_in_amount,
  shadow_bill.total_amount,
  shadow_bill.spread,
  shadow_bill.not_checked,
  account.org_unit_id
FROM facts.shadow_bill
LEFT JOIN source.account ON account.account_id = shadow_bill.account_id
