/*
grain: one row per account of which a rule asks what another tariff would cost, and purpose
key: [account_id, purpose]
purpose: >-
  Pricing is dear, so that only what a rule has found is priced on tariffs that it is not on. commercial: accounts with the name
  (TAR-13) or the day (ANA-09) of a business. other_kind: accounts on a one-part tariff that should be on a two-part one, or the
  other way round (TAR-27).
columns:
  account_id: {type: string, doc: The supply account.}
  purpose: {type: string, doc: commercial or other_kind.}
  is_two_part: {type: boolean, doc: 'Of other_kind: whether its own tariff is.'}
*/
SELECT
  business_name.account_id,
  'commercial' AS purpose,
  CAST(NULL AS BOOLEAN) AS is_two_part
FROM facts.business_name
UNION
SELECT
  business_day.account_id,
  'commercial',
  CAST(NULL AS BOOLEAN)
FROM facts.business_day
WHERE business_day.is_business
UNION ALL
SELECT
  tariff_candidate.account_id,
  'other_kind',
  tariff_candidate.is_two_part
FROM facts.tariff_candidate
WHERE tariff_candidate.is_own AND (tariff_candidate.is_one_part_above OR tariff_candidate.is_two_part_below)
