/*
grain: one row per bill of P or the 11 months before that corrects none, of an account whose losses are billed (hv_lv) and that has a dedicated transformer in service
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
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    COUNT(*) AS transformers,
    COUNT(*) - COUNT(loss_code.loss_code) AS unknown_codes,
    MIN(transformer.transformer_id) AS first_transformer_id,
    MAX(DATE_DIFF('day', bill.period_start, bill.period_end) + 1) AS days,
    BOOL_OR(account.running_kva = 0) AS is_idle,
    DECIMAL_SUM(loss_code.iron_loss_kwh_per_day) AS iron_kwh_per_day,
    RATIO(
      DECIMAL_SUM(loss_code.copper_loss_rate * COALESCE(transformer.rated_kva, loss_code.rated_kva)),
      DECIMAL_SUM(
        CASE
          WHEN loss_code.loss_code IS NOT NULL THEN COALESCE(transformer.rated_kva, loss_code.rated_kva)
        END
      )
    ) AS copper_rate
  FROM source.account
  JOIN source.transformer
    ON transformer.account_id = account.account_id AND transformer.ownership = 'dedicated'
  JOIN source.bill ON bill.account_id = account.account_id
  LEFT JOIN source.loss_code ON loss_code.loss_code = transformer.loss_code
  WHERE
    account.metering_mode = 'hv_lv'
    AND bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
    AND (transformer.retired_on IS NULL OR transformer.retired_on > bill.period_end)
    AND (transformer.commissioned_on IS NULL OR transformer.commissioned_on <= bill.period_end)
  GROUP BY bill.bill_id, bill.account_id, bill.period
),

suspended AS (
  SELECT
    bill.bill_id,
    COUNT(*) AS days
  FROM facts.suspension_day
  JOIN source.bill
    ON bill.account_id = suspension_day.account_id
    AND suspension_day.day >= bill.period_start
    AND suspension_day.day <= bill.period_end
  WHERE suspension_day.is_suspended
  GROUP BY bill.bill_id
),

counted AS (
  SELECT
    fed.bill_id,
    fed.account_id,
    fed.period,
    fed.transformers,
    fed.unknown_codes,
    fed.first_transformer_id,
    CASE WHEN fed.is_idle THEN 0 ELSE fed.days - COALESCE(suspended.days, 0) END AS loss_days,
    fed.iron_kwh_per_day,
    fed.copper_rate
  FROM fed
  LEFT JOIN suspended ON suspended.bill_id = fed.bill_id
)

SELECT
  counted.bill_id,
  counted.account_id,
  counted.period,
  counted.transformers,
  counted.unknown_codes,
  counted.first_transformer_id,
  counted.loss_days,
  ROUND(counted.iron_kwh_per_day * counted.loss_days, 6) AS iron_kwh,
  counted.copper_rate
FROM counted
