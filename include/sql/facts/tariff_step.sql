/*
grain: one row per stepped tariff, days and months of a bill of P or the 11 months before, part of those days, and step
key: [tariff_code, period_start, period_end, months, part_no, step_no]
purpose: >-
  The steps of an energy price in a part of a bill, with what all full steps below cost. The limits of a month count as
  many times as the bill covers months, and in a part of it by its days; those of a year stand as they are. None where
  one of them, or the first, has no price.
columns:
  tariff_code: {type: string, doc: The tariff.}
  period_start: {type: date, doc: First day of the bill.}
  period_end: {type: date, doc: 'Last day of the bill, included.'}
  months: {type: integer, doc: Months that the bill covers.}
  part_no: {type: integer, doc: As in facts.tariff_part.}
  step_no: {type: integer, doc: As in the tariff.}
  from_kwh: {type: double, doc: kWh at which the step begins.}
  to_kwh: {type: double, doc: Where the next begins; empty for the last.}
  is_first: {type: boolean, doc: The lowest step; it also takes what is below 0.}
  unit_price: {type: double, doc: Currency per kWh.}
  below_amount: {type: decimal, doc: 'The full steps below, each rounded.'}
  extra_price: {type: double, doc: 'unit_price less that of the first step: what a slice adds to the prices by time of use.'}
  below_extra_amount: {type: decimal, doc: 'What the full steps below add, each rounded.'}
*/
WITH valid AS (
  SELECT
    tariff_part.tariff_code,
    tariff_part.period_start,
    tariff_part.period_end,
    tariff_part.months,
    tariff_part.part_no,
    tariff_rate.step_no,
    CASE
      WHEN tariff.step_basis = 'year' THEN tariff_rate.step_from_kwh
      ELSE tariff_rate.step_from_kwh * tariff_part.months * tariff_part.day_share
    END AS step_from_kwh,
    tariff_rate.unit_price
  FROM source.tariff_rate
  JOIN source.tariff ON tariff.tariff_code = tariff_rate.tariff_code AND tariff.is_stepped
  JOIN facts.tariff_part
    ON tariff_part.tariff_code = tariff_rate.tariff_code
    AND tariff_rate.valid_from <= tariff_part.part_end
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= tariff_part.part_end)
  WHERE tariff_rate.component = 'energy'
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY
          tariff_part.tariff_code,
          tariff_part.period_start,
          tariff_part.period_end,
          tariff_part.months,
          tariff_part.part_no,
          tariff_rate.step_no
        ORDER BY tariff_rate.valid_from DESC
      )
    = 1
),

bounded AS (
  SELECT
    valid.*,
    LEAD(valid.step_from_kwh) OVER w AS to_kwh,
    ROW_NUMBER() OVER w AS place,
    MIN(valid.step_from_kwh) OVER (
      PARTITION BY
        valid.tariff_code, valid.period_start, valid.period_end, valid.months, valid.part_no
    ) AS lowest_kwh,
    MAX(valid.step_no)
      OVER (
        PARTITION BY
          valid.tariff_code, valid.period_start, valid.period_end, valid.months, valid.part_no
      )
    - MIN(valid.step_no)
      OVER (
        PARTITION BY
          valid.tariff_code, valid.period_start, valid.period_end, valid.months, valid.part_no
      )
    + 1
    - COUNT(*) OVER (
      PARTITION BY
        valid.tariff_code, valid.period_start, valid.period_end, valid.months, valid.part_no
    ) AS steps_missing,
    FIRST_VALUE(valid.unit_price) OVER w AS first_price
  FROM valid
  WINDOW
    w AS (
      PARTITION BY
        valid.tariff_code, valid.period_start, valid.period_end, valid.months, valid.part_no
      ORDER BY valid.step_from_kwh, valid.step_no
    )
)

SELECT
  bounded.tariff_code,
  bounded.period_start,
  bounded.period_end,
  bounded.months,
  bounded.part_no,
  bounded.step_no,
  bounded.step_from_kwh AS from_kwh,
  bounded.to_kwh,
  bounded.place = 1 AS is_first,
  bounded.unit_price,
  MONEY(
    COALESCE(SUM(MONEY((bounded.to_kwh - bounded.step_from_kwh) * bounded.unit_price)) OVER below, 0)
  ) AS below_amount,
  bounded.unit_price - bounded.first_price AS extra_price,
  MONEY(
    COALESCE(
      SUM(
        MONEY(
          (bounded.to_kwh - bounded.step_from_kwh) * (bounded.unit_price - bounded.first_price)
        )
      ) OVER below, 0
    )
  ) AS below_extra_amount
FROM bounded
-- Where a step has no price on the day, what its kWh cost is not told by the steps beside it.
WHERE bounded.lowest_kwh = 0 AND bounded.steps_missing = 0
WINDOW
  below AS (
    PARTITION BY
      bounded.tariff_code, bounded.period_start, bounded.period_end, bounded.months, bounded.part_no
    ORDER BY bounded.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
