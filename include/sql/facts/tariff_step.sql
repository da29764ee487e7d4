/*
grain: one row per stepped tariff, last day of a bill of P or the 11 months before, and step
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
  SELECT DISTINCT
    tariff_price.tariff_code,
    tariff_price.on_day
  FROM facts.tariff_price
),

valid AS (
  SELECT
    tariff_rate.tariff_code,
    day.on_day,
    tariff_rate.step_no,
    tariff_rate.step_from_kwh,
    tariff_rate.unit_price
  FROM source.tariff_rate
  JOIN source.tariff ON tariff.tariff_code = tariff_rate.tariff_code AND tariff.is_stepped
  JOIN day
    ON day.tariff_code = tariff_rate.tariff_code
    AND tariff_rate.valid_from <= day.on_day
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= day.on_day)
  WHERE tariff_rate.component = 'energy'
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY tariff_rate.tariff_code, day.on_day, tariff_rate.step_no
        ORDER BY tariff_rate.valid_from DESC
      )
    = 1
),

bounded AS (
  SELECT
    valid.tariff_code,
    valid.on_day,
    valid.step_no,
    valid.step_from_kwh,
    valid.unit_price,
    LEAD(valid.step_from_kwh)
      OVER (PARTITION BY valid.tariff_code, valid.on_day ORDER BY valid.step_from_kwh, valid.step_no)
      AS to_kwh,
    ROW_NUMBER()
      OVER (PARTITION BY valid.tariff_code, valid.on_day ORDER BY valid.step_from_kwh, valid.step_no)
      AS place
  FROM valid
)

SELECT
  bounded.tariff_code,
  bounded.on_day,
  bounded.step_no,
  bounded.step_from_kwh AS from_kwh,
  bounded.to_kwh,
  bounded.place = 1 AS is_first,
  bounded.unit_price,
  MONEY(COALESCE(SUM(MONEY((bounded.to_kwh - bounded.step_from_kwh) * bounded.unit_price)) OVER (
    PARTITION BY bounded.tariff_code, bounded.on_day
    ORDER BY bounded.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ), 0)) AS below_amount
FROM bounded
