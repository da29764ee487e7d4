/*
title: No supply contract
zh: 未签订供用电合同
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  live, opened more than grace_days before as_of, and no contract with signed_on.
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after opening in which a contract may still be signed.}
messages:
  en: "Opened on {opened_on}; of {contracts} contracts none is signed."
  zh: "{opened_on} 立户，合同 {contracts} 份，均未签订。"
*/
WITH contract AS (
  SELECT c.account_id, COUNT(*) AS contracts, COUNT(c.signed_on) AS signed
  FROM source.contract AS c
  GROUP BY c.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       DATE_DIFF('day', a.opened_on, $as_of) > $grace_days AND COALESCE(c.signed, 0) = 0 AS flagged,
       a.opened_on,
       $grace_days AS grace_days,
       COALESCE(c.contracts, 0) AS contracts,
       COALESCE(c.signed, 0) AS signed
FROM core.live_account AS a
LEFT JOIN contract AS c ON c.account_id = a.account_id
