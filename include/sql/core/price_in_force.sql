/*
grain: one row per tariff and component that has a price at the end of P
key: [tariff_code, component]
purpose: The price in force at the end of P, of the first step where there are several; for estimates of money.
view: true
columns:
  tariff_code: {type: string, doc: The tariff.}
  component: {type: string, doc: 'As in source.tariff_rate.'}
  unit_price: {type: double, doc: 'Currency per unit of the component (kWh, kVA and month, kW and month).'}
*/
SELECT
  tariff_rate.tariff_code,
  tariff_rate.component,
  tariff_rate.unit_price
FROM source.tariff_rate
WHERE
  tariff_rate.valid_from <= $period_end
  AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= $period_end)
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY tariff_rate.tariff_code, tariff_rate.component
      ORDER BY tariff_rate.step_no NULLS LAST, tariff_rate.valid_from DESC
    )
  = 1
