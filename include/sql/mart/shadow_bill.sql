/*
grain: one row a bill of P that corrects none
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
  total_amount: {type: decimal, doc: Recalculated total.}
  not_checked: {type: string, doc: Why it is not recalculated; empty where it is.}
*/
SELECT s.bill_id,
       s.account_id,
       s.period,
       s.metered_kwh,
       s.loss_kwh,
       s.energy_amount,
       s.loss_amount,
       s.capacity_amount,
       s.demand_amount,
       s.power_factor,
       s.power_factor_amount,
       s.surcharge_amount,
       s.total_amount,
       s.not_checked
FROM facts.shadow_bill AS s
