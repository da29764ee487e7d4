/*
grain: one row per tariff, days and months of a bill of P or the 11 months before, and part of those days
key: [tariff_code, period_start, period_end, months, part_no]
purpose: >-
  The parts into which the days of a bill fall where rates change within it, each with its prices; a single one where
  they do not.
columns:
  tariff_code: {type: string, doc: The tariff.}
  period_start: {type: date, doc: First day of the bill.}
  period_end: {type: date, doc: 'Last day of the bill, included.'}
  months: {type: integer, doc: Months that a bill of the account covers (billing_months).}
  part_no: {type: integer, doc: 1 the first part.}
  parts: {type: integer, doc: Parts of the bill.}
  part_start: {type: date, doc: First day of the part.}
  part_end: {type: date, doc: 'Last day of the part, included.'}
  day_share: {type: double, doc: Days of the part over days of the bill.}
  has_rate: {type: boolean, doc: Each part has a rate.}
  energy_price: {type: double, doc: 'Flat energy, currency per kWh (of the first step where stepped); each price is empty where there is none.'}
  sharp_price: {type: double, doc: Currency per kWh.}
  peak_price: {type: double, doc: Currency per kWh.}
  flat_price: {type: double, doc: Currency per kWh.}
  valley_price: {type: double, doc: Currency per kWh.}
  deep_price: {type: double, doc: Currency per kWh in deep valley.}
  has_deep_price: {type: boolean, doc: Some part has a price of deep valley.}
  surcharge_price: {type: double, doc: Currency per kWh.}
  feed_in_price: {type: double, doc: Currency per kWh taken from the customer.}
  has_feed_in_price: {type: boolean, doc: Some part has a price of what is fed in.}
  capacity_price: {type: double, doc: 'Currency per kVA and month, the mean of the parts by days; empty where one has none.'}
  demand_price: {type: double, doc: 'Currency per kW and month, likewise.'}
*/
WITH span AS (
  SELECT DISTINCT
    bill.period_start,
    bill.period_end,
    CAST(COALESCE(account.billing_months, 1) AS BIGINT) AS months
  FROM source.bill
  JOIN source.account ON account.account_id = bill.account_id
  WHERE
    bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
    AND bill.period_start <= bill.period_end
),

began AS (
  SELECT
    tariff.tariff_code,
    span.period_start,
    span.period_end,
    span.months,
    span.period_start AS part_start
  FROM span
  CROSS JOIN source.tariff
  UNION ALL
  SELECT
    tariff_change.tariff_code,
    span.period_start,
    span.period_end,
    span.months,
    tariff_change.changed_on
  FROM span
  JOIN facts.tariff_change
    ON tariff_change.changed_on > span.period_start AND tariff_change.changed_on <= span.period_end
),

part AS (
  SELECT
    began.tariff_code,
    began.period_start,
    began.period_end,
    began.months,
    began.part_start,
    CAST(
      LEAD(began.part_start) OVER (
        PARTITION BY began.tariff_code, began.period_start, began.period_end, began.months
        ORDER BY began.part_start
      ) - INTERVAL 1 DAY AS DATE
    ) AS last_on,
    ROW_NUMBER() OVER (
      PARTITION BY began.tariff_code, began.period_start, began.period_end, began.months
      ORDER BY began.part_start
    ) AS part_no,
    COUNT(*) OVER (
      PARTITION BY began.tariff_code, began.period_start, began.period_end, began.months
    ) AS parts
  FROM began
),

priced AS (
  SELECT
    part.tariff_code,
    part.period_start,
    part.period_end,
    part.months,
    part.part_no,
    part.parts,
    part.part_start,
    COALESCE(part.last_on, part.period_end) AS part_end,
    DATE_DIFF('day', part.part_start, COALESCE(part.last_on, part.period_end)) + 1 AS part_days,
    DATE_DIFF('day', part.period_start, part.period_end) + 1 AS days,
    tariff_price.tariff_code IS NOT NULL AS is_rated,
    tariff_price.energy_price,
    tariff_price.sharp_price,
    tariff_price.peak_price,
    tariff_price.flat_price,
    tariff_price.valley_price,
    tariff_price.deep_price,
    tariff_price.surcharge_price,
    tariff_price.feed_in_price,
    tariff_price.capacity_price,
    tariff_price.demand_price
  FROM part
  LEFT JOIN facts.tariff_price
    ON tariff_price.tariff_code = part.tariff_code
    AND tariff_price.on_day = COALESCE(part.last_on, part.period_end)
),

whole AS (
  SELECT
    priced.tariff_code,
    priced.period_start,
    priced.period_end,
    priced.months,
    BOOL_AND(priced.is_rated) AS has_rate,
    COUNT(priced.deep_price) > 0 AS has_deep_price,
    COUNT(priced.feed_in_price) > 0 AS has_feed_in_price,
    CASE
      WHEN COUNT(priced.capacity_price) = COUNT(*)
        THEN RATIO(DECIMAL_SUM(priced.capacity_price * priced.part_days), MAX(priced.days))
    END AS capacity_price,
    CASE
      WHEN COUNT(priced.demand_price) = COUNT(*)
        THEN RATIO(DECIMAL_SUM(priced.demand_price * priced.part_days), MAX(priced.days))
    END AS demand_price
  FROM priced
  GROUP BY priced.tariff_code, priced.period_start, priced.period_end, priced.months
)

SELECT
  priced.tariff_code,
  priced.period_start,
  priced.period_end,
  priced.months,
  priced.part_no,
  priced.parts,
  priced.part_start,
  priced.part_end,
  RATIO(priced.part_days, priced.days) AS day_share,
  whole.has_rate,
  priced.energy_price,
  priced.sharp_price,
  priced.peak_price,
  priced.flat_price,
  priced.valley_price,
  priced.deep_price,
  whole.has_deep_price,
  priced.surcharge_price,
  priced.feed_in_price,
  whole.has_feed_in_price,
  CASE WHEN priced.parts = 1 THEN priced.capacity_price ELSE whole.capacity_price END AS capacity_price,
  CASE WHEN priced.parts = 1 THEN priced.demand_price ELSE whole.demand_price END AS demand_price
FROM priced
JOIN whole
  ON whole.tariff_code = priced.tariff_code
  AND whole.period_start = priced.period_start
  AND whole.period_end = priced.period_end
  AND whole.months = priced.months
