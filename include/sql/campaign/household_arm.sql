/*
grain: one row per campaign, or all of them, and household in which an arm was drawn before
key: [campaign_id, household_id]
purpose: The arm of a household, for whoever joins it and has none yet. Of its persons' arms the one that was drawn first, of one moment that of the lowest person_id.
view: true
columns:
  campaign_id: {type: string, doc: As in campaign.arm.}
  household_id: {type: string, doc: As in campaign.unit.}
  arm: {type: string, doc: As in campaign.arm.}
*/
SELECT
  arm.campaign_id,
  arm.household_id,
  arm.arm
FROM campaign.arm
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY arm.campaign_id, arm.household_id ORDER BY arm.drawn_at, arm.person_id
) = 1
