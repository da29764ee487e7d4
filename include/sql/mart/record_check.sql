/*
grain: one row per unit, span and period in which files were drawn to be held against the field
key: [org_unit_id, span, period]
purpose: How many files say something else than what is out there, by a sample drawn by lot.
columns:
  org_unit_id: {type: string, doc: 'The accounts'' own unit, not those above it.'}
  span: {type: string, doc: 'month, quarter or year, of the Monday of the week for which it was drawn.'}
  period: {type: date, doc: First day of the span.}
  drawn: {type: integer, doc: Accounts drawn.}
  checked: {type: integer, doc: Of these checked by as_of.}
  mismatched: {type: integer, doc: Of the checked those whose file is otherwise in anything.}
  mismatch_rate: {type: double, doc: 'Share of files that are otherwise, each check weighed by 1 over the probability of its draw.'}
  mismatch_rate_low: {type: double, doc: Lower limit of mismatched over checked by Wilson's 95% interval.}
  mismatch_rate_high: {type: double, doc: Upper limit.}
  score: {type: double, doc: '100 where the rate is at standard or better, 0 where it is at floor or worse, between them in proportion.'}
params:
  standard: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: Share of files that may be otherwise.}
  floor: {type: number, default: 0.1, minimum: 0, maximum: 1, doc: Share from which on the score is 0.}
*/
WITH drawn AS (
  SELECT
    record_check.org_unit_id,
    span.span,
    CASE span.span
      WHEN 'month' THEN MONTH_OF(record_check.week)
      WHEN 'quarter' THEN CAST(DATE_TRUNC('quarter', record_check.week) AS DATE)
      ELSE CAST(DATE_TRUNC('year', record_check.week) AS DATE)
    END AS period,
    COALESCE(record_check.checked_on <= $as_of, FALSE) AS is_checked,
    COALESCE(record_check.checked_on <= $as_of AND record_check.mismatches > 0, FALSE) AS is_mismatched,
    RATIO(1, record_check.probability) AS weight
  FROM cases.record_check
  CROSS JOIN (VALUES ('month'), ('quarter'), ('year')) AS span (span)
  WHERE record_check.week <= $as_of
),

summed AS (
  SELECT
    drawn.org_unit_id,
    drawn.span,
    drawn.period,
    COUNT(*) AS drawn,
    COUNT(*) FILTER (WHERE drawn.is_checked) AS checked,
    COUNT(*) FILTER (WHERE drawn.is_mismatched) AS mismatched,
    RATIO(
      COALESCE(SUM(drawn.weight) FILTER (WHERE drawn.is_mismatched), 0),
      SUM(drawn.weight) FILTER (WHERE drawn.is_checked)
    ) AS mismatch_rate
  FROM drawn
  GROUP BY drawn.org_unit_id, drawn.span, drawn.period
),

judged AS (
  SELECT
    summed.*,
    1.959963984540054
    * SQRT(3.841458820694124 + 4 * summed.mismatched * (1 - RATIO(summed.mismatched, summed.checked)))
      AS half_width,
    2 * (summed.checked + 3.841458820694124) AS wilson_denominator
  FROM summed
)

SELECT
  judged.org_unit_id,
  judged.span,
  judged.period,
  judged.drawn,
  judged.checked,
  judged.mismatched,
  judged.mismatch_rate,
  CASE
    WHEN judged.mismatched > 0
      THEN RATIO(2 * judged.mismatched + 3.841458820694124 - judged.half_width, judged.wilson_denominator)
    WHEN judged.checked > 0 THEN 0.0
  END AS mismatch_rate_low,
  RATIO(2 * judged.mismatched + 3.841458820694124 + judged.half_width, judged.wilson_denominator)
    AS mismatch_rate_high,
  CASE
    WHEN judged.mismatch_rate <= $standard THEN 100.0
    WHEN judged.mismatch_rate >= $floor THEN 0.0
    ELSE 100 * RATIO($floor - judged.mismatch_rate, $floor - $standard)
  END AS score
FROM judged
