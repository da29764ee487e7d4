/*
title: Meter file incomplete
zh: 表计档案数据不全
flags_zh: 运行电能表的型号、相数、标定电流、准确度等级、位数、出厂日期或检定日期为空。
what_to_do:
  en: "Complete the meter's file from its nameplate and its certificate of calibration."
  zh: 依据铭牌和检定证书补全电能表档案。
kind: exception
modes: [nightly]
subject: meter
severity: low
judges: state
proof: same
flags: >-
  an in_use meter with model, phases, rated_current_a, accuracy_class, digits, manufactured_on or
  calibrated_on empty; the evidence names them.
messages:
  en: "The file of the meter lacks: {missing}."
  zh: "电能表档案缺少：{missing}。"
*/
WITH checked AS (
  SELECT
    meter.meter_id,
    meter.metering_point_id,
    CONCAT_WS(
      ', ',
      CASE WHEN COALESCE(TRIM(meter.model), '') = '' THEN 'model' END,
      CASE WHEN meter.phases IS NULL THEN 'phases' END,
      CASE WHEN meter.rated_current_a IS NULL THEN 'rated_current_a' END,
      CASE WHEN COALESCE(TRIM(meter.accuracy_class), '') = '' THEN 'accuracy_class' END,
      CASE WHEN meter.digits IS NULL THEN 'digits' END,
      CASE WHEN meter.manufactured_on IS NULL THEN 'manufactured_on' END,
      CASE WHEN meter.calibrated_on IS NULL THEN 'calibrated_on' END
    ) AS missing
  FROM source.meter
  WHERE meter.status = 'in_use'
)

SELECT
  checked.meter_id AS subject_id,
  metering_point.account_id,
  checked.missing <> '' AS flagged,
  checked.missing,
  checked.metering_point_id
FROM checked
LEFT JOIN source.metering_point ON metering_point.metering_point_id = checked.metering_point_id
