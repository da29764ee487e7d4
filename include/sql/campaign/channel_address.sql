/*
grain: one row per customer and channel that has an address of the customer
key: [customer_id, channel]
purpose: The address of each channel, and the keyed hash under which ops.suppression knows it.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  channel: {type: string, doc: The channel.}
  address: {type: string, doc: As campaign.address has it.}
  address_hash: {type: string, doc: 'SHA-256 of the key of the home, the channel and the address.'}
*/
SELECT
  address.customer_id,
  channel.channel,
  address.address,
  SHA256(question.key || CHR(31) || channel.channel || CHR(31) || address.address) AS address_hash
FROM campaign.address
JOIN ask.channel ON channel.address_kind = address.address_kind
CROSS JOIN ask.question
