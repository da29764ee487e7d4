/*
grain: one row per person and channel on which something was said
key: [person_id, channel]
purpose: The newest words of a person, over all records, by purpose. A grant dated after the list's day is none yet; a refusal counts as soon as it is known.
view: true
columns:
  person_id: {type: string, doc: 'The person, as campaign.standing has it.'}
  channel: {type: string, doc: The channel.}
  marketing_granted_at: {type: timestamp, doc: Newest consent to marketing.}
  marketing_refused_at: {type: timestamp, doc: Newest refusal of marketing.}
  service_granted_at: {type: timestamp, doc: Newest consent to service messages.}
  service_refused_at: {type: timestamp, doc: Newest refusal of service messages.}
*/
WITH word AS (
  SELECT
    COALESCE(person.person_id, consent.customer_id) AS person_id,
    consent.channel,
    consent.purpose,
    CASE
      WHEN
        consent.status = 'granted'
        THEN CASE WHEN consent.changed_at < question.list_end THEN consent.changed_at END
    END AS granted_at,
    CASE WHEN consent.status <> 'granted' THEN consent.changed_at END AS refused_at
  FROM known.consent
  CROSS JOIN ask.question
  JOIN ask.channel ON channel.channel = consent.channel AND channel.is_asked
  LEFT JOIN ask.person ON person.customer_id = consent.customer_id
)

SELECT
  word.person_id,
  word.channel,
  MAX(CASE WHEN word.purpose = 'marketing' THEN word.granted_at END) AS marketing_granted_at,
  MAX(CASE WHEN word.purpose = 'marketing' THEN word.refused_at END) AS marketing_refused_at,
  MAX(CASE WHEN word.purpose = 'service' THEN word.granted_at END) AS service_granted_at,
  MAX(CASE WHEN word.purpose = 'service' THEN word.refused_at END) AS service_refused_at
FROM word
GROUP BY word.person_id, word.channel
