/*
grain: one row a stepped tariff, last day of a bill of P or the 11 months before, and step
key: [tariff_code, on_day, step_no]
purpose: The steps of an energy price that are valid on a day, with what all full steps below cost.
columns:
  tariff_code: {type: string, doc: The tariff.}
  on_day: {type: date, doc: The day.}
  step_no: {type: integer, doc: As in the tariff.}
  from_kwh: {type: double, doc: The month's kWh at which the step begins.}
  to_kwh: {type: double, doc: Where the next begins; empty for the last.}
  is_first: {type: boolean, doc: The lowest step; it also takes what is below 0.}
  unit_price: {type: double, doc: Currency per kWh.}
  below_amount: {type: decimal, doc: 'The full steps below, each rounded.'}
*/
WITH day AS (
  SELECT DISTINCT p.tariff_code, p.on_day
  FROM facts.tariff_price AS p
),
valid AS (
  SELECT r.tariff_code, d.on_day, r.step_no, r.step_from_kwh, r.unit_price
  FROM source.tariff_rate AS r
  JOIN source.tariff AS t ON t.tariff_code = r.tariff_code AND t.is_stepped
  JOIN day AS d ON d.tariff_code = r.tariff_code AND r.valid_from <= d.on_day AND (r.valid_to IS NULL OR r.valid_to >= d.on_day)
  WHERE r.component = 'energy'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY r.tariff_code, d.on_day, r.step_no ORDER BY r.valid_from DESC) = 1
),
bounded AS (
  SELECT v.tariff_code,
         v.on_day,
         v.step_no,
         v.step_from_kwh,
         v.unit_price,
         LEAD(v.step_from_kwh) OVER (PARTITION BY v.tariff_code, v.on_day ORDER BY v.step_from_kwh, v.step_no) AS to_kwh,
         ROW_NUMBER() OVER (PARTITION BY v.tariff_code, v.on_day ORDER BY v.step_from_kwh, v.step_no) AS place
  FROM valid AS v
)
SELECT b.tariff_code,
       b.on_day,
       b.step_no,
       b.step_from_kwh AS from_kwh,
       b.to_kwh,
       b.place = 1 AS is_first,
       b.unit_price,
       MONEY(COALESCE(SUM(MONEY((b.to_kwh - b.step_from_kwh) * b.unit_price)) OVER (
         PARTITION BY b.tariff_code, b.on_day ORDER BY b.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ), 0)) AS below_amount
FROM bounded AS b
