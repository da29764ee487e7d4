/*
grain: one row per released list with a control group, and stage
key: [campaign_run_id, stage]
purpose: >-
  Whether the two arms of a list have the sizes that they should have (a sample-ratio check). Where they do not, something besides the
  draw decided who was contacted, and nothing that is compared between the arms holds. The p-value is of the chi-square test with one degree of
  freedom, with Yates's correction.
columns:
  campaign_run_id: {type: string, doc: The list.}
  stage: {type: string, doc: 'decided: as the list was made; observed: whose result is looked at, after release left people out and a correction replaced others.'}
  campaign_id: {type: string, doc: The campaign.}
  as_of: {type: date, doc: Date of the list.}
  listed: {type: integer, doc: Contacts.}
  control: {type: integer, doc: Held back.}
  control_share: {type: double, doc: Share that the control group should have.}
  found_share: {type: double, doc: Share that it has.}
  p_value: {type: double, doc: How likely a draw would be at least as far off.}
  is_failed: {type: boolean, doc: Less likely than the limit.}
params:
  limit: {type: number, default: 0.001, minimum: 0, maximum: 0.1, doc: 'Below this a list fails; strict, as every list is asked twice.'}
*/
WITH observed AS (
  SELECT
    contact.campaign_run_id,
    COUNT(*) FILTER (WHERE contact.outcome = 'listed') AS listed,
    COUNT(*) FILTER (WHERE contact.outcome = 'control') AS control
  FROM campaign.contact
  -- Nobody is drawn for a step.
  WHERE COALESCE(contact.step, '') = ''
  GROUP BY contact.campaign_run_id
),

arm AS (
  SELECT
    run.campaign_run_id,
    'decided' AS stage,
    run.campaign_id,
    run.as_of,
    run.listed,
    run.control,
    run.control_share
  FROM campaign.run
  JOIN observed ON observed.campaign_run_id = run.campaign_run_id
  UNION ALL
  SELECT
    run.campaign_run_id,
    'observed',
    run.campaign_id,
    run.as_of,
    observed.listed,
    observed.control,
    run.control_share
  FROM campaign.run
  JOIN observed ON observed.campaign_run_id = run.campaign_run_id
),

distance AS (
  SELECT
    arm.*,
    GREATEST(ABS(arm.control - (arm.listed + arm.control) * arm.control_share) - 0.5, CAST(0 AS DOUBLE))
    / NULLIF(SQRT((arm.listed + arm.control) * arm.control_share * (1 - arm.control_share)), 0) AS z
  FROM arm
  WHERE arm.control_share > 0 AND arm.control_share < 1 AND arm.listed + arm.control > 0
),

-- The tail of the normal distribution as in Abramowitz and Stegun, 7.1.26: off by 1.5e-7 at the most.
tail AS (
  SELECT
    distance.*,
    RATIO(1, 1 + 0.3275911 * 0.7071067811865476 * distance.z) AS t
  FROM distance
),

tested AS (
  SELECT
    tail.*,
    tail.t
    * (
      0.254829592
      + tail.t * (-0.284496736 + tail.t * (1.421413741 + tail.t * (-1.453152027 + tail.t * 1.061405429)))
    )
    * EXP(-tail.z * tail.z * 0.5) AS raw_p_value
  FROM tail
)

SELECT
  tested.campaign_run_id,
  tested.stage,
  tested.campaign_id,
  tested.as_of,
  tested.listed,
  tested.control,
  tested.control_share,
  RATIO(tested.control, tested.listed + tested.control) AS found_share,
  ROUND(tested.raw_p_value, 6) AS p_value,
  tested.raw_p_value < $limit AS is_failed
FROM tested
