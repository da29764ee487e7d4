/*
grain: one row per tariff and last day of a bill of P or the 11 months before, or of rates that end within 24 months
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
  deep_price: {type: double, doc: Currency per kWh in deep valley.}
  capacity_price: {type: double, doc: Currency per kVA and month.}
  demand_price: {type: double, doc: Currency per kW and month.}
  surcharge_price: {type: double, doc: Currency per kWh.}
  feed_in_price: {type: double, doc: Currency per kWh taken from the customer.}
*/
WITH day AS (
  SELECT bill.period_end AS on_day
  FROM source.bill
  WHERE bill.period >= ADD_MONTHS($period, -11) AND bill.period <= $period
  UNION
  SELECT CAST(tariff_change.changed_on - INTERVAL 1 DAY AS DATE) AS on_day
  FROM facts.tariff_change
),

valid AS (
  SELECT
    tariff_rate.tariff_code,
    day.on_day,
    tariff_rate.component,
    tariff_rate.unit_price
  FROM source.tariff_rate
  JOIN day
    ON tariff_rate.valid_from <= day.on_day
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= day.on_day)
  -- Of prices that overlap the newest is meant.
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY tariff_rate.tariff_code, day.on_day, tariff_rate.component
        ORDER BY tariff_rate.step_no, tariff_rate.valid_from DESC
      )
    = 1
)

SELECT
  valid.tariff_code,
  valid.on_day,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy') AS energy_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy_sharp') AS sharp_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy_peak') AS peak_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy_flat') AS flat_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy_valley') AS valley_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'energy_deep') AS deep_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'capacity') AS capacity_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'demand') AS demand_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'surcharge') AS surcharge_price,
  MAX(valid.unit_price) FILTER (WHERE valid.component = 'feed_in') AS feed_in_price
FROM valid
GROUP BY valid.tariff_code, valid.on_day
