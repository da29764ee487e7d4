/*
grain: one row an account with a contract in force
key: [account_id]
purpose: The contract in force that runs longest.
columns:
  account_id: {type: string, doc: The supply account.}
  contract_id: {type: string, doc: The contract.}
  effective_from: {type: date, doc: First day.}
  expires_on: {type: date, doc: Last day.}
  days_to_expiry: {type: integer, doc: 'Days from the date of the night; negative once expired.'}
*/
SELECT c.account_id, c.contract_id, c.effective_from, c.expires_on, DATE_DIFF('day', $as_of, c.expires_on) AS days_to_expiry
FROM source.contract AS c
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY c.account_id ORDER BY c.expires_on DESC NULLS FIRST, c.effective_from DESC NULLS LAST, c.contract_id
) = 1
