/*
title: Field check overdue
zh: 超周期现场校验
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
flags: >-
  the main point of a live account with no field_checked event within the months that its contracted_kva
  asks before as_of (none below the smallest size), and installed_on at least as long ago.
params:
  months_by_kva: {type: rows, columns: {min_kva: double, months: integer}, default: [[10000, 6], [2000, 12], [315, 24]], doc: 'Months between field checks from a contracted capacity on; none below the smallest.'}
messages:
  en: >-
    Last field check {last_checked_on}; due every {cycle_months} months.
  zh: >-
    上次现场校验 {last_checked_on}，应每 {cycle_months} 个月一次。
*/
WITH asked AS (
  SELECT p.metering_point_id,
         p.account_id,
         p.installed_on,
         a.contracted_kva,
         m.months,
         ADD_MONTHS($as_of, CAST(-m.months AS INT)) AS not_before
  FROM source.metering_point AS p
  JOIN core.live_account AS a ON a.account_id = p.account_id
  JOIN param.months_by_kva AS m ON a.contracted_kva >= m.min_kva
  WHERE p.role = 'main'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY p.metering_point_id ORDER BY m.min_kva DESC) = 1
),
field_check AS (
  SELECT e.metering_point_id, CAST(MAX(e.occurred_at) AS DATE) AS last_on
  FROM source.metering_event AS e
  WHERE e.kind = 'field_checked'
  GROUP BY e.metering_point_id
)
SELECT q.metering_point_id AS subject_id,
       q.account_id,
       q.installed_on <= q.not_before AND (c.last_on IS NULL OR c.last_on < q.not_before) AS flagged,
       c.last_on AS last_checked_on,
       q.contracted_kva,
       q.months AS cycle_months,
       q.not_before AS limit_on,
       q.installed_on
FROM asked AS q
LEFT JOIN field_check AS c ON c.metering_point_id = q.metering_point_id
