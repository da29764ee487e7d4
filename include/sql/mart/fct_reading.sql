/*
grain: one row per metering point, billing month and register
key: [metering_point_id, period, register]
purpose: What was read off the registers for billing.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account; empty for area and line points.}
  org_unit_id: {type: string, doc: 'Unit of the account; of an area or line point that of its transformer or line; else the top one.'}
  period: {type: date, doc: First day of the billing month.}
  register: {type: string, doc: The register.}
  read_at: {type: timestamp, doc: When it was read.}
  previous_value: {type: double, doc: Register at the start.}
  current_value: {type: double, doc: Register at the end.}
  method: {type: string, doc: 'remote, manual or estimated.'}
  original_value: {type: double, doc: current_value before somebody edited it; empty where nobody did.}
  edited_by: {type: string, doc: Who edited it.}
*/
WITH point_unit AS (
  SELECT
    subject_unit.subject_id AS metering_point_id,
    subject_unit.org_unit_id
  FROM core.subject_unit
  WHERE subject_unit.subject_type = 'metering_point'
)

SELECT
  register_reading.metering_point_id,
  metering_point.account_id,
  COALESCE(point_unit.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
  register_reading.period,
  register_reading.register,
  register_reading.read_at,
  register_reading.previous_value,
  register_reading.current_value,
  register_reading.method,
  register_reading.original_value,
  register_reading.edited_by
FROM source.register_reading
LEFT JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
LEFT JOIN point_unit ON point_unit.metering_point_id = register_reading.metering_point_id
LEFT JOIN core.top_unit ON TRUE
