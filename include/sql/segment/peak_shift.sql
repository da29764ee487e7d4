/*
grain: one row per live account billed by time of use
key: [account_id]
purpose: What an account would save in a year by moving a share of its sharp and peak energy to the valley, at the rates valid on the last day of P.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: Its tariff.}
  peak_kwh: {type: double, doc: Sharp and peak energy billed in 12 periods.}
  shifted_kwh: {type: double, doc: The share that is moved.}
  saving_amount: {type: decimal, doc: What the account would save and the utility would lose in a year.}
  relieved_kw: {type: double, doc: 'Mean power taken off the peak: shifted energy over 12 months of peak_hours a day.'}
params:
  shift_share: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: Share of sharp and peak energy that is moved.}
  peak_hours: {type: number, default: 8, minimum: 1, maximum: 24, doc: Sharp and peak hours of a day.}
*/
WITH rate AS (
  SELECT
    tariff_rate.tariff_code,
    MAX(tariff_rate.unit_price) FILTER (WHERE tariff_rate.component = 'energy_sharp') AS sharp,
    MAX(tariff_rate.unit_price) FILTER (WHERE tariff_rate.component = 'energy_peak') AS peak,
    MAX(tariff_rate.unit_price) FILTER (WHERE tariff_rate.component = 'energy_valley') AS valley
  FROM source.tariff_rate
  WHERE
    tariff_rate.valid_from <= $period_end
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= $period_end)
  GROUP BY tariff_rate.tariff_code
),

used AS (
  SELECT
    bill.account_id,
    COALESCE(
      SUM(CAST(bill_line.quantity AS DECIMAL(18, 3))) FILTER (WHERE bill_line.component = 'energy_sharp'), 0
    ) AS sharp_kwh,
    COALESCE(
      SUM(CAST(bill_line.quantity AS DECIMAL(18, 3))) FILTER (WHERE bill_line.component = 'energy_peak'), 0
    ) AS peak_kwh
  FROM source.bill
  JOIN source.bill_line ON bill_line.bill_id = bill.bill_id
  WHERE
    bill.period BETWEEN ADD_MONTHS($period, -11) AND $period
    AND bill_line.component IN ('energy_sharp', 'energy_peak')
  GROUP BY bill.account_id
)

SELECT
  live_account.account_id,
  live_account.tariff_code,
  CAST(used.sharp_kwh + used.peak_kwh AS DOUBLE) AS peak_kwh,
  ROUND(CAST(used.sharp_kwh + used.peak_kwh AS DOUBLE) * CAST($shift_share AS DOUBLE), 3) AS shifted_kwh,
  MONEY(
    (
      CAST(used.sharp_kwh AS DOUBLE) * (COALESCE(rate.sharp, rate.peak) - rate.valley)
      + CAST(used.peak_kwh AS DOUBLE) * (rate.peak - rate.valley)
    )
    * CAST($shift_share AS DOUBLE)
  ) AS saving_amount,
  ROUND(
    RATIO(
      CAST(used.sharp_kwh + used.peak_kwh AS DOUBLE) * CAST($shift_share AS DOUBLE),
      365 * CAST($peak_hours AS DOUBLE)
    ),
    3
  ) AS relieved_kw
FROM core.live_account
JOIN used ON used.account_id = live_account.account_id
JOIN rate ON rate.tariff_code = live_account.tariff_code
WHERE rate.peak IS NOT NULL AND rate.valley IS NOT NULL AND used.sharp_kwh + used.peak_kwh > 0
