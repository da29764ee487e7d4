/*
grain: one row per channel and suppressed address or record
key: [channel, address_hash]
purpose: What may not be used, as kept from earlier nights and as tonight's events say.
view: true
columns:
  channel: {type: string, doc: 'The channel; record where it is all of them.'}
  address_hash: {type: string, doc: Keyed hash of the address or of the record.}
  is_refused: {type: boolean, doc: 'Somebody said so: unsubscribed, complained, or asked for it.'}
  is_bounced: {type: boolean, doc: What is sent there comes back.}
  is_dead: {type: boolean, doc: The person is known to have died.}
*/
WITH cleared AS (
  SELECT
    arrival.channel,
    arrival.address_hash,
    CAST(MAX(arrival.arrived_at) AS DATE) AS arrived_on
  FROM campaign.arrival
  WHERE arrival.arrived_at >= arrival.bounced_at
  GROUP BY arrival.channel, arrival.address_hash
),

entry AS (
  SELECT
    kept.channel,
    kept.address_hash,
    kept.reason
  FROM ask.suppression AS kept
  LEFT JOIN cleared ON cleared.channel = kept.channel AND cleared.address_hash = kept.address_hash
  WHERE kept.reason <> 'bounced' OR cleared.arrived_on IS NULL OR cleared.arrived_on < kept.since
  UNION ALL
  SELECT
    fresh.channel,
    fresh.address_hash,
    fresh.reason
  FROM campaign.feedback AS fresh
)

SELECT
  entry.channel,
  entry.address_hash,
  BOOL_OR(entry.reason NOT IN ('bounced', 'deceased')) AS is_refused,
  BOOL_OR(entry.reason = 'bounced') AS is_bounced,
  BOOL_OR(entry.reason = 'deceased') AS is_dead
FROM entry
GROUP BY entry.channel, entry.address_hash
