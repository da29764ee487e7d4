/*
grain: one row per customer and account that a campaign contacted and that a step of it is due to tonight
key: [customer_id, account_id]
purpose: >-
  Which step of a campaign follows whose contact tonight. Steps count from the newest first contact, each is given once to a person
  within their reach, and none after one that stands behind it in the file. Who has answered had a success of the campaign since, or replied.
view: true
columns:
  customer_id: {type: string, doc: Whom the campaign contacted.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  step: {type: string, doc: The step.}
  fields: {type: string, doc: 'What the list of the contact said of her, as JSON.'}
*/
WITH contacted AS (
  SELECT
    COALESCE(person.person_id, contacted.customer_id) AS person_id,
    contacted.customer_id,
    contacted.account_id,
    contacted.as_of,
    contacted.step,
    contacted.send_on,
    contacted.product_code,
    contacted.occasion_id,
    contacted.occurs_on,
    contacted.fields
  FROM ask.contacted
  LEFT JOIN ask.person ON person.customer_id = contacted.customer_id
),

-- Of the records of one person the one that was written to last.
first_contact AS (
  SELECT
    contacted.*,
    COALESCE(contacted.occasion_id, '') AS occasion
  FROM contacted
  WHERE contacted.step = ''
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY contacted.person_id, contacted.account_id, COALESCE(contacted.occasion_id, '')
        ORDER BY contacted.as_of DESC, contacted.customer_id
      )
    = 1
),

reach AS (
  SELECT MAX(step.after_days + step.for_days) AS days
  FROM ask.step
),

-- What a record was given that is hers only now counts too, within the steps' reach of the newest contact.
given AS (
  SELECT
    first_contact.person_id,
    first_contact.account_id,
    first_contact.occasion,
    MAX(step.position) AS position
  FROM first_contact
  JOIN contacted
    ON contacted.person_id = first_contact.person_id
    AND contacted.account_id = first_contact.account_id
    AND COALESCE(contacted.occasion_id, '') = first_contact.occasion
  JOIN ask.step ON step.step = contacted.step
  CROSS JOIN reach
  WHERE
    contacted.as_of > first_contact.as_of
    OR DATE_DIFF('day', contacted.as_of, first_contact.as_of) <= reach.days
  GROUP BY first_contact.person_id, first_contact.account_id, first_contact.occasion
),

heard AS (
  SELECT
    COALESCE(person.person_id, happening.customer_id) AS person_id,
    happening.account_id,
    happening.product_code,
    happening.happened_on
  FROM campaign.happening
  JOIN ask.success
    ON success.success_event = happening.success_event
    AND (
      success.success_event <> 'took_up'
      OR COALESCE(success.products, '') = ''
      OR STRPOS(CONCAT(',', success.products, ','), CONCAT(',', happening.product_code, ',')) > 0
    )
    AND (happening.campaign_id IS NULL OR happening.campaign_id = success.campaign_id)
  LEFT JOIN ask.person ON person.customer_id = happening.customer_id
  UNION ALL
  SELECT
    COALESCE(person.person_id, campaign_event.customer_id),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(campaign_event.occurred_at AS DATE)
  FROM source.campaign_event
  JOIN ask.success ON success.campaign_id = campaign_event.campaign_id
  LEFT JOIN ask.person ON person.customer_id = campaign_event.customer_id
  WHERE campaign_event.kind IN ('replied', 'converted')
),

answer AS (
  SELECT
    first_contact.person_id,
    first_contact.account_id,
    first_contact.occasion,
    MIN(heard.happened_on) AS answered_on
  FROM first_contact
  CROSS JOIN ask.success
  JOIN heard
    ON heard.person_id = first_contact.person_id
    AND (
      first_contact.account_id = '' OR heard.account_id IS NULL OR heard.account_id = first_contact.account_id
    )
    AND (
      heard.product_code IS NULL
      OR success.success_event <> 'took_up'
      OR COALESCE(success.products, '') <> ''
      OR heard.product_code = first_contact.product_code
    )
    AND heard.happened_on >= first_contact.send_on
    AND DATE_DIFF('day', first_contact.send_on, heard.happened_on) <= success.within_days
  GROUP BY first_contact.person_id, first_contact.account_id, first_contact.occasion
),

-- Work that was moved to another time is told anew, and not taken back.
planned AS (
  SELECT DISTINCT planned_outage.outage_id
  FROM source.planned_outage
  WHERE planned_outage.status <> 'cancelled'
)

SELECT
  first_contact.customer_id,
  first_contact.account_id,
  step.step,
  first_contact.fields
FROM first_contact
CROSS JOIN ask.step
CROSS JOIN ask.question
LEFT JOIN given
  ON given.person_id = first_contact.person_id
  AND given.account_id = first_contact.account_id
  AND given.occasion = first_contact.occasion
LEFT JOIN answer
  ON answer.person_id = first_contact.person_id
  AND answer.account_id = first_contact.account_id
  AND answer.occasion = first_contact.occasion
LEFT JOIN planned ON planned.outage_id = SUBSTRING(first_contact.occasion, 18)
WHERE
  first_contact.as_of < question.list_as_of
  AND COALESCE(given.position, -1) < step.position
  AND CASE step.answer
    WHEN 'taken_back'
      THEN
        first_contact.occasion <> ''
        AND planned.outage_id IS NULL
        AND first_contact.occurs_on > question.list_as_of
    WHEN 'answered'
      THEN
        DATE_DIFF('day', answer.answered_on, question.list_as_of)
        BETWEEN step.after_days AND step.after_days + step.for_days
    ELSE
      answer.answered_on IS NULL
      AND DATE_DIFF('day', first_contact.send_on, question.list_as_of)
      BETWEEN step.after_days AND step.after_days + step.for_days
  END
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY first_contact.person_id, first_contact.account_id
      ORDER BY step.position DESC, first_contact.as_of DESC, first_contact.customer_id
    )
  = 1
