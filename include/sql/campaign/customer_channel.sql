/*
grain: one row per customer and channel that is asked about
key: [customer_id, channel]
purpose: What holds of a customer on one channel; campaign.contactable says what follows from it.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  channel: {type: string, doc: The channel.}
  agrees_to_marketing: {type: boolean, doc: The newest word is a consent.}
  agrees_to_service: {type: boolean, doc: The newest word is a consent.}
  refuses_service: {type: boolean, doc: The newest word is a refusal; nothing said is none.}
  is_suppressed: {type: boolean, doc: 'The address or the person unsubscribed, complained, or asked for it.'}
  is_reachable: {type: boolean, doc: 'There is an address that works, as far as is known.'}
*/
SELECT
  standing.customer_id,
  channel.channel,
  COALESCE(
    word.marketing_granted_at > COALESCE(word.marketing_refused_at, TIMESTAMPTZ '0001-01-02 00:00:00+00'),
    FALSE
  )
    AS agrees_to_marketing,
  COALESCE(
    word.service_granted_at > COALESCE(word.service_refused_at, TIMESTAMPTZ '0001-01-02 00:00:00+00'), FALSE
  )
    AS agrees_to_service,
  COALESCE(
    word.service_refused_at >= COALESCE(word.service_granted_at, TIMESTAMPTZ '0001-01-02 00:00:00+00'), FALSE
  )
    AS refuses_service,
  standing.is_refused
  OR COALESCE(suppressed.is_refused, FALSE)
  OR COALESCE(personal.is_refused, FALSE) AS is_suppressed,
  address.customer_id IS NOT NULL AND NOT COALESCE(suppressed.is_bounced, FALSE) AS is_reachable
FROM campaign.standing
JOIN ask.channel ON channel.is_asked
LEFT JOIN
  campaign.consent_word AS word
  ON word.person_id = standing.person_id AND word.channel = channel.channel
LEFT JOIN
  campaign.channel_address AS address
  ON address.customer_id = standing.customer_id AND address.channel = channel.channel
LEFT JOIN campaign.suppression AS suppressed
  ON suppressed.channel = address.channel AND suppressed.address_hash = address.address_hash
LEFT JOIN campaign.record_suppression AS personal
  ON personal.customer_id = standing.customer_id AND personal.channel = channel.channel
