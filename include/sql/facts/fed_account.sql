/*
grain: one row an account with intervals in P whose main points all hang on one public area with a balance
key: [account_id]
purpose: The accounts that models can hold against the loss of their area.
columns:
  account_id: {type: string, doc: The supply account.}
  transformer_id: {type: string, doc: The area's transformer.}
  usage_category: {type: string, doc: Of the account.}
  contracted_kva: {type: double, doc: Of the account.}
  zero_day_share: {type: double, doc: Share of the days of P with intervals on which nothing was used.}
*/
WITH fed AS (
  SELECT m.account_id, MIN(m.id) AS transformer_id
  FROM facts.loss_member AS m
  WHERE m.level = 'transformer' AND NOT m.is_supply
  GROUP BY m.account_id
  HAVING MIN(m.id) = MAX(m.id)
),
used AS (
  SELECT d.account_id, AVG(CASE WHEN ROUND(d.kwh, 3) = 0 THEN 1.0 ELSE 0.0 END) AS zero_day_share
  FROM facts.account_consumption_daily AS d
  WHERE d.day >= $period AND d.day <= $period_end AND d.kwh IS NOT NULL
  GROUP BY d.account_id
)
SELECT f.account_id, f.transformer_id, a.usage_category, a.contracted_kva, CAST(u.zero_day_share AS DOUBLE) AS zero_day_share
FROM fed AS f
JOIN used AS u ON u.account_id = f.account_id
JOIN source.account AS a ON a.account_id = f.account_id
