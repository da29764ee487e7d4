/*
grain: one row per account and billed period with a bill day on which it was suspended
key: [account_id, period]
purpose: Which bills cover a day of suspension.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
*/
SELECT
  bill.account_id,
  bill.period
FROM facts.suspension_day
JOIN source.bill
  ON bill.account_id = suspension_day.account_id
  AND suspension_day.day >= bill.period_start
  AND suspension_day.day <= bill.period_end
WHERE suspension_day.is_suspended AND bill.corrects_bill_id IS NULL
UNION
-- Nothing runs, so it is suspended on every day.
SELECT
  bill.account_id,
  bill.period
FROM source.account
JOIN source.bill ON bill.account_id = account.account_id
WHERE account.running_kva = 0 AND bill.corrects_bill_id IS NULL
