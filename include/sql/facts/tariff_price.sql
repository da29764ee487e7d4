/*
grain: one row a tariff and last day of a bill of P or the 11 months before
key: [tariff_code, on_day]
purpose: The prices of a tariff that are valid on a day, side by side; steps are in facts.tariff_step.
columns:
  tariff_code: {type: string, doc: The tariff.}
  on_day: {type: date, doc: The day.}
  energy_price: {type: double, doc: 'Flat energy, currency per kWh (of the first step where stepped); each price is empty where there is none.'}
  sharp_price: {type: double, doc: Currency per kWh.}
  peak_price: {type: double, doc: Currency per kWh.}
  flat_price: {type: double, doc: Currency per kWh.}
  valley_price: {type: double, doc: Currency per kWh.}
  capacity_price: {type: double, doc: Currency per kVA and month.}
  demand_price: {type: double, doc: Currency per kW and month.}
  surcharge_price: {type: double, doc: Currency per kWh.}
*/
WITH day AS (
  SELECT DISTINCT b.period_end AS on_day
  FROM source.bill AS b
  WHERE b.period >= ADD_MONTHS($period, -11) AND b.period <= $period
),
valid AS (
  SELECT r.tariff_code, d.on_day, r.component, r.unit_price
  FROM source.tariff_rate AS r
  JOIN day AS d ON r.valid_from <= d.on_day AND (r.valid_to IS NULL OR r.valid_to >= d.on_day)
  -- Of prices that overlap the newest is meant.
  QUALIFY ROW_NUMBER() OVER (PARTITION BY r.tariff_code, d.on_day, r.component ORDER BY r.step_no, r.valid_from DESC) = 1
)
SELECT v.tariff_code,
       v.on_day,
       MAX(v.unit_price) FILTER (WHERE v.component = 'energy') AS energy_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'energy_sharp') AS sharp_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'energy_peak') AS peak_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'energy_flat') AS flat_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'energy_valley') AS valley_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'capacity') AS capacity_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'demand') AS demand_price,
       MAX(v.unit_price) FILTER (WHERE v.component = 'surcharge') AS surcharge_price
FROM valid AS v
GROUP BY v.tariff_code, v.on_day
