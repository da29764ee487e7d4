/*
grain: one row per account whose supply is to be off for planned work, the day after tomorrow or later
key: [account_id]
purpose: The next planned outage that an account was not told of yet and can be told of a day before.
columns:
  account_id: {type: string, doc: The supply account.}
  outage_id: {type: string, doc: The work.}
  notice_id: {type: string, doc: 'The work and its time, as it is told: the same work at another time is another notice.'}
  starts_on: {type: date, doc: Local day on which supply goes off.}
  starts_at_time: {type: string, doc: 'Local time, such as 08:30.'}
  ends_on: {type: date, doc: Local day on which it is back.}
  ends_at_time: {type: string, doc: Local time.}
  send_by: {type: date, doc: The day before.}
*/
WITH planned AS (
  SELECT
    outage.outage_id,
    outage.line_id,
    outage.transformer_id,
    outage.starts_at,
    outage.ends_at,
    CONCAT(STRFTIME(outage.starts_at, '%Y-%m-%dT%H:%M'), ' ', outage.outage_id) AS notice_id
  FROM source.planned_outage AS outage
  WHERE outage.status = 'planned' AND DATE_DIFF('day', $as_of, CAST(outage.starts_at AS DATE)) >= 2
),

behind AS (
  SELECT
    account.account_id,
    account.customer_id,
    planned.*
  FROM planned
  JOIN mart.dim_account AS account ON account.transformer_id = planned.transformer_id
  UNION ALL
  SELECT
    account.account_id,
    account.customer_id,
    planned.*
  FROM planned
  JOIN mart.dim_account AS account ON account.line_id = planned.line_id
  WHERE planned.transformer_id IS NULL
)

SELECT
  behind.account_id,
  behind.outage_id,
  behind.notice_id,
  CAST(behind.starts_at AS DATE) AS starts_on,
  STRFTIME(behind.starts_at, '%H:%M') AS starts_at_time,
  CAST(behind.ends_at AS DATE) AS ends_on,
  STRFTIME(behind.ends_at, '%H:%M') AS ends_at_time,
  CAST(CAST(behind.starts_at AS DATE) - INTERVAL 1 DAY AS DATE) AS send_by
FROM behind
LEFT JOIN ask.told
  ON told.occasion_id = behind.notice_id
  AND told.customer_id = behind.customer_id
  AND (told.account_id = '' OR told.account_id = behind.account_id)
WHERE told.occasion_id IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY behind.account_id ORDER BY behind.starts_at, behind.outage_id) = 1
