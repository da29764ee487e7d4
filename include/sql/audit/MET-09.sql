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
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.installed_on,
    live_account.contracted_kva,
    months_by_kva.months,
    ADD_MONTHS($as_of, CAST(-months_by_kva.months AS INT)) AS not_before
  FROM source.metering_point
  JOIN core.live_account ON live_account.account_id = metering_point.account_id
  JOIN param.months_by_kva ON live_account.contracted_kva >= months_by_kva.min_kva
  WHERE metering_point.role = 'main'
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY metering_point.metering_point_id ORDER BY months_by_kva.min_kva DESC) = 1
),

field_check AS (
  SELECT
    metering_event.metering_point_id,
    CAST(MAX(metering_event.occurred_at) AS DATE) AS last_on
  FROM source.metering_event
  WHERE metering_event.kind = 'field_checked'
  GROUP BY metering_event.metering_point_id
)

SELECT
  asked.metering_point_id AS subject_id,
  asked.account_id,
  asked.installed_on <= asked.not_before
  AND (field_check.last_on IS NULL OR field_check.last_on < asked.not_before) AS flagged,
  field_check.last_on AS last_checked_on,
  asked.contracted_kva,
  asked.months AS cycle_months,
  asked.not_before AS limit_on,
  asked.installed_on
FROM asked
LEFT JOIN field_check ON field_check.metering_point_id = asked.metering_point_id
