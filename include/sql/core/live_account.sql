/*
grain: one row a live account (active or suspended, opened on or before the last day of P)
key: [account_id]
purpose: The accounts that rules call live, decided once.
view: true
*/
SELECT a.*
FROM source.account AS a
WHERE a.status IN ('active', 'suspended')
  AND a.opened_on <= $period_end
