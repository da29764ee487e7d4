/*
grain: one row per account whose losses are billed, with a dedicated transformer and a bill of P
key: [account_id]
purpose: What the losses of P are by the loss codes, for estimates of what a bill without them lacks.
columns:
  account_id: {type: string, doc: The supply account.}
  iron_kwh: {type: double, doc: Iron loss over the days of the bill that are not wholly suspended.}
  copper_kwh: {type: double, doc: Copper loss on the net metered energy.}
  loss_kwh: {type: double, doc: Their sum.}
  first_transformer_id: {type: string, doc: The first dedicated transformer by id.}
*/
SELECT
  bill_loss.account_id,
  bill_loss.iron_kwh,
  ROUND(bill_loss.copper_rate * bill_net.metered_kwh, 6) AS copper_kwh,
  ROUND(bill_loss.iron_kwh + bill_loss.copper_rate * bill_net.metered_kwh, 6) AS loss_kwh,
  bill_loss.first_transformer_id
FROM facts.bill_loss
JOIN facts.bill_net ON bill_net.account_id = bill_loss.account_id AND bill_net.period = bill_loss.period
WHERE bill_loss.period = $period
QUALIFY ROW_NUMBER() OVER (PARTITION BY bill_loss.account_id ORDER BY bill_loss.bill_id) = 1
