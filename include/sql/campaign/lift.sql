/*
grain: one row per campaign, cell and channel; one a campaign and segment; and one a campaign over all
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
  SELECT contact.campaign_id, contact.cell, contact.channel, COALESCE(contact.segment, 'none') AS segment, contact.outcome, contact.delivered, contact.responded, contact.converted,
         contact.complained, contact.cost_amount, contact.value_amount, CASE WHEN contact.is_final THEN 1 ELSE 0 END AS is_final
  FROM campaign.contact
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
  SELECT cell.campaign_id, COALESCE(cell.cell, 'all') AS cell, COALESCE(cell.channel, 'all') AS channel, COALESCE(cell.segment, 'all') AS segment,
         cell.listed, COALESCE(control.control, 0) AS control, cell.delivered, cell.responded, cell.converted, cell.complained,
         COALESCE(control.converted, 0) AS control_converted, cell.cost_amount, cell.value_amount, cell.is_final,
         RATIO(cell.converted, cell.listed) AS p1,
         RATIO(control.converted, control.control) AS p2,
         CAST(cell.listed AS DOUBLE) AS n1, CAST(control.control AS DOUBLE) AS n2
  FROM cell
  LEFT JOIN control ON control.campaign_id = cell.campaign_id AND control.channel IS NOT DISTINCT FROM cell.channel
   AND control.segment IS NOT DISTINCT FROM cell.segment
),
wilson AS (
  SELECT share.campaign_id, share.cell, share.channel, share.segment, share.listed, share.control, share.delivered, share.responded, share.converted, share.complained,
         share.control_converted, share.cost_amount, share.value_amount, share.is_final, share.p1, share.p2,
         share.listed >= $smallest_group AND share.control >= $smallest_group AS is_enough,
         RATIO(2 * share.n1 * share.p1 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * share.n1 * share.p1 * (1 - share.p1)), 2 * (share.n1 + 3.841458820694124)) AS low1,
         RATIO(2 * share.n1 * share.p1 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * share.n1 * share.p1 * (1 - share.p1)), 2 * (share.n1 + 3.841458820694124)) AS high1,
         RATIO(2 * share.n2 * share.p2 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * share.n2 * share.p2 * (1 - share.p2)), 2 * (share.n2 + 3.841458820694124)) AS low2,
         RATIO(2 * share.n2 * share.p2 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * share.n2 * share.p2 * (1 - share.p2)), 2 * (share.n2 + 3.841458820694124)) AS high2
  FROM share
),
difference AS (
  SELECT wilson.campaign_id, wilson.cell, wilson.channel, wilson.segment, wilson.listed, wilson.control, wilson.delivered, wilson.responded, wilson.converted, wilson.complained,
         wilson.control_converted, wilson.cost_amount, wilson.value_amount, wilson.is_final,
         CASE WHEN wilson.is_enough THEN wilson.p1 - wilson.p2 END AS lift,
         CASE WHEN wilson.is_enough THEN wilson.p1 - wilson.p2 - SQRT((wilson.p1 - wilson.low1) * (wilson.p1 - wilson.low1) + (wilson.high2 - wilson.p2) * (wilson.high2 - wilson.p2)) END AS lift_low,
         CASE WHEN wilson.is_enough THEN wilson.p1 - wilson.p2 + SQRT((wilson.high1 - wilson.p1) * (wilson.high1 - wilson.p1) + (wilson.p2 - wilson.low2) * (wilson.p2 - wilson.low2)) END AS lift_high
  FROM wilson
)
SELECT difference.campaign_id, difference.cell, difference.channel, difference.segment, difference.listed, difference.control, difference.delivered, difference.responded, difference.converted, difference.complained,
       difference.control_converted, difference.cost_amount, difference.value_amount, difference.lift, difference.lift_low, difference.lift_high,
       CASE WHEN difference.lift IS NULL THEN 'too_few' WHEN difference.lift_low > 0 THEN 'helps' WHEN difference.lift_high < 0 THEN 'harms' ELSE 'unclear' END AS verdict,
       difference.is_final = 1 AS is_final
FROM difference
