/*
grain: one row per account and period with several bills that correct none
key: [account_id, period]
purpose: The bill days of a period that more than one bill covers, each day once.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  bills: {type: integer, doc: Bills of the period that correct none.}
  bill_days: {type: integer, doc: 'Days from period_start to period_end, both included, of these bills; a day of several counts once.'}
*/
WITH several AS (
  SELECT
    bill_net.account_id,
    bill_net.period,
    bill_net.originals AS bills
  FROM facts.bill_net
  WHERE bill_net.originals > 1
),

laid AS (
  SELECT
    several.account_id,
    several.period,
    several.bills,
    bill.period_start,
    bill.period_end,
    MAX(bill.period_end) OVER (
      PARTITION BY several.account_id, several.period
      ORDER BY bill.period_start, bill.period_end, bill.bill_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM several
  JOIN source.bill ON bill.account_id = several.account_id AND bill.period = several.period
  WHERE bill.corrects_bill_id IS NULL AND bill.period_start <= bill.period_end
)

SELECT
  laid.account_id,
  laid.period,
  MIN(laid.bills) AS bills,
  INTEGER_SUM(
    CASE
      WHEN
        laid.covered_to IS NULL OR laid.covered_to < laid.period_start
        THEN DATE_DIFF('day', laid.period_start, laid.period_end) + 1
      WHEN laid.covered_to < laid.period_end THEN DATE_DIFF('day', laid.covered_to, laid.period_end)
      ELSE 0
    END
  ) AS bill_days
FROM laid
GROUP BY laid.account_id, laid.period
