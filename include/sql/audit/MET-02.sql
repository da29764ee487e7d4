/*
title: Meter file incomplete
zh: 表计档案数据不全
kind: exception
modes: [nightly]
subject: meter
severity: low
flags: >-
  an in_use meter with model, phases, rated_current_a, accuracy_class, digits, manufactured_on or
  calibrated_on empty; the evidence names them.
messages:
  en: >-
    The file of meter {subject_id} lacks: {missing}.
  zh: >-
    表计 {subject_id} 档案缺少：{missing}。
*/
WITH checked AS (
  SELECT m.meter_id,
         m.metering_point_id,
         CONCAT_WS(', ',
                   CASE WHEN COALESCE(TRIM(m.model), '') = '' THEN 'model' END,
                   CASE WHEN m.phases IS NULL THEN 'phases' END,
                   CASE WHEN m.rated_current_a IS NULL THEN 'rated_current_a' END,
                   CASE WHEN COALESCE(TRIM(m.accuracy_class), '') = '' THEN 'accuracy_class' END,
                   CASE WHEN m.digits IS NULL THEN 'digits' END,
                   CASE WHEN m.manufactured_on IS NULL THEN 'manufactured_on' END,
                   CASE WHEN m.calibrated_on IS NULL THEN 'calibrated_on' END) AS missing
  FROM source.meter AS m
  WHERE m.status = 'in_use'
)
SELECT c.meter_id AS subject_id,
       p.account_id,
       c.missing <> '' AS flagged,
       c.missing,
       c.metering_point_id
FROM checked AS c
LEFT JOIN source.metering_point AS p ON p.metering_point_id = c.metering_point_id
