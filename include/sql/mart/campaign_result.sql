/*
grain: one row a campaign, cell and channel, and one row a campaign over all of both
key: [campaign_id, cell, channel]
purpose: What came of a campaign, against its control group, with the 95% interval of campaign.lift.
columns:
  campaign_id: {type: string, doc: The campaign.}
  cell: {type: string, doc: 'The test cell, or all.'}
  channel: {type: string, doc: 'The channel, or all. Rows named all hold the sum of the others; do not add them up.'}
  considered: {type: integer, doc: 'Over all: every member of the audience. By cell: listed, control and over a limit.'}
  listed: {type: integer, doc: Contacts made.}
  control: {type: integer, doc: Control customers of the channel; they stand against every cell of it.}
  delivered: {type: integer, doc: Contacts that arrived.}
  responded: {type: integer, doc: Contacts that were answered.}
  converted: {type: integer, doc: Contacts that succeeded.}
  cost_amount: {type: decimal, doc: Of the contacts.}
  value_amount: {type: decimal, doc: Of the successes.}
  lift: {type: double, doc: 'Share that succeeded, less that of the control group; empty where either group is too small.'}
  lift_low: {type: double, doc: Lower end of the 95% interval.}
  lift_high: {type: double, doc: Upper end of the 95% interval.}
  control_converted: {type: integer, doc: Control customers that succeeded without a contact.}
  complained: {type: integer, doc: Contacts that led to a complaint or were unsubscribed.}
  feedback_rate: {type: double, doc: Answered contacts among those made.}
  feedback_rate_standard: {type: double, doc: What it should be.}
  verdict: {type: string, doc: 'helps or harms where the interval leaves out 0, unclear where it holds it, too_few where a group is too small.'}
  is_final: {type: boolean, doc: The time in which success counts is over for all.}
params:
  feedback_rate_standard: {type: number, default: 0.05, minimum: 0, maximum: 1, doc: What the feedback rate should be.}
*/
WITH over_limit AS (
  SELECT r.campaign_id, m.cell, m.channel, COUNT(*) AS members
  FROM campaign.member AS m JOIN campaign.run AS r ON r.campaign_run_id = m.campaign_run_id
  WHERE m.outcome = 'over_limit'
  GROUP BY r.campaign_id, m.cell, m.channel
),
audience AS (
  SELECT campaign_id, INTEGER_SUM(considered) AS considered FROM campaign.run GROUP BY campaign_id
)
SELECT d.campaign_id, d.cell, d.channel,
       CASE WHEN d.cell = 'all' THEN a.considered ELSE d.listed + d.control + COALESCE(o.members, 0) END AS considered,
       d.listed, d.control, d.delivered, d.responded, d.converted,
       MONEY(d.cost_amount) AS cost_amount, MONEY(d.value_amount) AS value_amount,
       d.lift, d.lift_low, d.lift_high, d.control_converted, d.complained,
       RATIO(d.responded, d.listed) AS feedback_rate,
       CAST($feedback_rate_standard AS DOUBLE) AS feedback_rate_standard,
       d.verdict, d.is_final
FROM campaign.lift AS d
LEFT JOIN over_limit AS o ON o.campaign_id = d.campaign_id AND o.cell = d.cell AND o.channel = d.channel
LEFT JOIN audience AS a ON a.campaign_id = d.campaign_id
WHERE d.segment = 'all'
