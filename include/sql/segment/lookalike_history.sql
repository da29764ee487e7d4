/*
grain: one row per account and cut-off day; cut 0 is as_of (to be ranked), 1 is the test, the rest are the training
key: [account_id, cut_no]
purpose: >-
  What an account was like at a cut-off day. Nothing in it follows from taking a service up: neither how it pays nor its tariff is
  asked. Every feature is 0 or 1; which services it held is in segment.lookalike_holding.
columns:
  account_id: {type: string, doc: The supply account.}
  cut_no: {type: integer, doc: '0 to be ranked, 1 test, 2 and on training.'}
  cut_on: {type: date, doc: The cut-off day.}
  usage_category: {type: string, doc: What the energy is used for.}
  residential: {type: double, doc: 1 for homes.}
  commercial: {type: double, doc: 1 for commercial use.}
  industrial: {type: double, doc: 1 for industrial use.}
  large_supply: {type: double, doc: 1 from large_kva of contracted capacity.}
  organisation: {type: double, doc: 1 where no person holds it.}
  several_accounts: {type: double, doc: 1 where its customer was supplied under more than one account.}
  new_supply: {type: double, doc: 1 in the first year of supply.}
params:
  cut:
    type: rows
    columns: {cut_no: integer, months_back: integer}
    default: [[1, 12], [2, 24], [3, 36]]
    doc: Cut-off days, in months before as_of; a year apart, so that no year is looked at twice.
  sample_accounts: {type: integer, default: 50000, minimum: 100, doc: Accounts looked at for training and test.}
  large_kva: {type: number, default: 100, minimum: 0, doc: Contracted capacity from which a supply is large.}
*/
WITH cut AS (
  SELECT
    cut.cut_no,
    ADD_MONTHS($as_of, -cut.months_back) AS cut_on
  FROM param.cut
),

sample AS (
  SELECT
    account.account_id,
    account.opened_on,
    account.closed_on
  FROM source.account
  QUALIFY ROW_NUMBER() OVER (ORDER BY MD5(account.account_id), account.account_id) <= $sample_accounts
),

subject AS (
  SELECT
    live_account.account_id,
    CAST(0 AS BIGINT) AS cut_no,
    $as_of AS cut_on
  FROM core.live_account
  UNION ALL
  SELECT
    sample.account_id,
    cut.cut_no,
    cut.cut_on
  FROM sample
  CROSS JOIN cut
  WHERE sample.opened_on <= cut.cut_on AND (sample.closed_on IS NULL OR sample.closed_on > cut.cut_on)
),

together AS (
  SELECT
    cut.cut_no,
    account.customer_id,
    COUNT(*) AS accounts
  FROM source.account
  CROSS JOIN (SELECT DISTINCT
    subject.cut_no,
    subject.cut_on
  FROM subject) AS cut
  WHERE account.opened_on <= cut.cut_on AND (account.closed_on IS NULL OR account.closed_on > cut.cut_on)
  GROUP BY cut.cut_no, account.customer_id
)

SELECT
  subject.account_id,
  subject.cut_no,
  subject.cut_on,
  account.usage_category,
  CASE WHEN account.usage_category = 'residential' THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END
    AS residential,
  CASE WHEN account.usage_category = 'commercial' THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END
    AS commercial,
  CASE
    WHEN account.usage_category IN ('general_industrial', 'large_industrial') THEN CAST(1 AS DOUBLE)
    ELSE CAST(0 AS DOUBLE)
  END AS industrial,
  CASE WHEN account.contracted_kva >= $large_kva THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END
    AS large_supply,
  CASE WHEN customer.kind = 'organisation' THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS organisation,
  CASE WHEN together.accounts > 1 THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS several_accounts,
  CASE
    WHEN account.opened_on > ADD_MONTHS(subject.cut_on, -12) THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE)
  END AS new_supply
FROM subject
JOIN source.account ON account.account_id = subject.account_id
LEFT JOIN source.customer ON customer.customer_id = account.customer_id
LEFT JOIN together ON together.customer_id = account.customer_id AND together.cut_no = subject.cut_no
