/*
grain: one row per account with intervals in P whose main points all hang on one public area with a balance
key: [account_id]
purpose: The accounts that models can hold against the loss of their area.
columns:
  account_id: {type: string, doc: The supply account.}
  transformer_id: {type: string, doc: The area's transformer.}
  usage_category: {type: string, doc: Of the account.}
  contracted_kva: {type: double, doc: Of the account.}
  zero_day_share: {type: double, doc: Share of the days of P with intervals on which nothing was used.}
incremental: {by: whole, reads: {facts.account_consumption_daily: {from: period, to: period_end}}}
*/
WITH fed AS (
  SELECT
    loss_member.account_id,
    MIN(loss_member.id) AS transformer_id
  FROM facts.loss_member
  WHERE loss_member.level = 'transformer' AND NOT loss_member.is_supply
  GROUP BY loss_member.account_id
  HAVING MIN(loss_member.id) = MAX(loss_member.id)
),

used AS (
  SELECT
    account_consumption_daily.account_id,
    AVG(CASE WHEN ROUND(account_consumption_daily.kwh, 3) = 0 THEN 1.0 ELSE 0.0 END) AS zero_day_share
  FROM facts.account_consumption_daily
  WHERE
    account_consumption_daily.day >= $period
    AND account_consumption_daily.day <= $period_end
    AND account_consumption_daily.kwh IS NOT NULL
  GROUP BY account_consumption_daily.account_id
)

SELECT
  fed.account_id,
  fed.transformer_id,
  account.usage_category,
  account.contracted_kva,
  CAST(used.zero_day_share AS DOUBLE) AS zero_day_share
FROM fed
JOIN used ON used.account_id = fed.account_id
JOIN source.account ON account.account_id = fed.account_id
