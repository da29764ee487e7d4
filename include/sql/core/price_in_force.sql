/*
grain: one row a tariff and component that has a price at the end of P
key: [tariff_code, component]
purpose: The price in force at the end of P, of the first step where there are several; for estimates of money.
view: true
columns:
  tariff_code: {type: string, doc: The tariff.}
  component: {type: string, doc: 'As in source.tariff_rate.'}
  unit_price: {type: double, doc: 'Currency per unit of the component (kWh, kVA and month, kW and month).'}
*/
SELECT r.tariff_code, r.component, r.unit_price
FROM source.tariff_rate AS r
WHERE r.valid_from <= $period_end AND (r.valid_to IS NULL OR r.valid_to >= $period_end)
QUALIFY ROW_NUMBER() OVER (PARTITION BY r.tariff_code, r.component ORDER BY r.step_no NULLS LAST, r.valid_from DESC) = 1
