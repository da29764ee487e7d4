/*
grain: one row per campaign, cell and channel; one a campaign and segment; and one a campaign over all
key: [campaign_id, cell, channel, segment]
purpose: >-
  Contacts and successes against the control group. Lists are compared each with its own control group and weighed (Mantel and
  Haenszel), since their shares may differ. The interval is made of Wilson's for each list and arm (Zou, Huang and Zhang,
  Computational Statistics and Data Analysis 53, 2009; of one list it is Newcombe's own); it is of one look at one row. The verdict holds over all nights and
  rows of a campaign: its p-value is of Robbins's normal mixture of the stratified score (Howard, Ramdas, McAuliffe and Sekhon,
  Annals of Statistics 49, 2021, section 3.2), which errs in at most 5% of the campaigns however often one looks; one half of the 5% is
  the campaign's as a whole, one half that of its cells and segments by Holm's procedure, to whom the first half goes too once it is
  used up. So p_value is twice the campaign's own, and that of the parts is Holm's, doubled as long as the campaign has no verdict.
view: true
columns:
  campaign_id: {type: string, doc: The campaign.}
  cell: {type: string, doc: 'The test cell, or all.'}
  channel: {type: string, doc: 'The channel, or all.'}
  segment: {type: string, doc: 'Composite segment on the day of the list, none where there was none, or all.'}
  listed: {type: integer, doc: 'Contacts made, steps included.'}
  first_listed: {type: integer, doc: 'First contacts: those who are compared with the control group. What came after a step counts for them too.'}
  control: {type: integer, doc: Control customers of the channel or segment; they stand against every cell of it.}
  delivered: {type: integer, doc: Contacts that arrived.}
  responded: {type: integer, doc: Contacts that were answered.}
  converted: {type: integer, doc: Contacts that succeeded.}
  complained: {type: integer, doc: Contacts that led to a complaint or were unsubscribed.}
  control_converted: {type: integer, doc: Control customers that succeeded without a contact.}
  cost_amount: {type: double, doc: Of the contacts.}
  offer_amount: {type: double, doc: Of the offers to those who succeeded.}
  value_amount: {type: double, doc: Of the successes.}
  lift: {type: double, doc: 'Share that succeeded, less that of the control group, weighed over the lists; empty where either group is too small or there can be no control.'}
  lift_low: {type: double, doc: Lower end of the 95% interval of this one row and night.}
  lift_high: {type: double, doc: Upper end of it.}
  p_value: {type: double, doc: 'That of the verdict, for all nights and all rows of the campaign together; empty where there is no lift.'}
  verdict: {type: string, doc: 'helps or harms where p_value is at most 0.05, else unclear; too_few where a group is too small; no_control where only a contact can bring the success; arms_differ where a list of the campaign fails campaign.arm_check.'}
  is_final: {type: boolean, doc: The time in which success counts is over for all.}
params:
  smallest_group: {type: integer, default: 30, minimum: 2, doc: 'Fewer contacts or control customers, and no lift is stated; nor an effect on energy.'}
  sharpest_at: {type: number, default: 4, minimum: 0.1, doc: 'Variance of the score at which verdicts are sharpest: the successes of both arms times the shares of the arms, a tenth and nine tenths with the usual control group.'}
*/
WITH contact AS (
  SELECT contact.campaign_id, CONCAT(COALESCE(CAST(contact.as_of AS VARCHAR), ''), COALESCE(contact.campaign_run_id, '')) AS list,
         contact.cell, contact.channel, COALESCE(contact.segment, 'none') AS segment, contact.outcome, contact.delivered, contact.responded, contact.converted, contact.won,
         contact.complained, contact.cost_amount, contact.offer_amount, contact.value_amount, CASE WHEN contact.is_final THEN 1 ELSE 0 END AS is_final,
         CASE WHEN COALESCE(contact.step, '') = '' THEN CASE WHEN contact.has_control THEN 1 ELSE 0 END END AS has_control,
         CASE WHEN COALESCE(contact.step, '') = '' THEN 1 ELSE 0 END AS is_first
  FROM campaign.contact
),
cell AS (
  SELECT campaign_id, list, cell, channel, segment, COUNT(*) AS listed,
         COUNT(*) FILTER (WHERE is_first = 1) AS first_listed, COUNT(*) FILTER (WHERE won) AS won,
         COUNT(*) FILTER (WHERE delivered) AS delivered,
         COUNT(*) FILTER (WHERE responded) AS responded,
         COUNT(*) FILTER (WHERE converted) AS converted,
         COUNT(*) FILTER (WHERE complained) AS complained,
         SUM(cost_amount) AS cost_amount, SUM(offer_amount) AS offer_amount, SUM(value_amount) AS value_amount,
         MIN(is_final) AS is_final, MIN(has_control) AS has_control
  FROM contact
  WHERE outcome = 'listed'
  GROUP BY GROUPING SETS ((campaign_id, list, cell, channel), (campaign_id, list, segment), (campaign_id, list))
),
control AS (
  SELECT campaign_id, list, channel, segment, COUNT(*) AS control, COUNT(*) FILTER (WHERE won) AS converted
  FROM contact
  WHERE outcome = 'control'
  GROUP BY GROUPING SETS ((campaign_id, list, channel), (campaign_id, list, segment), (campaign_id, list))
),
stratum AS (
  SELECT cell.campaign_id, COALESCE(cell.cell, 'all') AS cell, COALESCE(cell.channel, 'all') AS channel, COALESCE(cell.segment, 'all') AS segment,
         cell.listed, cell.first_listed, COALESCE(control.control, 0) AS control, cell.delivered, cell.responded, cell.converted, cell.complained,
         COALESCE(control.converted, 0) AS control_converted, cell.cost_amount, cell.offer_amount, cell.value_amount, cell.is_final, cell.has_control,
         CAST(cell.first_listed AS DOUBLE) AS n1, CAST(COALESCE(control.control, 0) AS DOUBLE) AS n2,
         CAST(cell.won AS DOUBLE) AS x1, CAST(COALESCE(control.converted, 0) AS DOUBLE) AS x2
  FROM cell
  LEFT JOIN control ON control.campaign_id = cell.campaign_id AND control.list = cell.list AND control.channel IS NOT DISTINCT FROM cell.channel
   AND control.segment IS NOT DISTINCT FROM cell.segment
),
weighed AS (
  SELECT stratum.*, RATIO(x1, n1) AS p1, RATIO(x2, n2) AS p2, RATIO(n1 * n2, n1 + n2) AS weight,
         x1 - RATIO(n1 * (x1 + x2), n1 + n2) AS score,
         RATIO(n1 * n2 * (x1 + x2) * (n1 + n2 - x1 - x2), (n1 + n2) * (n1 + n2) * (n1 + n2 - 1)) AS spread
  FROM stratum
),
-- A list without a control group weighs nothing.
wilson AS (
  SELECT campaign_id, cell, channel, segment, p1, p2, score, spread,
         RATIO(weight, SUM(weight) OVER (PARTITION BY campaign_id, cell, channel, segment)) AS weight,
         RATIO(2 * x1 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * x1 * (1 - p1)), 2 * (n1 + 3.841458820694124)) AS low1,
         RATIO(2 * x1 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * x1 * (1 - p1)), 2 * (n1 + 3.841458820694124)) AS high1,
         RATIO(2 * x2 + 3.841458820694124 - 1.959963984540054 * SQRT(3.841458820694124 + 4 * x2 * (1 - p2)), 2 * (n2 + 3.841458820694124)) AS low2,
         RATIO(2 * x2 + 3.841458820694124 + 1.959963984540054 * SQRT(3.841458820694124 + 4 * x2 * (1 - p2)), 2 * (n2 + 3.841458820694124)) AS high2
  FROM weighed
  WHERE weight > 0
),
pooled AS (
  SELECT campaign_id, cell, channel, segment, SUM(weight * (p1 - p2)) AS lift,
         SQRT(SUM(weight * weight * ((p1 - low1) * (p1 - low1) + (high2 - p2) * (high2 - p2)))) AS below,
         SQRT(SUM(weight * weight * ((high1 - p1) * (high1 - p1) + (p2 - low2) * (p2 - low2)))) AS above,
         EXACT_SUM(score) AS score, EXACT_SUM(spread) AS spread
  FROM wilson
  GROUP BY campaign_id, cell, channel, segment
),
counted AS (
  SELECT campaign_id, cell, channel, segment, INTEGER_SUM(listed) AS listed, INTEGER_SUM(first_listed) AS first_listed, INTEGER_SUM(control) AS control, INTEGER_SUM(delivered) AS delivered,
         INTEGER_SUM(responded) AS responded, INTEGER_SUM(converted) AS converted, INTEGER_SUM(complained) AS complained,
         INTEGER_SUM(control_converted) AS control_converted, SUM(cost_amount) AS cost_amount, SUM(offer_amount) AS offer_amount,
         SUM(value_amount) AS value_amount, MIN(is_final) AS is_final, MIN(has_control) AS has_control
  FROM stratum
  GROUP BY campaign_id, cell, channel, segment
),
failed AS (
  SELECT DISTINCT arm_check.campaign_id FROM campaign.arm_check WHERE arm_check.is_failed
),
stated AS (
  SELECT counted.*, pooled.lift AS found_lift, pooled.below, pooled.above,
         CASE WHEN counted.cell = 'all' AND counted.segment = 'all' THEN 1 ELSE 0 END AS is_whole,
         CASE WHEN COALESCE(counted.has_control, 0) = 0 THEN 'no_control'
              WHEN counted.first_listed < $smallest_group OR counted.control < $smallest_group OR pooled.lift IS NULL THEN 'too_few'
              WHEN failed.campaign_id IS NOT NULL THEN 'arms_differ' END AS problem,
         LEAST(SQRT(1 + pooled.spread / NULLIF(CAST($sharpest_at AS DOUBLE), 0)) * EXP(-RATIO(pooled.score * pooled.score, 2 * (pooled.spread + $sharpest_at))), CAST(1 AS DOUBLE)) AS own_p
  FROM counted
  LEFT JOIN pooled ON pooled.campaign_id = counted.campaign_id AND pooled.cell = counted.cell AND pooled.channel = counted.channel AND pooled.segment = counted.segment
  LEFT JOIN failed ON failed.campaign_id = counted.campaign_id
),
ranked AS (
  SELECT stated.*,
         COUNT(*) OVER (PARTITION BY campaign_id, is_whole, problem IS NULL) AS questions,
         ROW_NUMBER() OVER (PARTITION BY campaign_id, is_whole, problem IS NULL ORDER BY own_p NULLS LAST, cell, channel, segment) AS place,
         MIN(CASE WHEN is_whole = 1 AND problem IS NULL THEN own_p END) OVER (PARTITION BY campaign_id) AS whole_p
  FROM stated
),
held AS (
  SELECT ranked.*,
         CASE WHEN problem IS NULL THEN
           LEAST(CASE WHEN is_whole = 1 THEN 2 * own_p
                      ELSE CASE WHEN whole_p <= 0.025 THEN 1 ELSE 2 END
                           * MAX(own_p * (questions - place + 1)) OVER (PARTITION BY campaign_id, is_whole, problem IS NULL ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                 END, CAST(1 AS DOUBLE)) END AS p_value
  FROM ranked
)
SELECT held.campaign_id, held.cell, held.channel, held.segment, held.listed, held.first_listed, held.control, held.delivered, held.responded, held.converted, held.complained,
       held.control_converted, held.cost_amount, held.offer_amount, held.value_amount,
       CASE WHEN COALESCE(held.problem, 'arms_differ') = 'arms_differ' THEN held.found_lift END AS lift,
       CASE WHEN COALESCE(held.problem, 'arms_differ') = 'arms_differ' THEN held.found_lift - held.below END AS lift_low,
       CASE WHEN COALESCE(held.problem, 'arms_differ') = 'arms_differ' THEN held.found_lift + held.above END AS lift_high,
       held.p_value,
       COALESCE(held.problem, CASE WHEN held.p_value > 0.05 THEN 'unclear' WHEN held.found_lift > 0 THEN 'helps' ELSE 'harms' END) AS verdict,
       held.is_final = 1 AS is_final
FROM held
