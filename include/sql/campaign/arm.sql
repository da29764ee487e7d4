/*
grain: one row per campaign, or all of them, and person whose arm was drawn before
key: [campaign_id, person_id]
purpose: The arm a person keeps. Of the arms of her records the one that was drawn first is hers, of one moment that of the lowest customer_id.
view: true
columns:
  campaign_id: {type: string, doc: 'The campaign; all campaigns is the global control.'}
  person_id: {type: string, doc: As in campaign.unit.}
  household_id: {type: string, doc: As in campaign.unit.}
  arm: {type: string, doc: 'control, or the cell; of the global control held_out or open.'}
  drawn_at: {type: timestamp, doc: When it was drawn.}
*/
SELECT
  kept.campaign_id,
  unit.person_id,
  unit.household_id,
  kept.arm,
  kept.drawn_at
FROM ask.arm AS kept
JOIN campaign.unit ON unit.record_hash = kept.record_hash
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY kept.campaign_id, unit.person_id ORDER BY kept.drawn_at, unit.customer_id
) = 1
