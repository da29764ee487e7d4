/*
grain: one row per bill of P, or a correction (of any month) of one, that has lines
key: [bill_id]
purpose: The lines of the bills that an audit of P looks at, summed once by component.
columns:
  bill_id: {type: string, doc: The bill.}
  lines: {type: integer, doc: Its lines.}
  lines_amount: {type: decimal, doc: Sum of all of them.}
  energy_amount: {type: decimal, doc: 'energy, energy_sharp, energy_peak, energy_flat, energy_valley and energy_deep; empty where there is no such line, as below.'}
  loss_iron_amount: {type: decimal, doc: loss_iron.}
  loss_copper_amount: {type: decimal, doc: loss_copper.}
  capacity_amount: {type: decimal, doc: capacity.}
  demand_amount: {type: decimal, doc: demand.}
  power_factor_amount: {type: decimal, doc: power_factor.}
  surcharge_amount: {type: decimal, doc: surcharge.}
  feed_in_amount: {type: decimal, doc: feed_in.}
  adjustment_amount: {type: decimal, doc: adjustment.}
  loss_iron_highest_amount: {type: decimal, doc: The highest single loss_iron line.}
  demand_lines: {type: integer, doc: Lines of component demand.}
*/
WITH wanted AS (
  SELECT bill.bill_id
  FROM source.bill
  WHERE bill.period = $period
  UNION
  SELECT bill_correction.correction_bill_id AS bill_id
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.bill_id
  WHERE bill.period = $period
)

SELECT
  bill_line.bill_id,
  COUNT(*) AS lines,
  MONEY(SUM(bill_line.amount)) AS lines_amount,
  MONEY(
    SUM(bill_line.amount) FILTER (
      WHERE bill_line.component IN (
        'energy', 'energy_sharp', 'energy_peak', 'energy_flat', 'energy_valley', 'energy_deep'
      )
    )
  ) AS energy_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'loss_iron')) AS loss_iron_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'loss_copper')) AS loss_copper_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'capacity')) AS capacity_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'demand')) AS demand_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'power_factor')) AS power_factor_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'surcharge')) AS surcharge_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'feed_in')) AS feed_in_amount,
  MONEY(SUM(bill_line.amount) FILTER (WHERE bill_line.component = 'adjustment')) AS adjustment_amount,
  MAX(bill_line.amount) FILTER (WHERE bill_line.component = 'loss_iron') AS loss_iron_highest_amount,
  COUNT(*) FILTER (WHERE bill_line.component = 'demand') AS demand_lines
FROM source.bill_line
JOIN wanted ON wanted.bill_id = bill_line.bill_id
GROUP BY bill_line.bill_id
