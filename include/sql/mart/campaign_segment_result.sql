/*
grain: one row per campaign and segment that was contacted
key: [campaign_id, segment]
purpose: What came of a campaign in a segment, against the control customers of that segment.
columns:
  campaign_id: {type: string, doc: The campaign.}
  segment: {type: string, doc: 'Composite segment on the day of the list, or none.'}
  listed: {type: integer, doc: Contacts made.}
  control: {type: integer, doc: Control customers.}
  responded: {type: integer, doc: Contacts that were answered.}
  converted: {type: integer, doc: Contacts that succeeded.}
  control_converted: {type: integer, doc: Control customers that succeeded without a contact.}
  complained: {type: integer, doc: Contacts that led to a complaint or were unsubscribed.}
  cost_amount: {type: decimal, doc: Of the contacts.}
  value_amount: {type: decimal, doc: Of the successes.}
  lift: {type: double, doc: 'Share that succeeded, less that of the control group; empty where either group is too small.'}
  lift_low: {type: double, doc: Lower end of the 95% interval.}
  lift_high: {type: double, doc: Upper end of the 95% interval.}
  p_value: {type: double, doc: As in mart.campaign_result.}
  verdict: {type: string, doc: As in mart.campaign_result.}
*/
SELECT
  lift.campaign_id,
  lift.segment,
  lift.listed,
  lift.control,
  lift.responded,
  lift.converted,
  lift.control_converted,
  lift.complained,
  MONEY(lift.cost_amount) AS cost_amount,
  MONEY(lift.value_amount) AS value_amount,
  lift.lift,
  lift.lift_low,
  lift.lift_high,
  lift.p_value,
  lift.verdict
FROM campaign.lift
WHERE lift.segment <> 'all'
