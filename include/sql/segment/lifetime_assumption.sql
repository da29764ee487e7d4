/*
grain: one row per usage category that an account has
key: [usage_category]
purpose: >-
  What the lifetime value assumes: how long customers stay, measured on the accounts that closed, and the rate at which
  later money counts less.
columns:
  usage_category: {type: string, doc: What the energy is used for.}
  account_years: {type: double, doc: Years that its accounts were supplied in the last years_back years.}
  closed_accounts: {type: integer, doc: Accounts that closed in them.}
  yearly_leaving_share: {type: double, doc: 'Share that leaves in a year: prior_accounts years at 1 over prior_years added to what was counted.'}
  expected_years: {type: double, doc: '1 over that share, not above most_years.'}
  discount_rate: {type: double, doc: A year by which later money counts less.}
  annuity: {type: double, doc: 'What 1 a year is worth today over expected_years: (1 - (1 + rate) ^ -years) / rate, years at a rate of 0.'}
params:
  discount_rate: {type: number, default: 0.08, minimum: 0, maximum: 1, doc: A year by which later money counts less.}
  most_years: {type: number, default: 20, minimum: 1, maximum: 100, doc: Longest tenure expected.}
  years_back: {type: integer, default: 2, minimum: 1, maximum: 20, doc: Years in which leaving is counted.}
  prior_years: {type: number, default: 15, minimum: 1, maximum: 100, doc: Tenure expected before anything is counted.}
  prior_accounts: {type: number, default: 50, minimum: 0, maximum: 100000, doc: Account years that this belief counts.}
*/
WITH counted AS (
  SELECT
    account.usage_category,
    COUNT(*) FILTER (
      WHERE account.status = 'closed'
      AND account.closed_on > ADD_MONTHS($as_of, -12 * $years_back)
      AND account.closed_on <= $as_of
    ) AS closed_accounts,
    CAST(INTEGER_SUM(
      GREATEST(
        DATE_DIFF(
          'day',
          GREATEST(account.opened_on, ADD_MONTHS($as_of, -12 * $years_back)),
          CASE
            WHEN account.status = 'closed' THEN LEAST(COALESCE(account.closed_on, account.opened_on), $as_of)
            ELSE $as_of
          END
        ), 0
      )
    ) AS DOUBLE)
    / 365.25 AS account_years
  FROM source.account
  WHERE account.opened_on <= $as_of AND account.usage_category IS NOT NULL
  GROUP BY account.usage_category
),

leaving AS (
  SELECT
    counted.*,
    ROUND(
      RATIO(
        counted.closed_accounts + RATIO($prior_accounts, $prior_years),
        counted.account_years + CAST($prior_accounts AS DOUBLE)
      ), 6
    ) AS yearly_leaving_share
  FROM counted
),

tenure AS (
  SELECT
    leaving.*,
    ROUND(
      LEAST(
        COALESCE(RATIO(1, leaving.yearly_leaving_share), CAST($most_years AS DOUBLE)),
        CAST($most_years AS DOUBLE)
      ), 4
    ) AS expected_years
  FROM leaving
)

SELECT
  tenure.usage_category,
  ROUND(tenure.account_years, 4) AS account_years,
  tenure.closed_accounts,
  tenure.yearly_leaving_share,
  tenure.expected_years,
  CAST($discount_rate AS DOUBLE) AS discount_rate,
  ROUND(
    COALESCE(
      RATIO(
        1 - POWER(1 + CAST($discount_rate AS DOUBLE), -tenure.expected_years), CAST($discount_rate AS DOUBLE)
      ),
      tenure.expected_years
    ), 6
  ) AS annuity
FROM tenure
