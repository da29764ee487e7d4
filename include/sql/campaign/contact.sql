/*
grain: one row per member of a released list that was listed or held as control; of a list and its corrections the last
key: [campaign_id, as_of, customer_id, account_id]
purpose: >-
  What came of each contact, and of each contact that was held back. What happened counts once, for the newest contact in whose
  days it lies: of all campaigns for which it is a success, and among the lists of one campaign also where the contact was held back,
  so that either arm of a campaign loses the same to later contacts.
columns:
  campaign_id: {type: string, doc: The campaign.}
  campaign_run_id: {type: string, doc: The list.}
  as_of: {type: date, doc: Date of the list.}
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  outcome: {type: string, doc: listed or control.}
  cell: {type: string, doc: 'The test cell; control for the control group; the name of a step.'}
  step: {type: string, doc: 'The step that followed an earlier contact; empty text for a first contact.'}
  channel: {type: string, doc: The channel used, or that would have been.}
  segment: {type: string, doc: Composite segment on the day of the list.}
  send_on: {type: date, doc: Day of the contact.}
  is_final: {type: boolean, doc: The time in which success counts is over.}
  delivered: {type: boolean, doc: 'Arrived: said so, or answered.'}
  bounced: {type: boolean, doc: Came back.}
  responded: {type: boolean, doc: 'Opened, clicked, replied or converted; complaints are none.'}
  complained: {type: boolean, doc: Complained or unsubscribed.}
  converted: {type: boolean, doc: Success within its days.}
  won: {type: boolean, doc: 'Of first contacts and control: success within their days as if no step had followed, so that both arms are looked at alike; false for steps.'}
  value_amount: {type: double, doc: Of the success; the own one of the event where it has one.}
  cost_amount: {type: double, doc: 'Of the contact; 0 for the control group.'}
  offer_amount: {type: double, doc: 'What the offer cost; 0 without a success, and for the control group.'}
  has_control: {type: boolean, doc: 'Who was not contacted could succeed as well; not so for clicked and replied.'}
*/
WITH kept AS (
  SELECT
    run.campaign_id,
    run.as_of,
    run.success_event,
    run.products,
    run.within_days,
    run.value_amount,
    run.offer_cost_amount,
    member.campaign_run_id,
    member.customer_id,
    member.account_id,
    member.outcome,
    member.cell,
    COALESCE(member.step, '') AS step,
    member.channel,
    member.segment,
    member.send_on,
    member.product_code,
    member.cost_amount
  FROM campaign.member JOIN campaign.run ON run.campaign_run_id = member.campaign_run_id
  WHERE member.outcome IN ('listed', 'control')
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY run.campaign_id, run.as_of, member.customer_id, member.account_id
        ORDER BY run.version DESC
      )
    = 1
),

answered AS (
  SELECT
    kept.campaign_id,
    kept.as_of,
    kept.customer_id,
    kept.account_id,
    campaign_event.kind
  FROM kept
  JOIN source.campaign_event
    ON campaign_event.campaign_id = kept.campaign_id AND campaign_event.customer_id = kept.customer_id
    AND DATE_DIFF('day', kept.send_on, CAST(campaign_event.occurred_at AS DATE)) >= 0
    AND DATE_DIFF('day', kept.send_on, CAST(campaign_event.occurred_at AS DATE)) <= kept.within_days
  WHERE kept.outcome = 'listed'
  -- An event names the campaign, not the list: it answers the newest.
  QUALIFY
    RANK()
      OVER (
        PARTITION BY kept.campaign_id, kept.customer_id, campaign_event.event_id
        ORDER BY kept.send_on DESC, kept.as_of DESC
      )
    = 1
),

came_back AS (
  SELECT
    answered.campaign_id,
    answered.as_of,
    answered.customer_id,
    answered.account_id,
    BOOL_OR(answered.kind IN ('delivered', 'opened', 'clicked', 'replied')) AS delivered,
    BOOL_OR(answered.kind = 'bounced') AS bounced,
    BOOL_OR(answered.kind IN ('opened', 'clicked', 'replied', 'converted')) AS responded,
    BOOL_OR(answered.kind IN ('complained', 'unsubscribed')) AS complained
  FROM answered
  GROUP BY answered.campaign_id, answered.as_of, answered.customer_id, answered.account_id
),

matched AS (
  SELECT
    kept.campaign_id,
    kept.as_of,
    kept.customer_id,
    kept.account_id,
    kept.outcome,
    kept.step,
    kept.success_event,
    happening.campaign_id AS named_campaign_id,
    happening.account_id AS happened_account_id,
    happening.product_code,
    happening.happened_on,
    happening.value_amount,
    CONCAT(
      STRFTIME(kept.send_on, '%Y%m%d'),
      STRFTIME(kept.as_of, '%Y%m%d'),
      kept.campaign_id,
      CHR(31),
      kept.account_id
    ) AS place
  FROM kept
  JOIN campaign.happening
    ON happening.customer_id = kept.customer_id AND happening.success_event = kept.success_event
    AND (kept.account_id = '' OR happening.account_id IS NULL OR happening.account_id = kept.account_id)
    AND (happening.campaign_id IS NULL OR happening.campaign_id = kept.campaign_id)
    AND (
      kept.success_event <> 'took_up'
      OR CASE
        WHEN COALESCE(kept.products, '') = '' THEN happening.product_code = kept.product_code
        ELSE STRPOS(CONCAT(',', kept.products, ','), CONCAT(',', happening.product_code, ',')) > 0
      END
    )
    AND DATE_DIFF('day', kept.send_on, happening.happened_on) >= 0
    AND DATE_DIFF('day', kept.send_on, happening.happened_on) <= kept.within_days
),

ordered AS (
  SELECT
    matched.*,
    MAX(matched.place) OVER (
      PARTITION BY
        matched.customer_id,
        matched.success_event,
        matched.named_campaign_id,
        matched.happened_account_id,
        matched.product_code,
        matched.happened_on,
        matched.campaign_id
    ) AS own_place,
    MAX(CASE WHEN matched.outcome = 'listed' THEN matched.place END) OVER (
      PARTITION BY
        matched.customer_id,
        matched.success_event,
        matched.named_campaign_id,
        matched.happened_account_id,
        matched.product_code,
        matched.happened_on
    ) AS contact_place,
    -- The same without any step.
    MAX(CASE WHEN matched.step = '' THEN matched.place END) OVER (
      PARTITION BY
        matched.customer_id,
        matched.success_event,
        matched.named_campaign_id,
        matched.happened_account_id,
        matched.product_code,
        matched.happened_on,
        matched.campaign_id
    ) AS own_first_place,
    MAX(CASE WHEN matched.outcome = 'listed' AND matched.step = '' THEN matched.place END) OVER (
      PARTITION BY
        matched.customer_id,
        matched.success_event,
        matched.named_campaign_id,
        matched.happened_account_id,
        matched.product_code,
        matched.happened_on
    ) AS first_contact_place
  FROM matched
),

won AS (
  SELECT DISTINCT
    ordered.campaign_id,
    ordered.as_of,
    ordered.customer_id,
    ordered.account_id
  FROM ordered
  WHERE
    ordered.step = ''
    AND ordered.place = ordered.own_first_place
    AND ordered.place >= COALESCE(ordered.first_contact_place, ordered.place)
),

success AS (
  SELECT
    ordered.campaign_id,
    ordered.as_of,
    ordered.customer_id,
    ordered.account_id,
    MAX(ordered.value_amount) AS value_amount
  FROM ordered
  WHERE ordered.place = ordered.own_place AND ordered.place >= COALESCE(ordered.contact_place, ordered.place)
  GROUP BY ordered.campaign_id, ordered.as_of, ordered.customer_id, ordered.account_id
)

SELECT
  kept.campaign_id,
  kept.campaign_run_id,
  kept.as_of,
  kept.customer_id,
  kept.account_id,
  kept.outcome,
  kept.cell,
  kept.step,
  kept.channel,
  kept.segment,
  kept.send_on,
  DATE_DIFF('day', kept.send_on, $as_of) > kept.within_days AS is_final,
  COALESCE(came_back.delivered, FALSE) AS delivered,
  COALESCE(came_back.bounced, FALSE) AS bounced,
  COALESCE(came_back.responded, FALSE) AS responded,
  COALESCE(came_back.complained, FALSE) AS complained,
  success.customer_id IS NOT NULL AS converted,
  won.customer_id IS NOT NULL AS won,
  CASE WHEN success.customer_id IS NOT NULL THEN COALESCE(success.value_amount, kept.value_amount) ELSE 0 END
    AS value_amount,
  CASE WHEN kept.outcome = 'listed' THEN COALESCE(kept.cost_amount, 0) ELSE 0 END AS cost_amount,
  CASE
    WHEN kept.outcome = 'listed' AND success.customer_id IS NOT NULL THEN COALESCE(kept.offer_cost_amount, 0)
    ELSE 0
  END AS offer_amount,
  kept.success_event NOT IN ('clicked', 'replied') AS has_control
FROM kept
LEFT JOIN
  came_back
  ON came_back.campaign_id = kept.campaign_id
  AND came_back.as_of = kept.as_of
  AND came_back.customer_id = kept.customer_id
  AND came_back.account_id = kept.account_id
LEFT JOIN
  success
  ON success.campaign_id = kept.campaign_id
  AND success.as_of = kept.as_of
  AND success.customer_id = kept.customer_id
  AND success.account_id = kept.account_id
LEFT JOIN
  won
  ON won.campaign_id = kept.campaign_id
  AND won.as_of = kept.as_of
  AND won.customer_id = kept.customer_id
  AND won.account_id = kept.account_id
