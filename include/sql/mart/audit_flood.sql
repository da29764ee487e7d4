/*
grain: one row per marked rule, feature and value that many of its findings share
key: [rule_id, feature, value]
purpose: 'What the findings of a rule that flags a large share of what it judges have in common: area, meter model, reader, tariff, day, unit.'
columns:
  rule_id: {type: string, doc: 'A rule marked in mart.audit_coverage.'}
  feature: {type: string, doc: 'org_unit, area, meter_model, reader, tariff or day.'}
  value: {type: string, doc: 'The value shared; an id where it has one.'}
  findings: {type: integer, doc: Findings that have it.}
  findings_share: {type: double, doc: Over the findings of the rule that have any value of the feature.}
  accounts_share: {type: double, doc: Over all accounts that have any value of it.}
  times: {type: double, doc: findings_share over accounts_share.}
  is_common: {type: boolean, doc: 'At least common_share of the findings and common_findings of them have it, and at least common_times as often as accounts do.'}
  place: {type: integer, doc: 'Of the values of a feature, 1 for that with most findings.'}
params:
  most_values: {type: integer, default: 3, minimum: 1, maximum: 50, doc: Values told of each feature.}
  common_share: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: Share of the findings from which on a value is common to them.}
  common_findings: {type: integer, default: 5, minimum: 1, doc: Findings from which on a value can be common to them.}
  common_times: {type: number, default: 1.5, minimum: 1, doc: So many times as often as among all accounts.}
*/
WITH finding AS (
  SELECT
    audit_exception.rule_id,
    audit_exception.subject_id,
    audit_exception.account_id
  FROM findings.audit_exception
  JOIN mart.audit_coverage ON audit_coverage.rule_id = audit_exception.rule_id
  WHERE audit_coverage.is_flood AND audit_exception.account_id IS NOT NULL
),

shared AS (
  SELECT
    finding.rule_id,
    account_feature.feature,
    account_feature.value,
    COUNT(*) AS findings
  FROM finding
  JOIN facts.account_feature ON account_feature.account_id = finding.account_id
  GROUP BY finding.rule_id, account_feature.feature, account_feature.value
),

everybody AS (
  SELECT
    account_feature.feature,
    account_feature.value,
    COUNT(*) AS accounts
  FROM facts.account_feature
  GROUP BY account_feature.feature, account_feature.value
),

total AS (
  SELECT
    everybody.feature,
    INTEGER_SUM(everybody.accounts) AS accounts
  FROM everybody
  GROUP BY everybody.feature
),

counted AS (
  SELECT
    shared.rule_id,
    shared.feature,
    shared.value,
    shared.findings,
    RATIO(shared.findings, SUM(shared.findings) OVER (PARTITION BY shared.rule_id, shared.feature))
      AS findings_share,
    RATIO(everybody.accounts, total.accounts) AS accounts_share,
    ROW_NUMBER()
      OVER (PARTITION BY shared.rule_id, shared.feature ORDER BY shared.findings DESC, shared.value)
      AS place
  FROM shared
  JOIN everybody ON everybody.feature = shared.feature AND everybody.value = shared.value
  JOIN total ON total.feature = shared.feature
)

SELECT
  counted.rule_id,
  counted.feature,
  counted.value,
  counted.findings,
  ROUND(counted.findings_share, 6) AS findings_share,
  ROUND(counted.accounts_share, 6) AS accounts_share,
  ROUND(RATIO(counted.findings_share, counted.accounts_share), 6) AS times,
  counted.findings_share >= $common_share
  AND counted.findings >= $common_findings
  AND RATIO(counted.findings_share, counted.accounts_share) >= $common_times AS is_common,
  counted.place
FROM counted
WHERE counted.place <= $most_values
