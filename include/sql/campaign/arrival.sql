/*
grain: one row per customer and address of a channel from which something came back
key: [customer_id, channel, address_hash]
purpose: When mail came back last, and when any arrived last; what arrives later clears the address.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  channel: {type: string, doc: The channel.}
  address_hash: {type: string, doc: Keyed hash of the address.}
  bounced_at: {type: timestamp, doc: When something came back last.}
  arrived_at: {type: timestamp, doc: 'When something arrived last: delivered, opened, clicked or replied to.'}
*/
SELECT
  event.customer_id,
  event.channel,
  event.address_hash,
  MAX(CASE WHEN event.kind = 'bounced' THEN event.occurred_at END) AS bounced_at,
  MAX(CASE WHEN event.kind IN ('delivered', 'opened', 'clicked', 'replied') THEN event.occurred_at END)
    AS arrived_at
FROM campaign.event_address AS event
WHERE event.kind IN ('bounced', 'delivered', 'opened', 'clicked', 'replied')
GROUP BY event.customer_id, event.channel, event.address_hash
HAVING MAX(CASE WHEN event.kind = 'bounced' THEN event.occurred_at END) IS NOT NULL
