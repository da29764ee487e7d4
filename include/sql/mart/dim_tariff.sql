/*
grain: one row per tariff
key: [tariff_code]
purpose: The price plans that an account can be on.
columns:
  tariff_code: {type: string, doc: The tariff.}
  name: {type: string, doc: Its name.}
  usage_category: {type: string, doc: What the energy must be used for.}
  min_kv: {type: double, doc: Lowest supply voltage.}
  max_kv: {type: double, doc: Highest supply voltage.}
  is_two_part: {type: boolean, doc: It has a capacity or demand charge.}
  is_time_of_use: {type: boolean, doc: Its price changes with the hour.}
  is_stepped: {type: boolean, doc: Its price rises with the energy.}
  step_basis: {type: string, doc: 'month or year, whose energy the steps count; month where empty.'}
  proration: {type: string, doc: 'full or days: how part of a month is charged; full where empty.'}
*/
SELECT
  tariff.tariff_code,
  tariff.name,
  tariff.usage_category,
  tariff.min_kv,
  tariff.max_kv,
  tariff.is_two_part,
  tariff.is_time_of_use,
  tariff.is_stepped,
  tariff.step_basis,
  tariff.proration
FROM source.tariff
