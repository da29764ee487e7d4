/*
grain: one row a member of a released list that was listed or held as control; of a list and its corrections the last
key: [campaign_id, as_of, customer_id, account_id]
purpose: What came of each contact, and of each contact that was held back.
columns:
  campaign_id: {type: string, doc: The campaign.}
  campaign_run_id: {type: string, doc: The list.}
  as_of: {type: date, doc: Date of the list.}
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  outcome: {type: string, doc: listed or control.}
  cell: {type: string, doc: 'The test cell; control for the control group.'}
  channel: {type: string, doc: The channel used, or that would have been.}
  segment: {type: string, doc: Composite segment on the day of the list.}
  send_on: {type: date, doc: Day of the contact.}
  is_final: {type: boolean, doc: The time in which success counts is over.}
  delivered: {type: boolean, doc: 'Arrived: said so, or answered.'}
  bounced: {type: boolean, doc: Came back.}
  responded: {type: boolean, doc: 'Opened, clicked, replied or converted; complaints are none.'}
  complained: {type: boolean, doc: Complained or unsubscribed.}
  converted: {type: boolean, doc: Success within its days.}
  value_amount: {type: double, doc: Of the success; the own one of the event where it has one.}
  cost_amount: {type: double, doc: 'Of the contact; 0 for the control group.'}
*/
WITH kept AS (
  SELECT r.campaign_id, r.as_of, r.success_event, r.products, r.within_days, r.value_amount, m.campaign_run_id, m.customer_id,
         m.account_id, m.outcome, m.cell, m.channel, m.segment, m.send_on, m.product_code, m.cost_amount
  FROM campaign.member AS m JOIN campaign.run AS r ON r.campaign_run_id = m.campaign_run_id
  WHERE m.outcome IN ('listed', 'control')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY r.campaign_id, r.as_of, m.customer_id, m.account_id ORDER BY r.version DESC) = 1
),
came_back AS (
  SELECT k.campaign_id, k.as_of, k.customer_id, k.account_id,
         BOOL_OR(e.kind IN ('delivered', 'opened', 'clicked', 'replied')) AS delivered,
         BOOL_OR(e.kind = 'bounced') AS bounced,
         BOOL_OR(e.kind IN ('opened', 'clicked', 'replied', 'converted')) AS responded,
         BOOL_OR(e.kind IN ('complained', 'unsubscribed')) AS complained
  FROM kept AS k
  JOIN source.campaign_event AS e ON e.campaign_id = k.campaign_id AND e.customer_id = k.customer_id
   AND DATE_DIFF('day', k.send_on, CAST(e.occurred_at AS DATE)) >= 0
   AND DATE_DIFF('day', k.send_on, CAST(e.occurred_at AS DATE)) <= k.within_days
  WHERE k.outcome = 'listed'
  GROUP BY k.campaign_id, k.as_of, k.customer_id, k.account_id
),
success AS (
  SELECT k.campaign_id, k.as_of, k.customer_id, k.account_id, MAX(h.value_amount) AS value_amount
  FROM kept AS k
  JOIN campaign.happening AS h ON h.customer_id = k.customer_id AND h.success_event = k.success_event
   AND (k.account_id = '' OR h.account_id IS NULL OR h.account_id = k.account_id)
   AND (h.campaign_id IS NULL OR h.campaign_id = k.campaign_id)
   AND (k.success_event <> 'took_up'
        OR CASE WHEN COALESCE(k.products, '') = '' THEN h.product_code = k.product_code
                ELSE STRPOS(CONCAT(',', k.products, ','), CONCAT(',', h.product_code, ',')) > 0 END)
   AND DATE_DIFF('day', k.send_on, h.happened_on) >= 0
   AND DATE_DIFF('day', k.send_on, h.happened_on) <= k.within_days
  GROUP BY k.campaign_id, k.as_of, k.customer_id, k.account_id
)
SELECT k.campaign_id, k.campaign_run_id, k.as_of, k.customer_id, k.account_id, k.outcome, k.cell, k.channel, k.segment, k.send_on,
       DATE_DIFF('day', k.send_on, $as_of) > k.within_days AS is_final,
       COALESCE(b.delivered, FALSE) AS delivered,
       COALESCE(b.bounced, FALSE) AS bounced,
       COALESCE(b.responded, FALSE) AS responded,
       COALESCE(b.complained, FALSE) AS complained,
       s.customer_id IS NOT NULL AS converted,
       CASE WHEN s.customer_id IS NOT NULL THEN COALESCE(s.value_amount, k.value_amount) ELSE 0 END AS value_amount,
       CASE WHEN k.outcome = 'listed' THEN COALESCE(k.cost_amount, 0) ELSE 0 END AS cost_amount
FROM kept AS k
LEFT JOIN came_back AS b ON b.campaign_id = k.campaign_id AND b.as_of = k.as_of AND b.customer_id = k.customer_id AND b.account_id = k.account_id
LEFT JOIN success AS s ON s.campaign_id = k.campaign_id AND s.as_of = k.as_of AND s.customer_id = k.customer_id AND s.account_id = k.account_id
