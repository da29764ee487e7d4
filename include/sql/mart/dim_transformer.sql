/*
grain: one row per transformer
key: [transformer_id]
purpose: 'Distribution transformers, public and dedicated.'
columns:
  transformer_id: {type: string, doc: The transformer.}
  line_id: {type: string, doc: The line that feeds it.}
  org_unit_id: {type: string, doc: The unit that runs it.}
  ownership: {type: string, doc: public or dedicated.}
  account_id: {type: string, doc: 'The account it is dedicated to, where it is.'}
  model: {type: string, doc: Its model.}
  rated_kva: {type: double, doc: Its capacity.}
  loss_code: {type: string, doc: How its losses are billed.}
  area_metering_point_id: {type: string, doc: The point that measures all energy it supplies; empty where there is none.}
  commissioned_on: {type: date, doc: First day of service.}
  retired_on: {type: date, doc: Last day of service; empty while it is in service.}
  updated_at: {type: timestamp, doc: When its record changed last.}
*/
SELECT
  transformer.transformer_id,
  transformer.line_id,
  transformer.org_unit_id,
  transformer.ownership,
  transformer.account_id,
  transformer.model,
  transformer.rated_kva,
  transformer.loss_code,
  transformer.area_metering_point_id,
  transformer.commissioned_on,
  transformer.retired_on,
  transformer.updated_at
FROM source.transformer
