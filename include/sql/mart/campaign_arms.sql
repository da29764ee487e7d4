/*
grain: one row per released list with a control group, and stage
key: [campaign_run_id, stage]
purpose: Whether the arms of a list have the sizes that they should have; where not, its result means nothing (campaign.arm_check).
columns:
  campaign_run_id: {type: string, doc: The list.}
  stage: {type: string, doc: 'decided: as the list was made; observed: whose result is looked at.'}
  campaign_id: {type: string, doc: The campaign.}
  list_as_of: {type: date, doc: Date of the list.}
  listed: {type: integer, doc: Contacts.}
  control: {type: integer, doc: Held back.}
  control_share: {type: double, doc: Share that the control group should have.}
  found_share: {type: double, doc: Share that it has.}
  p_value: {type: double, doc: 'Of the chi-square test: how likely a draw would be at least as far off.'}
  is_failed: {type: boolean, doc: Less likely than campaign.arm_check allows.}
*/
SELECT
  arm_check.campaign_run_id,
  arm_check.stage,
  arm_check.campaign_id,
  arm_check.as_of AS list_as_of,
  arm_check.listed,
  arm_check.control,
  arm_check.control_share,
  arm_check.found_share,
  arm_check.p_value,
  arm_check.is_failed
FROM campaign.arm_check
