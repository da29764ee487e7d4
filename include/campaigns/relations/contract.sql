/*
grain: one row per account with a contract in force
key: [account_id]
purpose: The contract in force that runs longest.
columns:
  account_id: {type: string, doc: The supply account.}
  contract_id: {type: string, doc: The contract.}
  effective_from: {type: date, doc: First day.}
  expires_on: {type: date, doc: Last day.}
  days_to_expiry: {type: integer, doc: 'Days from the date of the night; negative once expired.'}
*/
SELECT
  contract.account_id,
  contract.contract_id,
  contract.effective_from,
  contract.expires_on,
  DATE_DIFF('day', $as_of, contract.expires_on) AS days_to_expiry
FROM source.contract
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY contract.account_id
    ORDER BY
      contract.expires_on DESC NULLS FIRST, contract.effective_from DESC NULLS LAST, contract.contract_id
  ) = 1
