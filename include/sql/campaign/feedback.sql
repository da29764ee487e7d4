/*
grain: one row per channel and address (or record) that events suppress, and reason
key: [channel, address_hash, reason]
purpose: What came back from customers, as suppressions; for the address and for the customer, at once and for good. A bounce that nothing followed marks the address.
view: true
columns:
  channel: {type: string, doc: 'The channel; record where it is all of them.'}
  address_hash: {type: string, doc: Keyed hash of the address or of the record.}
  reason: {type: string, doc: 'unsubscribed, complained or bounced.'}
  since: {type: date, doc: Day on which it was said first.}
*/
WITH arrival AS (
  SELECT event.customer_id, event.channel,
         MAX(CASE WHEN event.kind = 'bounced' THEN event.occurred_at END) AS bounced_at,
         MAX(CASE WHEN event.kind IN ('delivered', 'opened', 'clicked', 'replied') THEN event.occurred_at END) AS arrived_at
  FROM known.campaign_event AS event
  GROUP BY event.customer_id, event.channel
),
said AS (
  SELECT event.customer_id, CASE WHEN event.kind = 'unsubscribed' THEN event.channel END AS channel, event.kind AS reason,
         CAST(event.occurred_at AS DATE) AS said_on
  FROM known.campaign_event AS event
  WHERE event.kind IN ('unsubscribed', 'complained')
),
meant AS (
  SELECT address.channel, address.address_hash, said.reason, said.said_on
  FROM said
  JOIN campaign.channel_address AS address
    ON address.customer_id = said.customer_id AND address.channel = COALESCE(said.channel, address.channel)
  UNION ALL
  SELECT address.channel, address.address_hash, 'bounced', CAST(arrival.bounced_at AS DATE)
  FROM arrival
  JOIN campaign.channel_address AS address
    ON address.customer_id = arrival.customer_id AND address.channel = arrival.channel
  WHERE arrival.bounced_at IS NOT NULL AND (arrival.arrived_at IS NULL OR arrival.arrived_at < arrival.bounced_at)
  UNION ALL
  SELECT COALESCE(said.channel, 'record'), record.record_hash, said.reason, said.said_on
  FROM said
  JOIN campaign.record AS record ON record.customer_id = said.customer_id
)
SELECT meant.channel, meant.address_hash, meant.reason, MIN(meant.said_on) AS since
FROM meant
GROUP BY meant.channel, meant.address_hash, meant.reason
