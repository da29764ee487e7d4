/*
grain: one row per month, unit, post, kind and step with a step that began in it; as_of's month and the twelve before
key: [month, org_unit_id, post, kind, step]
purpose: >-
  How long the steps of orders, plans and repairs take and how many are over their limits, by unit with all units below it. Median and
  90th percentile are those of the steps themselves, not means of other units' figures.
columns:
  month: {type: date, doc: First day of the month in which they began.}
  org_unit_id: {type: string, doc: 'The unit, with those below it.'}
  post: {type: string, doc: 'The post of who handles them; where that is not known the one that answers for such.'}
  kind: {type: string, doc: 'order, plan or repair.'}
  step: {type: string, doc: As in mart.step_overtime.}
  time_unit: {type: string, doc: 'What time is counted in: working_days, days or minutes.'}
  steps: {type: integer, doc: Steps that began.}
  ended: {type: integer, doc: Of them those that have ended.}
  over_limit: {type: integer, doc: 'Of them those over their limit, ended or not.'}
  over_share: {type: double, doc: over_limit of steps.}
  median_time: {type: double, doc: 'Half of those that ended took no longer, in time_unit; empty where none has.'}
  p90_time: {type: double, doc: 'Nine tenths of those that ended took no longer; the time of one of them.'}
*/
WITH placed AS (
  SELECT
    MONTH_OF(step_clock.began_at) AS month,
    unit_above.above_id AS org_unit_id,
    step_clock.post,
    step_clock.kind,
    step_clock.step,
    step_clock.time_unit,
    step_clock.is_over,
    CASE WHEN step_clock.ended_at IS NOT NULL THEN step_clock.time_taken END AS ended_time
  FROM facts.step_clock
  JOIN core.unit_above ON unit_above.org_unit_id = step_clock.org_unit_id
  WHERE MONTH_OF(step_clock.began_at) >= ADD_MONTHS(MONTH_OF($as_of), -12)
),

ranked AS (
  SELECT
    placed.month,
    placed.org_unit_id,
    placed.post,
    placed.kind,
    placed.step,
    placed.time_unit,
    placed.is_over,
    placed.ended_time,
    CUME_DIST()
      OVER (
        PARTITION BY
          placed.month, placed.org_unit_id, placed.post, placed.kind, placed.step, placed.ended_time IS NULL
        ORDER BY placed.ended_time NULLS LAST
      )
      AS rank_share
  FROM placed
)

SELECT
  ranked.month,
  ranked.org_unit_id,
  ranked.post,
  ranked.kind,
  ranked.step,
  ranked.time_unit,
  COUNT(*) AS steps,
  COUNT(ranked.ended_time) AS ended,
  COUNT(*) FILTER (WHERE ranked.is_over) AS over_limit,
  ROUND(RATIO(COUNT(*) FILTER (WHERE ranked.is_over), COUNT(*)), 6) AS over_share,
  ROUND(MEDIAN(ranked.ended_time), 2) AS median_time,
  MIN(CASE WHEN ROUND(ranked.rank_share, 9) >= 0.9 THEN ranked.ended_time END) AS p90_time
FROM ranked
GROUP BY ranked.month, ranked.org_unit_id, ranked.post, ranked.kind, ranked.step, ranked.time_unit
