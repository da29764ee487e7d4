/*
grain: one row a live account billed by time of use
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
  SELECT r.tariff_code,
         MAX(r.unit_price) FILTER (WHERE r.component = 'energy_sharp') AS sharp,
         MAX(r.unit_price) FILTER (WHERE r.component = 'energy_peak') AS peak,
         MAX(r.unit_price) FILTER (WHERE r.component = 'energy_valley') AS valley
  FROM source.tariff_rate AS r
  WHERE r.valid_from <= $period_end AND (r.valid_to IS NULL OR r.valid_to >= $period_end)
  GROUP BY r.tariff_code
),
used AS (
  SELECT b.account_id,
         COALESCE(SUM(CAST(l.quantity AS DECIMAL(18,3))) FILTER (WHERE l.component = 'energy_sharp'), 0) AS sharp_kwh,
         COALESCE(SUM(CAST(l.quantity AS DECIMAL(18,3))) FILTER (WHERE l.component = 'energy_peak'), 0) AS peak_kwh
  FROM source.bill AS b
  JOIN source.bill_line AS l ON l.bill_id = b.bill_id
  WHERE b.period BETWEEN ADD_MONTHS($period, -11) AND $period AND l.component IN ('energy_sharp', 'energy_peak')
  GROUP BY b.account_id
)
SELECT a.account_id,
       a.tariff_code,
       CAST(u.sharp_kwh + u.peak_kwh AS DOUBLE) AS peak_kwh,
       ROUND(CAST(u.sharp_kwh + u.peak_kwh AS DOUBLE) * CAST($shift_share AS DOUBLE), 3) AS shifted_kwh,
       MONEY((CAST(u.sharp_kwh AS DOUBLE) * (COALESCE(r.sharp, r.peak) - r.valley) + CAST(u.peak_kwh AS DOUBLE) * (r.peak - r.valley))
                       * CAST($shift_share AS DOUBLE)) AS saving_amount,
       ROUND(RATIO(CAST(u.sharp_kwh + u.peak_kwh AS DOUBLE) * CAST($shift_share AS DOUBLE), 365 * CAST($peak_hours AS DOUBLE)), 3) AS relieved_kw
FROM core.live_account AS a
JOIN used AS u ON u.account_id = a.account_id
JOIN rate AS r ON r.tariff_code = a.tariff_code
WHERE r.peak IS NOT NULL AND r.valley IS NOT NULL AND u.sharp_kwh + u.peak_kwh > 0
