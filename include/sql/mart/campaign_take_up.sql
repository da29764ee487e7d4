/*
grain: one row per campaign, segment and channel that was contacted
key: [campaign_id, segment, channel]
purpose: How likely a contact succeeds, learned from what came back; later lists weigh their contacts by it.
columns:
  campaign_id: {type: string, doc: The campaign.}
  segment: {type: string, doc: Composite segment.}
  channel: {type: string, doc: The channel.}
  contacted: {type: integer, doc: First contacts whose time is over.}
  converted: {type: integer, doc: Of them succeeded.}
  rate: {type: double, doc: 'Share that succeeds, drawn to what the campaign expected as long as contacts are few.'}
params:
  expected_weight: {type: number, default: 50, minimum: 0, doc: How many contacts the expectation counts for.}
*/
WITH expected AS (
  SELECT
    campaign_id,
    expected_rate
  FROM campaign.run
  QUALIFY ROW_NUMBER() OVER (PARTITION BY campaign_id ORDER BY as_of DESC, version DESC) = 1
),

seen AS (
  SELECT
    campaign_id,
    segment,
    channel,
    COUNT(*) AS contacted,
    COUNT(*) FILTER (WHERE won) AS converted
  FROM campaign.contact
  WHERE outcome = 'listed' AND is_final AND segment IS NOT NULL AND step = ''
  GROUP BY campaign_id, segment, channel
)

SELECT
  seen.campaign_id,
  seen.segment,
  seen.channel,
  seen.contacted,
  seen.converted,
  RATIO(seen.converted + $expected_weight * expected.expected_rate, seen.contacted + $expected_weight) AS rate
FROM seen JOIN expected ON expected.campaign_id = seen.campaign_id
