/*
grain: one row per line
key: [line_id]
purpose: The medium-voltage feeders.
columns:
  line_id: {type: string, doc: The line.}
  name: {type: string, doc: Its name.}
  org_unit_id: {type: string, doc: The unit that runs it.}
  nominal_kv: {type: double, doc: Its voltage.}
  head_metering_point_id: {type: string, doc: The point that measures all energy fed in; empty where there is none.}
*/
SELECT
  line.line_id,
  line.name,
  line.org_unit_id,
  line.nominal_kv,
  line.head_metering_point_id
FROM source.line
