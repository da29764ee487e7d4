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
WITH meant AS (
  SELECT
    said.channel,
    said.address_hash,
    said.kind AS reason,
    CAST(said.occurred_at AS DATE) AS said_on
  FROM campaign.event_address AS said
  WHERE said.kind IN ('unsubscribed', 'complained')
  UNION ALL
  SELECT
    arrival.channel,
    arrival.address_hash,
    'bounced',
    CAST(arrival.bounced_at AS DATE)
  FROM campaign.arrival
  WHERE arrival.arrived_at IS NULL OR arrival.arrived_at < arrival.bounced_at
  UNION ALL
  SELECT
    CASE WHEN event.kind = 'unsubscribed' THEN event.channel ELSE 'record' END,
    record.record_hash,
    event.kind,
    CAST(event.occurred_at AS DATE)
  FROM known.campaign_event AS event
  JOIN campaign.record ON record.customer_id = event.customer_id AND record.is_certain
  WHERE event.kind IN ('unsubscribed', 'complained')
)

SELECT
  meant.channel,
  meant.address_hash,
  meant.reason,
  MIN(meant.said_on) AS since
FROM meant
GROUP BY meant.channel, meant.address_hash, meant.reason
