/*
grain: one row per customer and channel that is asked about
key: [customer_id, channel]
purpose: Whether a customer may be contacted on a channel, and if not, why; by what the message is.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  channel: {type: string, doc: The channel.}
  marketing_reason: {type: string, doc: 'Why no marketing: no_consent, suppressed or undeliverable, the first that holds; empty where it may be sent.'}
  service_reason: {type: string, doc: Why no service message; likewise.}
  notice_reason: {type: string, doc: 'Why no service message of a campaign that sets consent aside: a refusal still counts as no_consent.'}
*/
SELECT
  one.customer_id,
  one.channel,
  CASE
    WHEN NOT one.agrees_to_marketing THEN 'no_consent' WHEN one.is_suppressed THEN 'suppressed'
    WHEN NOT one.is_reachable THEN 'undeliverable'
  END AS marketing_reason,
  CASE
    WHEN NOT one.agrees_to_service THEN 'no_consent' WHEN one.is_suppressed THEN 'suppressed'
    WHEN NOT one.is_reachable THEN 'undeliverable'
  END AS service_reason,
  CASE
    WHEN one.refuses_service THEN 'no_consent' WHEN one.is_suppressed THEN 'suppressed'
    WHEN NOT one.is_reachable THEN 'undeliverable'
  END AS notice_reason
FROM campaign.customer_channel AS one
