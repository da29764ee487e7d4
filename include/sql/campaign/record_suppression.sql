/*
grain: one row per customer and channel (or all of them) suppressed for the person, whatever the address
key: [customer_id, channel]
purpose: Suppressions of persons, found by the hashes of all their records. A death holds for records of one identity number alone; a likeness is not enough to call somebody dead.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  channel: {type: string, doc: 'The channel; record where it is all of them.'}
  is_refused: {type: boolean, doc: The person refused the channel.}
  is_dead: {type: boolean, doc: The person is known to have died.}
*/
SELECT
  record.customer_id,
  suppressed.channel,
  BOOL_OR(suppressed.is_refused) AS is_refused,
  BOOL_OR(suppressed.is_dead AND record.is_certain) AS is_dead
FROM campaign.record
JOIN campaign.suppression AS suppressed ON suppressed.address_hash = record.record_hash
GROUP BY record.customer_id, suppressed.channel
