/*
grain: one row per member of a list that may not be contacted any more
key: [customer_id, account_id]
purpose: What is asked of each member again when a list leaves, by what is known then; on the channel that the list has chosen.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  reason: {type: string, doc: 'The first rule that holds: left_source, closed, known_dead, under_age, no_consent, suppressed, undeliverable or in_dispute.'}
*/
WITH off AS (
  SELECT
    COALESCE(BOOL_OR(rule.rule = 'closed'), FALSE) AS closed,
    COALESCE(BOOL_OR(rule.rule = 'known_dead'), FALSE) AS known_dead,
    COALESCE(BOOL_OR(rule.rule = 'under_age'), FALSE) AS under_age,
    COALESCE(BOOL_OR(rule.rule = 'in_dispute'), FALSE) AS in_dispute
  FROM ask.rule_off AS rule
),

judged AS (
  SELECT
    listed.customer_id,
    listed.account_id,
    CASE
      WHEN standing.customer_id IS NULL OR standing.is_gone THEN 'left_source'
      WHEN standing.is_closed AND NOT off.closed THEN 'closed'
      WHEN standing.is_known_dead AND NOT off.known_dead THEN 'known_dead'
      WHEN standing.is_under_age AND NOT off.under_age THEN 'under_age'
      WHEN contactable.customer_id IS NULL THEN 'no_consent'
      WHEN
        campaign.asks_for = 'marketing' AND contactable.marketing_reason IS NOT NULL
        THEN contactable.marketing_reason
      WHEN
        campaign.asks_for = 'service' AND contactable.service_reason IS NOT NULL
        THEN contactable.service_reason
      WHEN
        campaign.asks_for = 'notice' AND contactable.notice_reason IS NOT NULL
        THEN contactable.notice_reason
      WHEN standing.is_in_dispute AND NOT off.in_dispute THEN 'in_dispute'
    END AS reason
  FROM ask.listed
  CROSS JOIN ask.campaign
  CROSS JOIN off
  LEFT JOIN campaign.standing ON standing.customer_id = listed.customer_id
  LEFT JOIN campaign.contactable
    ON contactable.customer_id = listed.customer_id AND contactable.channel = listed.channel
)

SELECT
  judged.customer_id,
  judged.account_id,
  judged.reason
FROM judged
WHERE judged.reason IS NOT NULL
