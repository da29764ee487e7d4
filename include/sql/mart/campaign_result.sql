/*
grain: one row per campaign, cell and channel, and one row per campaign over all of both
key: [campaign_id, cell, channel]
purpose: What came of a campaign, against its control group, with the 95% interval of campaign.lift.
columns:
  campaign_id: {type: string, doc: The campaign.}
  cell: {type: string, doc: 'The test cell, the step, or all. What came after a step counts against the control group for the cell of the first contact.'}
  channel: {type: string, doc: 'The channel, or all. Rows named all hold the sum of the others; do not add them up.'}
  considered: {type: integer, doc: 'Over all: every member of the audience. By cell: listed, control and over a limit.'}
  listed: {type: integer, doc: 'Contacts made, steps included.'}
  control: {type: integer, doc: Control customers of the channel; they stand against every cell of it.}
  delivered: {type: integer, doc: Contacts that arrived.}
  responded: {type: integer, doc: Contacts that were answered.}
  converted: {type: integer, doc: Contacts that succeeded.}
  cost_amount: {type: decimal, doc: Of the contacts.}
  value_amount: {type: decimal, doc: Of the successes.}
  lift: {type: double, doc: 'Share that succeeded, less that of the control group, list by list and weighed; empty where either group is too small or there can be no control.'}
  lift_low: {type: double, doc: 'Lower end of the 95% interval, of this row and night by themselves.'}
  lift_high: {type: double, doc: Upper end of it.}
  p_value: {type: double, doc: 'That of the verdict, for all nights and all cells and segments of the campaign together.'}
  offer_amount: {type: decimal, doc: Of the offers to those who succeeded.}
  spent_amount: {type: decimal, doc: Contacts and offers.}
  brought_amount: {type: decimal, doc: 'Value of the successes that would not have been without the contacts: lift x first contacts x mean value of a success; empty without a lift.'}
  return_on_spend: {type: double, doc: 'brought_amount less spent_amount, over spent_amount: 0 where it just pays; empty without a lift and where nothing was spent.'}
  failed_lists: {type: integer, doc: Lists whose arms have not the sizes that they should have (mart.campaign_arms).}
  control_converted: {type: integer, doc: Control customers that succeeded without a contact.}
  complained: {type: integer, doc: Contacts that led to a complaint or were unsubscribed.}
  feedback_rate: {type: double, doc: Answered contacts among those made.}
  feedback_rate_standard: {type: double, doc: What it should be.}
  verdict: {type: string, doc: 'helps or harms where p_value is at most 0.05, else unclear; too_few where a group is too small; no_control where only a contact can bring the success; arms_differ where failed_lists is above 0.'}
  is_final: {type: boolean, doc: The time in which success counts is over for all.}
params:
  feedback_rate_standard: {type: number, default: 0.05, minimum: 0, maximum: 1, doc: What the feedback rate should be.}
*/
WITH wave AS (
  SELECT
    run.campaign_id,
    run.audience_on,
    member.customer_id,
    member.account_id,
    MAX(run.as_of) AS as_of
  FROM campaign.member JOIN campaign.run ON run.campaign_run_id = member.campaign_run_id
  WHERE run.as_of > run.audience_on
  GROUP BY run.campaign_id, run.audience_on, member.customer_id, member.account_id
),

over_limit AS (
  SELECT
    run.campaign_id,
    member.cell,
    member.channel,
    COUNT(*) AS members
  FROM campaign.member JOIN campaign.run ON run.campaign_run_id = member.campaign_run_id
  -- Whoever followed in a later wave of the same audience is counted there.
  LEFT JOIN wave
    ON wave.campaign_id = run.campaign_id
    AND wave.audience_on = run.audience_on
    AND wave.customer_id = member.customer_id
    AND wave.account_id = member.account_id
    AND wave.as_of > run.as_of
  WHERE member.outcome = 'over_limit' AND wave.customer_id IS NULL
  GROUP BY run.campaign_id, member.cell, member.channel
),

audience AS (
  SELECT
    campaign_id,
    INTEGER_SUM(considered) AS considered
  FROM campaign.run GROUP BY campaign_id
),

failed AS (
  SELECT
    arm_check.campaign_id,
    COUNT(DISTINCT arm_check.campaign_run_id) AS lists
  FROM campaign.arm_check
  WHERE arm_check.is_failed
  GROUP BY arm_check.campaign_id
)

SELECT
  lift.campaign_id,
  lift.cell,
  lift.channel,
  CASE
    WHEN lift.cell = 'all' THEN audience.considered ELSE
      lift.listed + lift.control + COALESCE(over_limit.members, 0)
  END AS considered,
  lift.listed,
  lift.control,
  lift.delivered,
  lift.responded,
  lift.converted,
  MONEY(lift.cost_amount) AS cost_amount,
  MONEY(lift.value_amount) AS value_amount,
  lift.lift,
  lift.lift_low,
  lift.lift_high,
  lift.p_value,
  MONEY(lift.offer_amount) AS offer_amount,
  MONEY(lift.cost_amount + lift.offer_amount) AS spent_amount,
  MONEY(lift.lift * lift.first_listed * RATIO(lift.value_amount, lift.converted)) AS brought_amount,
  RATIO(
    lift.lift * lift.first_listed * RATIO(lift.value_amount, lift.converted)
    - lift.cost_amount
    - lift.offer_amount,
    lift.cost_amount + lift.offer_amount
  ) AS return_on_spend,
  COALESCE(failed.lists, 0) AS failed_lists,
  lift.control_converted,
  lift.complained,
  RATIO(lift.responded, lift.listed) AS feedback_rate,
  CAST($feedback_rate_standard AS DOUBLE) AS feedback_rate_standard,
  lift.verdict,
  lift.is_final
FROM campaign.lift
LEFT JOIN over_limit
  ON over_limit.campaign_id = lift.campaign_id
  AND over_limit.cell = lift.cell
  AND over_limit.channel = lift.channel
LEFT JOIN audience ON audience.campaign_id = lift.campaign_id
LEFT JOIN failed ON failed.campaign_id = lift.campaign_id
WHERE lift.segment = 'all'
