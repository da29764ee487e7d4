/*
grain: one row per member of a campaign's audience
key: [customer_id, account_id]
purpose: What stands against a member, or the channel and the draws of one that may be contacted; limits and competition come after.
view: true
columns:
  number: {type: integer, doc: The campaign's number in the night.}
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  person_id: {type: string, doc: As in campaign.standing.}
  excluded_by: {type: string, doc: 'The first rule that holds, in the order in which they are told; empty where none does.'}
  channel: {type: string, doc: 'The first channel, in the campaign order, that is allowed and works.'}
  send_on: {type: date, doc: Day of the contact.}
  step: {type: string, doc: 'The step that follows an earlier contact; empty for a first contact.'}
  cell: {type: string, doc: 'The test cell, the one first drawn while the campaign has it; control for the control group; the name of a step.'}
  is_control: {type: boolean, doc: Held back from contact.}
  priority: {type: integer, doc: Of the campaign; lower goes first.}
  cost: {type: integer, doc: In ten-thousandths of the currency.}
  expected_value: {type: double, doc: What the contact is thought to bring, less its cost.}
  tie: {type: string, doc: Draw that orders those of one priority and value.}
  room: {type: integer, doc: Contacts that the person may still have; empty where the cap is off.}
  segment: {type: string, doc: Composite segment.}
  fields: {type: string, doc: 'What the list says of the member, as JSON.'}
*/
WITH off AS (
  SELECT
    COALESCE(BOOL_OR(rule.rule = 'closed'), FALSE) AS closed,
    COALESCE(BOOL_OR(rule.rule = 'known_dead'), FALSE) AS known_dead,
    COALESCE(BOOL_OR(rule.rule = 'under_age'), FALSE) AS under_age,
    COALESCE(BOOL_OR(rule.rule = 'in_dispute'), FALSE) AS in_dispute,
    COALESCE(BOOL_OR(rule.rule = 'in_arrears'), FALSE) AS in_arrears,
    COALESCE(BOOL_OR(rule.rule = 'held_out'), FALSE) AS held_out,
    COALESCE(BOOL_OR(rule.rule = 'already_addressed'), FALSE) AS already_addressed,
    COALESCE(BOOL_OR(rule.rule = 'mailed_too_often'), FALSE) AS mailed_too_often,
    COALESCE(BOOL_OR(rule.rule = 'same_address'), FALSE) AS same_address
  FROM ask.rule_off AS rule
),

past AS (
  SELECT
    COALESCE(person.person_id, history.customer_id) AS person_id,
    history.account_id,
    history.campaign_id,
    history.as_of,
    history.outcome
  FROM ask.history
  LEFT JOIN ask.person ON person.customer_id = history.customer_id
),

last_time AS (
  SELECT
    past.person_id,
    CASE WHEN campaign.is_by_account THEN past.account_id END AS account_id,
    MAX(past.as_of) AS last_on
  FROM past
  JOIN ask.campaign ON campaign.campaign_id = past.campaign_id
  GROUP BY past.person_id, CASE WHEN campaign.is_by_account THEN past.account_id END
),

contact AS (
  SELECT
    past.person_id,
    COUNT(CASE WHEN past.as_of > campaign.contacts_after THEN 1 END) AS contacts,
    COUNT(CASE WHEN past.as_of > campaign.own_contacts_after THEN 1 END) AS own_contacts
  FROM past
  CROSS JOIN ask.campaign
  WHERE past.outcome = 'listed'
  GROUP BY past.person_id
),

-- Of all channels of the campaign the first that may be used; where none may, how far the best of them came.
way AS (
  SELECT
    told.customer_id,
    told.send_by,
    MIN(CASE WHEN told.reason IS NULL THEN told.position END) AS position,
    MAX(CASE told.reason WHEN 'no_consent' THEN 1 WHEN 'suppressed' THEN 2 WHEN 'too_late' THEN 4 ELSE 3 END)
      AS came_to
  FROM (
    SELECT
      contactable.customer_id,
      member.send_by,
      sending.position,
      COALESCE(
        CASE campaign.asks_for
          WHEN 'marketing' THEN contactable.marketing_reason WHEN 'service' THEN contactable.service_reason
          ELSE contactable.notice_reason
        END,
        CASE WHEN sending.send_on > member.send_by THEN 'too_late' END
      ) AS reason
    FROM (SELECT DISTINCT
      member.customer_id,
      member.send_by
    FROM ask.member) AS member
    JOIN campaign.contactable ON contactable.customer_id = member.customer_id
    JOIN ask.sending ON sending.channel = contactable.channel
    CROSS JOIN ask.campaign
  ) AS told
  GROUP BY told.customer_id, told.send_by
),

judged AS (
  SELECT
    member.customer_id,
    member.account_id,
    member.fields,
    member.own_value,
    member.step,
    standing.person_id,
    standing.has_twin,
    standing.household_id,
    standing.segment,
    standing.current_value_amount,
    kept.drawn_at,
    way.position,
    LEAST(
      campaign.contacts - COALESCE(contact.contacts, 0),
      campaign.own_contacts - COALESCE(contact.own_contacts, 0)
    ) AS room,
    CASE
      WHEN standing.is_gone THEN 'left_source'
      WHEN (standing.is_closed OR member.is_account_closed) AND NOT off.closed THEN 'closed'
      WHEN standing.is_known_dead AND NOT off.known_dead THEN 'known_dead'
      WHEN standing.is_under_age AND NOT off.under_age THEN 'under_age'
      WHEN way.position IS NULL
        THEN
          CASE way.came_to
            WHEN 2 THEN 'suppressed' WHEN 3 THEN 'undeliverable' WHEN 4 THEN 'too_late' ELSE 'no_consent'
          END
      WHEN standing.is_in_dispute AND NOT off.in_dispute THEN 'in_dispute'
      WHEN standing.is_in_arrears AND NOT off.in_arrears THEN 'in_arrears'
      WHEN standing.is_held_out AND NOT off.held_out THEN 'held_out'
      -- A step follows a contact of this campaign: that one is no reason against it.
      WHEN last_time.last_on > campaign.again_after AND member.step IS NULL AND NOT off.already_addressed
        THEN 'already_addressed'
      WHEN
        LEAST(
          campaign.contacts - COALESCE(contact.contacts, 0),
          campaign.own_contacts - COALESCE(contact.own_contacts, 0)
        )
        <= 0
        AND NOT off.mailed_too_often THEN 'mailed_too_often'
    END AS reason
  FROM ask.member
  JOIN campaign.standing ON standing.customer_id = member.customer_id
  CROSS JOIN ask.campaign
  CROSS JOIN off
  LEFT JOIN way ON way.customer_id = member.customer_id AND way.send_by IS NOT DISTINCT FROM member.send_by
  LEFT JOIN last_time
    ON last_time.person_id = standing.person_id
    AND COALESCE(last_time.account_id, member.account_id) = member.account_id
  LEFT JOIN contact ON contact.person_id = standing.person_id
  LEFT JOIN campaign.unit ON unit.customer_id = member.customer_id
  LEFT JOIN ask.arm AS kept
    ON kept.campaign_id = campaign.campaign_id AND kept.record_hash = unit.record_hash
),

-- Of two records of one person one is spoken to, the one that had an arm before the other joined it.
-- Accounts are each spoken of, under the person's cap.
twin AS (
  SELECT judged.customer_id
  FROM judged
  CROSS JOIN ask.campaign
  WHERE judged.has_twin AND judged.reason IS NULL AND NOT campaign.is_by_account
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY judged.person_id
    ORDER BY judged.drawn_at ASC NULLS LAST, judged.current_value_amount DESC NULLS LAST, judged.customer_id
  ) > 1
),

single AS (
  SELECT
    judged.customer_id,
    judged.account_id,
    judged.fields,
    judged.own_value,
    judged.step,
    judged.person_id,
    judged.household_id,
    judged.segment,
    judged.current_value_amount,
    judged.drawn_at,
    judged.position,
    judged.room,
    COALESCE(judged.reason, CASE WHEN twin.customer_id IS NOT NULL THEN 'same_person' END) AS reason
  FROM judged
  LEFT JOIN twin ON twin.customer_id = judged.customer_id
),

housemate AS (
  SELECT single.customer_id
  FROM single
  CROSS JOIN ask.campaign
  WHERE campaign.is_by_household AND single.reason IS NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY single.household_id
    ORDER BY single.drawn_at ASC NULLS LAST, single.current_value_amount DESC NULLS LAST, single.customer_id
  ) > 1
),

housed AS (
  SELECT
    single.customer_id,
    single.account_id,
    single.fields,
    single.own_value,
    single.step,
    single.person_id,
    single.household_id,
    single.segment,
    single.current_value_amount,
    single.position,
    single.room,
    COALESCE(single.reason, CASE WHEN housemate.customer_id IS NOT NULL THEN 'same_household' END) AS reason
  FROM single
  LEFT JOIN housemate ON housemate.customer_id = single.customer_id
),

-- An address is written to once by a list, whoever shares it.
sharer AS (
  SELECT
    housed.customer_id,
    housed.account_id
  FROM housed
  CROSS JOIN off
  JOIN ask.sending ON sending.position = housed.position
  JOIN ask.channel ON channel.channel = sending.channel AND channel.is_one_an_address
  JOIN
    campaign.address
    ON address.customer_id = housed.customer_id AND address.address_kind = channel.address_kind
  WHERE housed.reason IS NULL AND NOT off.same_address
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY channel.channel, address.address
    ORDER BY housed.current_value_amount DESC NULLS LAST, housed.customer_id, housed.account_id
  ) > 1
),

apart AS (
  SELECT
    housed.customer_id,
    housed.account_id,
    housed.fields,
    housed.own_value,
    housed.step,
    housed.person_id,
    CASE WHEN campaign.is_by_household THEN housed.household_id END AS household_id,
    housed.segment,
    housed.position,
    housed.room,
    campaign.campaign_id
    || CHR(31)
    || CASE WHEN campaign.is_by_household THEN housed.household_id ELSE housed.person_id END AS unit,
    COALESCE(housed.reason, CASE WHEN sharer.customer_id IS NOT NULL THEN 'same_address' END) AS excluded_by
  FROM housed
  CROSS JOIN ask.campaign
  LEFT JOIN sharer ON sharer.customer_id = housed.customer_id AND sharer.account_id = housed.account_id
),

-- What was drawn once is kept; who was never drawn goes with the household where the campaign speaks to it.
met AS (
  SELECT
    apart.customer_id,
    apart.account_id,
    apart.fields,
    apart.own_value,
    apart.step,
    apart.person_id,
    apart.segment,
    apart.position,
    apart.room,
    apart.unit,
    apart.excluded_by,
    COALESCE(own.arm, shared.arm) AS arm
  FROM apart
  CROSS JOIN ask.campaign
  LEFT JOIN campaign.arm AS own
    ON own.campaign_id = campaign.campaign_id AND own.person_id = apart.person_id
  LEFT JOIN campaign.household_arm AS shared
    ON shared.campaign_id = campaign.campaign_id AND shared.household_id = apart.household_id
),

-- A draw is the head of a hash, 52 bits in hexadecimal digits: as text it stands in the order of its number.
drawn AS (
  SELECT
    met.customer_id,
    met.account_id,
    met.fields,
    met.own_value,
    met.step,
    met.person_id,
    met.segment,
    met.position,
    met.room,
    met.excluded_by,
    met.arm,
    CASE
      WHEN met.excluded_by IS NOT NULL THEN NULL
      WHEN campaign.control_below = '0000000000000' THEN FALSE
      WHEN met.arm IS NOT NULL THEN met.arm = 'control'
      ELSE
        SUBSTR(SHA256(question.key || CHR(31) || 'control' || CHR(31) || met.unit), 1, 13)
        < campaign.control_below
    END AS is_control,
    CASE
      WHEN met.excluded_by IS NULL
        THEN SUBSTR(SHA256(question.key || CHR(31) || 'cell' || CHR(31) || met.unit), 1, 13)
    END AS cell_draw,
    CASE
      WHEN met.excluded_by IS NULL
        THEN
          SUBSTR(
            SHA256(
              question.key || CHR(31) || 'order' || CHR(31) || met.unit || CHR(31) || met.account_id
            ),
            1,
            13
          )
    END AS tie
  FROM met
  CROSS JOIN ask.campaign
  CROSS JOIN ask.question
),

-- Nobody of the control group gets a step, though she was contacted before she was found to be of it.
kept_back AS (
  SELECT
    drawn.*,
    CASE WHEN drawn.is_control AND drawn.step IS NOT NULL THEN 'in_control' ELSE drawn.excluded_by END AS why
  FROM drawn
)

SELECT
  campaign.number,
  kept_back.customer_id,
  kept_back.account_id,
  kept_back.person_id,
  kept_back.why AS excluded_by,
  sending.channel,
  sending.send_on,
  kept_back.step,
  CASE
    WHEN kept_back.why IS NOT NULL THEN NULL
    WHEN kept_back.is_control THEN 'control'
    ELSE COALESCE(kept_back.step, before.cell, cell.cell)
  END AS cell,
  CASE WHEN kept_back.why IS NULL THEN kept_back.is_control END AS is_control,
  campaign.priority,
  sending.cost,
  COALESCE(kept_back.own_value, campaign.value_amount) * COALESCE(learned.rate, campaign.expected_rate)
  - sending.cost / 10000.0
    AS expected_value,
  kept_back.tie,
  CASE WHEN off.mailed_too_often THEN NULL ELSE kept_back.room END AS room,
  kept_back.segment,
  kept_back.fields
FROM kept_back
CROSS JOIN ask.campaign
CROSS JOIN off
LEFT JOIN ask.sending ON kept_back.why IS NULL AND sending.position = kept_back.position
LEFT JOIN ask.cell AS before ON kept_back.why IS NULL AND before.cell = kept_back.arm
LEFT JOIN
  ask.cell
  ON kept_back.why IS NULL AND kept_back.cell_draw >= cell.draw_from AND kept_back.cell_draw < cell.draw_below
LEFT JOIN ask.take_up AS learned
  ON learned.campaign_id = campaign.campaign_id
  AND learned.segment = kept_back.segment
  AND learned.channel = sending.channel
