/*
grain: one row per customer
key: [customer_id]
purpose: What holds of a customer on every channel, before any campaign asks.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  person_id: {type: string, doc: As in campaign.unit.}
  has_twin: {type: boolean, doc: There is another record of the person.}
  household_id: {type: string, doc: As in campaign.unit.}
  segment: {type: string, doc: Composite segment.}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  is_gone: {type: boolean, doc: 'The source does not know the customer any more, see core.gone_customer.'}
  is_closed: {type: boolean, doc: No live account.}
  is_known_dead: {type: boolean, doc: Somebody said that the person has died.}
  is_under_age: {type: boolean, doc: 'A person born after the last day that makes an adult, by the date of birth or by the identity number.'}
  is_in_dispute: {type: boolean, doc: 'An open case or complaint; where there are no cases yet, a finding of high severity.'}
  is_in_arrears: {type: boolean, doc: Something is open of a bill past its due date.}
  is_refused: {type: boolean, doc: The person refused every channel.}
  is_held_out: {type: boolean, doc: 'In the global control group, as the person first was; a person who was never drawn goes with the household. With a share of 0 there is none.'}
*/
WITH any_case AS (
  SELECT COUNT(*) > 0 AS is_there FROM ask.audit_case AS opened
),

disputed AS (
  SELECT COALESCE(opened.customer_id, account.customer_id) AS customer_id
  FROM ask.audit_case AS opened
  LEFT JOIN source.account ON account.account_id = opened.account_id
  WHERE opened.is_open
  UNION
  SELECT COALESCE(finding.customer_id, account.customer_id)
  FROM mart.audit_exception AS finding
  CROSS JOIN any_case
  LEFT JOIN source.account ON account.account_id = finding.account_id
  WHERE finding.severity = 'high' AND finding.kind = 'exception' AND NOT any_case.is_there
  UNION
  SELECT account.customer_id
  FROM known.service_call AS call
  JOIN source.account ON account.account_id = call.account_id
  WHERE call.kind = 'complaint' AND call.resolved_at IS NULL
),

-- By the number: characters 7 to 14 of an identity card's are the birth,
-- also where blanks or a small x stand in it.
minor AS (
  SELECT number.customer_id
  FROM core.identity_number AS number
  CROSS JOIN ask.question
  WHERE
    SUBSTRING(number.normalised, 7, 8) > STRFTIME(question.adult_born_on, '%Y%m%d')
    AND REGEXP_MATCHES(number.normalised, '^[0-9]{17}[0-9X]$')
    AND (number.is_resident_number OR number.normalised <> number.id_number)
),

owing AS (
  SELECT DISTINCT account.customer_id
  FROM mart.fct_bill AS bill
  JOIN source.account ON account.account_id = bill.account_id
  WHERE bill.overdue_amount > 0
)

SELECT
  customer.customer_id,
  unit.person_id,
  unit.has_twin,
  unit.household_id,
  customer.segment,
  MONEY(customer.current_value_amount) AS current_value_amount,
  gone.customer_id IS NOT NULL AS is_gone,
  COALESCE(customer.live_accounts, 0) = 0 AS is_closed,
  COALESCE(suppressed.is_dead, FALSE) AS is_known_dead,
  COALESCE(
    record.kind = 'person' AND (record.born_on > question.adult_born_on OR minor.customer_id IS NOT NULL),
    FALSE
  )
    AS is_under_age,
  disputed.customer_id IS NOT NULL AS is_in_dispute,
  owing.customer_id IS NOT NULL AS is_in_arrears,
  COALESCE(suppressed.is_refused, FALSE) AS is_refused,
  question.held_out_below > '0000000000000'
  AND CASE
    WHEN COALESCE(own.arm, shared.arm) IS NULL
      THEN
        SUBSTR(SHA256(question.key || CHR(31) || 'all campaigns' || CHR(31) || unit.household_id), 1, 13)
        < question.held_out_below
    ELSE COALESCE(own.arm, shared.arm) = 'held_out'
  END
    AS is_held_out
FROM mart.dim_customer AS customer
JOIN source.customer AS record ON record.customer_id = customer.customer_id
JOIN campaign.unit ON unit.customer_id = customer.customer_id
CROSS JOIN ask.question
LEFT JOIN campaign.arm AS own ON own.campaign_id = 'all campaigns' AND own.person_id = unit.person_id
LEFT JOIN
  campaign.household_arm AS shared
  ON shared.campaign_id = 'all campaigns' AND shared.household_id = unit.household_id
LEFT JOIN
  campaign.record_suppression AS suppressed
  ON suppressed.customer_id = customer.customer_id AND suppressed.channel = 'record'
LEFT JOIN core.gone_customer AS gone ON gone.customer_id = customer.customer_id
LEFT JOIN minor ON minor.customer_id = customer.customer_id
LEFT JOIN disputed ON disputed.customer_id = customer.customer_id
LEFT JOIN owing ON owing.customer_id = customer.customer_id
