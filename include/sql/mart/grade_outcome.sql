/*
grain: one row per grading, class and measure
key: [scheme, class, measure]
purpose: 'What grades and tiers foretold: what became of the customers of each class after the night that graded them.'
columns:
  scheme: {type: string, doc: 'grade, objective_tier or behaviour_tier.'}
  class: {type: string, doc: 'A to E, or tier 5 (best) to 1.'}
  measure: {type: string, doc: 'left_share, arrears_share, up_share, down_share, kwh_change or month_amount (see segment.grade_outcome).'}
  graded_on: {type: date, doc: Night whose grades are judged; empty where none is old enough.}
  basis: {type: string, doc: 'given: the grades kept of that night; recomputed: those that today''s definitions give from what was known then.'}
  customers: {type: integer, doc: Customers of the class that the measure could be taken of.}
  value: {type: double, doc: 'The measure: shares from 0 to 1, month_amount in money.'}
  low: {type: double, doc: Lower 95% limit of a share; empty for what is no share.}
  high: {type: double, doc: The upper one.}
  expected: {type: string, doc: 'falls or rises: what the measure should do from the best class to the worst; empty where nothing is claimed.'}
  is_monotone: {type: boolean, doc: 'Whether it does so, over the classes with customers enough.'}
  is_contradicted: {type: boolean, doc: 'Whether a step between two of them goes the other way by more than chance.'}
  not_judged: {type: string, doc: Why nothing can be said; empty where something is.}
  not_judged_zh: {type: string, doc: The same in Chinese.}
params:
  words:
    type: rows
    columns: {code: string, reason: string, reason_zh: string}
    default:
      - [early, nothing is known of the time so far back, 尚无足够早的数据可供检验]
      - [nobody, no customer of the class that it could be measured of, 该级别下无可测量的客户]
      - [few, too few customers in all classes but one to compare them, 可比较的级别客户数不足]
    doc: What the reasons are called.
*/
WITH told AS (
  SELECT
    grade_outcome.*,
    CASE
      WHEN grade_outcome.graded_on IS NULL THEN 'early'
      WHEN grade_outcome.value IS NULL THEN 'nobody'
      WHEN grade_outcome.expected IS NOT NULL AND grade_outcome.is_monotone IS NULL THEN 'few'
    END AS code
  FROM segment.grade_outcome
)

SELECT
  told.scheme,
  told.class,
  told.measure,
  told.graded_on,
  told.basis,
  told.customers,
  told.value,
  told.low,
  told.high,
  told.expected,
  told.is_monotone,
  told.is_contradicted,
  words.reason AS not_judged,
  words.reason_zh AS not_judged_zh
FROM told
LEFT JOIN param.words ON words.code = told.code
