/*
grain: one row per live account (active or suspended, opened on or before the last day of P)
key: [account_id]
purpose: The accounts that rules call live, decided once.
view: true
*/
SELECT account.*
FROM source.account
WHERE
  account.status IN ('active', 'suspended')
  AND account.opened_on <= $period_end
