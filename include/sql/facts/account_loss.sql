/*
grain: one row an account whose losses are billed, with a dedicated transformer and a bill of P
key: [account_id]
purpose: What the losses of P are by the loss codes, for estimates of what a bill without them lacks.
columns:
  account_id: {type: string, doc: The supply account.}
  iron_kwh: {type: double, doc: Iron loss over the days of the bill that are not wholly suspended.}
  copper_kwh: {type: double, doc: Copper loss on the net metered energy.}
  loss_kwh: {type: double, doc: Their sum.}
  first_transformer_id: {type: string, doc: The first dedicated transformer by id.}
*/
SELECT l.account_id,
       l.iron_kwh,
       ROUND(l.copper_rate * n.metered_kwh, 6) AS copper_kwh,
       ROUND(l.iron_kwh + l.copper_rate * n.metered_kwh, 6) AS loss_kwh,
       l.first_transformer_id
FROM facts.bill_loss AS l
JOIN facts.bill_net AS n ON n.account_id = l.account_id AND n.period = l.period
WHERE l.period = $period
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.account_id ORDER BY l.bill_id) = 1
