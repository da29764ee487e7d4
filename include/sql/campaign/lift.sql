/*
grain: one row a campaign, cell and channel; one a campaign and segment; and one a campaign over all
key: [campaign_id, cell, channel, segment]
purpose: Contacts and successes against the control group; the interval is Newcombe's for the difference of two shares.
view: true
columns:
  campaign_id: {type: string, doc: The campaign.}
  cell: {type: string, doc: 'The test cell, or all.'}
  channel: {type: string, doc: 'The channel, or all.'}
  segment: {type: string, doc: 'Composite segment on the day of the list, none where there was none, or all.'}
  listed: {type: integer, doc: Contacts made.}
  control: {type: integer, doc: 'Control customers of the channel or segment; they stand against every cell of it.'}
  delivered: {type: integer, doc: Contacts that arrived.}
  responded: {type: integer, doc: Contacts that were answered.}
  converted: {type: integer, doc: Contacts that succeeded.}
  complained: {type: integer, doc: Contacts that led to a complaint or were unsubscribed.}
  control_converted: {type: integer, doc: Control customers that succeeded without a contact.}
  cost_amount: {type: double, doc: Of the contacts.}
  value_amount: {type: double, doc: Of the successes.}
  lift: {type: double, doc: 'Share that succeeded, less that of the control group; empty where either group is too small.'}
  lift_low: {type: double, doc: Lower end of the 95% interval.}
  lift_high: {type: double, doc: Upper end of the 95% interval.}
  verdict: {type: string, doc: 'helps or harms where the interval leaves out 0, unclear where it holds it, too_few where a group is too small.'}
  is_final: {type: boolean, doc: The time in which success counts is over for all.}
params:
  smallest_group: {type: integer, default: 30, minimum: 2, doc: 'Fewer contacts or control customers, and no lift is stated; nor an effect on energy.'}
*/
WITH contact AS (
  SELECT c.campaign_id, c.cell, c.channel, COALESCE(c.segment, 'none') AS segment, c.outcome, c.delivered, c.responded, c.converted,
         c.complained, c.cost_amount, c.value_amount, CASE WHEN c.is_final THEN 1 ELSE 0 END AS is_final
  FROM campaign.contact AS c
),
cell AS (
  SELECT campaign_id, cell, channel, segment, COUNT(*) AS listed,
         COUNT(*) FILTER (WHERE delivered) AS delivered,
         COUNT(*) FILTER (WHERE responded) AS responded,
         COUNT(*) FILTER (WHERE converted) AS converted,
         COUNT(*) FILTER (WHERE complained) AS complained,
         SUM(cost_amount) AS cost_amount, SUM(value_amount) AS value_amount, MIN(is_final) AS is_final
  FROM contact
  WHERE outcome = 'listed'
  GROUP BY GROUPING SETS ((campaign_id, cell, channel), (campaign_id, segment), (campaign_id))
),
control AS (
  SELECT campaign_id, channel, segment, COUNT(*) AS control, COUNT(*) FILTER (WHERE converted) AS converted
  FROM contact
  WHERE outcome = 'control'
  GROUP BY GROUPING SETS ((campaign_id, channel), (campaign_id, segment), (campaign_id))
),
share AS (
  SELECT c.campaign_id, COALESCE(c.cell, 'all') AS cell, COALESCE(c.channel, 'all') AS channel, COALESCE(c.segment, 'all') AS segment,
         c.listed, COALESCE(k.control, 0) AS control, c.delivered, c.responded, c.converted, c.complained,
         COALESCE(k.converted, 0) AS control_converted, c.cost_amount, c.value_amount, c.is_final,
         CAST(c.converted AS DOUBLE) / NULLIF(c.listed, 0) AS p1,
         CAST(k.converted AS DOUBLE) / NULLIF(k.control, 0) AS p2,
         CAST(c.listed AS DOUBLE) AS n1, CAST(k.control AS DOUBLE) AS n2
  FROM cell AS c
  LEFT JOIN control AS k ON k.campaign_id = c.campaign_id AND k.channel IS NOT DISTINCT FROM c.channel
   AND k.segment IS NOT DISTINCT FROM c.segment
),
wilson AS (
  SELECT s.campaign_id, s.cell, s.channel, s.segment, s.listed, s.control, s.delivered, s.responded, s.converted, s.complained,
         s.control_converted, s.cost_amount, s.value_amount, s.is_final, s.p1, s.p2,
         s.listed >= $smallest_group AND s.control >= $smallest_group AS is_enough,
         (2 * s.n1 * s.p1 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * s.n1 * s.p1 * (1 - s.p1)))
           / NULLIF(2 * (s.n1 + 3.841458820694124), 0) AS low1,
         (2 * s.n1 * s.p1 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * s.n1 * s.p1 * (1 - s.p1)))
           / NULLIF(2 * (s.n1 + 3.841458820694124), 0) AS high1,
         (2 * s.n2 * s.p2 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * s.n2 * s.p2 * (1 - s.p2)))
           / NULLIF(2 * (s.n2 + 3.841458820694124), 0) AS low2,
         (2 * s.n2 * s.p2 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * s.n2 * s.p2 * (1 - s.p2)))
           / NULLIF(2 * (s.n2 + 3.841458820694124), 0) AS high2
  FROM share AS s
),
difference AS (
  SELECT w.campaign_id, w.cell, w.channel, w.segment, w.listed, w.control, w.delivered, w.responded, w.converted, w.complained,
         w.control_converted, w.cost_amount, w.value_amount, w.is_final,
         CASE WHEN w.is_enough THEN w.p1 - w.p2 END AS lift,
         CASE WHEN w.is_enough THEN w.p1 - w.p2 - SQRT((w.p1 - w.low1) * (w.p1 - w.low1) + (w.high2 - w.p2) * (w.high2 - w.p2)) END AS lift_low,
         CASE WHEN w.is_enough THEN w.p1 - w.p2 + SQRT((w.high1 - w.p1) * (w.high1 - w.p1) + (w.p2 - w.low2) * (w.p2 - w.low2)) END AS lift_high
  FROM wilson AS w
)
SELECT d.campaign_id, d.cell, d.channel, d.segment, d.listed, d.control, d.delivered, d.responded, d.converted, d.complained,
       d.control_converted, d.cost_amount, d.value_amount, d.lift, d.lift_low, d.lift_high,
       CASE WHEN d.lift IS NULL THEN 'too_few' WHEN d.lift_low > 0 THEN 'helps' WHEN d.lift_high < 0 THEN 'harms' ELSE 'unclear' END AS verdict,
       d.is_final = 1 AS is_final
FROM difference AS d
