/*
grain: one row a bill of P or the 11 months before that corrects none, of an account whose losses are billed (hv_lv) and that has a dedicated transformer in service
key: [bill_id]
purpose: Transformer losses by the loss codes, over the dedicated transformers in service after the bill's last day.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  transformers: {type: integer, doc: Transformers counted.}
  unknown_codes: {type: integer, doc: Of them without a known loss code.}
  first_transformer_id: {type: string, doc: The first of them by id.}
  loss_days: {type: integer, doc: Days of the bill on which the account was not suspended.}
  iron_kwh: {type: double, doc: Iron loss over those days.}
  copper_rate: {type: double, doc: 'kWh lost for each kWh metered, averaged by rated_kva.'}
*/
WITH fed AS (
  SELECT b.bill_id,
         b.account_id,
         b.period,
         COUNT(*) AS transformers,
         COUNT(*) - COUNT(l.loss_code) AS unknown_codes,
         MIN(t.transformer_id) AS first_transformer_id,
         MAX(DATE_DIFF('day', b.period_start, b.period_end) + 1) AS days,
         BOOL_OR(a.running_kva = 0) AS is_idle,
         DECIMAL_SUM(l.iron_loss_kwh_per_day) AS iron_kwh_per_day,
         RATIO(DECIMAL_SUM(l.copper_loss_rate * COALESCE(t.rated_kva, l.rated_kva)), DECIMAL_SUM(CASE WHEN l.loss_code IS NOT NULL THEN COALESCE(t.rated_kva, l.rated_kva) END)) AS copper_rate
  FROM source.account AS a
  JOIN source.transformer AS t ON t.account_id = a.account_id AND t.ownership = 'dedicated'
  JOIN source.bill AS b ON b.account_id = a.account_id
  LEFT JOIN source.loss_code AS l ON l.loss_code = t.loss_code
  WHERE a.metering_mode = 'hv_lv'
    AND b.corrects_bill_id IS NULL
    AND b.period >= ADD_MONTHS($period, -11)
    AND b.period <= $period
    AND (t.retired_on IS NULL OR t.retired_on > b.period_end)
    AND (t.commissioned_on IS NULL OR t.commissioned_on <= b.period_end)
  GROUP BY b.bill_id, b.account_id, b.period
),
suspended AS (
  SELECT b.bill_id, COUNT(*) AS days
  FROM facts.suspension_day AS s
  JOIN source.bill AS b ON b.account_id = s.account_id AND s.day >= b.period_start AND s.day <= b.period_end
  WHERE s.is_suspended
  GROUP BY b.bill_id
),
counted AS (
  SELECT f.bill_id,
         f.account_id,
         f.period,
         f.transformers,
         f.unknown_codes,
         f.first_transformer_id,
         CASE WHEN f.is_idle THEN 0 ELSE f.days - COALESCE(s.days, 0) END AS loss_days,
         f.iron_kwh_per_day,
         f.copper_rate
  FROM fed AS f
  LEFT JOIN suspended AS s ON s.bill_id = f.bill_id
)
SELECT c.bill_id,
       c.account_id,
       c.period,
       c.transformers,
       c.unknown_codes,
       c.first_transformer_id,
       c.loss_days,
       ROUND(c.iron_kwh_per_day * c.loss_days, 6) AS iron_kwh,
       c.copper_rate
FROM counted AS c
