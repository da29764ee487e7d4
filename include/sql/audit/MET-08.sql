/*
title: Rotation overdue
zh: 超周期轮换
kind: exception
modes: [nightly]
subject: meter
severity: medium
flags: >-
  in_use and calibrated_on more than the cycle of its accuracy_class before as_of.
params:
  years: {type: map, columns: {accuracy_class: string, years: integer}, default: {0.2S: 6, 0.5S: 6, '1': 8, '2': 8}, doc: 'Rotation cycle in years by accuracy class.'}
  default_years: {type: integer, default: 8, minimum: 1, doc: 'Cycle of any other class.'}
messages:
  en: >-
    Calibrated on {calibrated_on}, more than {cycle_years} years ago.
  zh: >-
    上次检定 {calibrated_on}，已超过 {cycle_years} 年轮换周期。
*/
WITH cycle AS (
  SELECT m.meter_id,
         m.metering_point_id,
         m.accuracy_class,
         m.calibrated_on,
         COALESCE(y.years, $default_years) AS years
  FROM source.meter AS m
  LEFT JOIN param.years AS y
    ON y.accuracy_class = m.accuracy_class
    OR TRY_CAST(y.accuracy_class AS DOUBLE) = TRY_CAST(m.accuracy_class AS DOUBLE)
  WHERE m.status = 'in_use'
),
due AS (
  SELECT c.meter_id,
         c.metering_point_id,
         c.accuracy_class,
         c.calibrated_on,
         c.years,
         ADD_MONTHS($as_of, CAST(-12 * c.years AS INT)) AS not_before
  FROM cycle AS c
)
SELECT d.meter_id AS subject_id,
       p.account_id,
       d.calibrated_on < d.not_before AS flagged,
       d.calibrated_on,
       d.accuracy_class,
       d.years AS cycle_years,
       d.not_before AS limit_on,
       d.metering_point_id
FROM due AS d
LEFT JOIN source.metering_point AS p ON p.metering_point_id = d.metering_point_id
