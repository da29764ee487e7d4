/*
grain: one row per event of somebody who refused something or whose mail came back, and address that it speaks of
key: [event_id, channel]
purpose: What came back, with the address that was in use when it happened and not the one of today.
view: true
columns:
  event_id: {type: string, doc: The event.}
  customer_id: {type: string, doc: The customer.}
  kind: {type: string, doc: As in the source.}
  occurred_at: {type: timestamp, doc: When it happened.}
  channel: {type: string, doc: 'The channel; a complaint speaks of every one.'}
  address_hash: {type: string, doc: Keyed hash of the address.}
*/
WITH speaker AS (
  SELECT DISTINCT event.customer_id
  FROM known.campaign_event AS event
  WHERE event.kind IN ('bounced', 'unsubscribed', 'complained')
),

since AS (
  SELECT
    earlier.customer_id,
    MAX(earlier.until_at) AS since_at
  FROM ask.address_before AS earlier
  GROUP BY earlier.customer_id
),

dated AS (
  SELECT
    speaker.customer_id,
    today.channel,
    today.address_hash,
    since.since_at AS from_at,
    CAST(NULL AS TIMESTAMPTZ) AS until_at
  FROM speaker
  JOIN campaign.channel_address AS today ON today.customer_id = speaker.customer_id
  LEFT JOIN since ON since.customer_id = speaker.customer_id
  UNION ALL
  SELECT
    earlier.customer_id,
    channel.channel,
    SHA256(question.key || CHR(31) || channel.channel || CHR(31) || earlier.address),
    earlier.from_at,
    earlier.until_at
  FROM ask.address_before AS earlier
  JOIN ask.channel ON channel.address_kind = earlier.address_kind
  CROSS JOIN ask.question
  WHERE earlier.address IS NOT NULL
)

SELECT
  event.event_id,
  event.customer_id,
  event.kind,
  event.occurred_at,
  dated.channel,
  dated.address_hash
FROM known.campaign_event AS event
JOIN
  dated ON dated.customer_id = event.customer_id
AND (dated.channel = event.channel OR event.kind = 'complained')
AND (dated.from_at IS NULL OR event.occurred_at >= dated.from_at)
AND (dated.until_at IS NULL OR event.occurred_at < dated.until_at)
