/*
grain: one row per key figure and unit with cases of its rules still to be decided or mended
key: [kpi, org_unit_id]
purpose: The audit cases that lie behind a key figure, of a unit and those below.
columns:
  kpi: {type: string, doc: The key figure.}
  org_unit_id: {type: string, doc: The unit.}
  open_cases: {type: integer, doc: 'Cases of its rules that are open, assigned, proposed, confirmed, rectifying or reopened.'}
  at_stake_amount: {type: decimal, doc: 'Their money at stake, by size; what follows from another finding is the same money and left out, other months of the same are not.'}
*/
WITH disputed AS (
  SELECT
    audit_case.rule_id,
    COALESCE(org_unit.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
    COUNT(*) AS cases,
    SUM(
      CASE
        WHEN audit_case.root_cause_case_id IS NOT NULL AND audit_case.cause_kind <> 'earlier_month' THEN 0
        ELSE ABS(COALESCE(audit_case.at_stake_amount, 0))
      END
    ) AS amount
  FROM cases.audit_case
  CROSS JOIN core.top_unit
  LEFT JOIN source.org_unit ON org_unit.org_unit_id = audit_case.assigned_org_unit_id
  WHERE audit_case.state IN ('open', 'assigned', 'proposed', 'confirmed', 'rectifying', 'reopened')
  GROUP BY audit_case.rule_id, COALESCE(org_unit.org_unit_id, top_unit.org_unit_id)
)

SELECT
  kpi_rule.kpi,
  unit_above.above_id AS org_unit_id,
  INTEGER_SUM(disputed.cases) AS open_cases,
  MONEY(SUM(disputed.amount)) AS at_stake_amount
FROM disputed
JOIN core.kpi_rule ON kpi_rule.rule_id = disputed.rule_id
JOIN core.unit_above ON unit_above.org_unit_id = disputed.org_unit_id
GROUP BY kpi_rule.kpi, unit_above.above_id
