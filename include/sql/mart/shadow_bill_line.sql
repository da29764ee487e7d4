/*
grain: one row per bill of P that corrects none, and component that it was billed or recalculates to
key: [bill_id, component]
purpose: >-
  A bill line by line beside its recalculation: quantity, price and amount, and for each whether it stands. What was billed holds
  the bill's corrections of any month. A line is told by itself: where the bill as a whole is not recalculated, its
  prices or its energy may still stand.
columns:
  bill_id: {type: string, doc: The bill.}
  component: {type: string, doc: As on bill lines.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of the billed month.}
  unit: {type: string, doc: 'Of the quantity: kWh, kVA, kW or, for power_factor and adjustment, currency.'}
  billed_lines: {type: integer, doc: Lines of the component on the bill and its corrections.}
  billed_quantity: {type: double, doc: 'Sum of their quantities; empty where one has none.'}
  billed_price: {type: double, doc: 'Their unit price where it is one, else amount over quantity.'}
  billed_amount: {type: decimal, doc: Sum of their amounts.}
  quantity: {type: double, doc: 'Recalculated; empty where it cannot be said, as below.'}
  price: {type: double, doc: 'Recalculated; the mean where steps, parts of the bill or what is above a contract have their own.'}
  amount: {type: decimal, doc: Recalculated.}
  quantity_verdict: {type: string, doc: 'pass, fail or cannot_tell.'}
  price_verdict: {type: string, doc: 'pass, fail or cannot_tell.'}
  amount_verdict: {type: string, doc: 'pass, fail or cannot_tell.'}
  reason: {type: string, doc: Why the recalculated side cannot be said; empty where it can.}
params:
  tolerance_kwh: {same_as: TAR-06.tolerance_kwh}
  tolerance_amount: {type: number, default: 0.05, minimum: 0, doc: Currency by which a line may differ.}
  tolerance_price: {type: number, default: 0.00005, minimum: 0, doc: Currency by which a unit price may differ.}
*/
WITH component AS (
  SELECT
    component.component,
    component.unit
  FROM (
    VALUES
    ('energy', 'kWh'),
    ('energy_sharp', 'kWh'),
    ('energy_peak', 'kWh'),
    ('energy_flat', 'kWh'),
    ('energy_valley', 'kWh'),
    ('energy_deep', 'kWh'),
    ('loss_iron', 'kWh'),
    ('loss_copper', 'kWh'),
    ('capacity', 'kVA'),
    ('demand', 'kW'),
    ('power_factor', 'currency'),
    ('surcharge', 'kWh'),
    ('feed_in', 'kWh'),
    ('adjustment', 'currency')
  ) AS component (component, unit)
),

recalculated AS (
  SELECT
    shadow_bill.bill_id,
    shadow_bill.account_id,
    shadow_bill.period,
    component.component,
    component.unit,
    CASE component.component
      WHEN 'energy'
        THEN CASE
          WHEN COALESCE(tariff.is_time_of_use, FALSE) AND NOT tariff.is_stepped THEN 0
          WHEN COALESCE(tariff.is_time_of_use, FALSE) THEN NULL
          WHEN shadow_bill.energy_reason IS NOT NULL THEN NULL
          WHEN tariff.is_stepped THEN shadow_bill.billed_kwh
          ELSE shadow_bill.metered_kwh
        END
      WHEN 'energy_sharp' THEN shadow_bill.sharp_kwh
      WHEN 'energy_peak' THEN shadow_bill.peak_kwh
      WHEN 'energy_flat' THEN shadow_bill.flat_kwh
      WHEN 'energy_valley' THEN shadow_bill.valley_kwh
      WHEN 'energy_deep' THEN shadow_bill.deep_kwh
      WHEN 'loss_iron' THEN shadow_bill.iron_kwh
      WHEN 'loss_copper' THEN shadow_bill.copper_kwh
      WHEN 'capacity' THEN shadow_bill.charged_kva
      WHEN 'demand' THEN shadow_bill.charged_kw
      WHEN 'power_factor' THEN CAST(shadow_bill.factor_base_amount AS DOUBLE)
      WHEN 'surcharge' THEN shadow_bill.iron_kwh + shadow_bill.copper_kwh + shadow_bill.metered_kwh
      WHEN 'feed_in' THEN -shadow_bill.export_kwh
    END AS quantity,
    CASE component.component
      WHEN 'energy' THEN shadow_bill.steps_amount
      WHEN 'energy_sharp' THEN shadow_bill.sharp_amount
      WHEN 'energy_peak' THEN shadow_bill.peak_amount
      WHEN 'energy_flat' THEN shadow_bill.flat_amount
      WHEN 'energy_valley' THEN shadow_bill.valley_amount
      WHEN 'energy_deep' THEN shadow_bill.deep_amount
      WHEN 'loss_iron' THEN shadow_bill.iron_amount
      WHEN 'loss_copper' THEN shadow_bill.copper_amount
      WHEN 'capacity' THEN shadow_bill.kva_amount
      WHEN 'demand' THEN shadow_bill.kw_amount
      WHEN 'power_factor' THEN shadow_bill.factor_amount
      WHEN 'surcharge' THEN shadow_bill.addition_amount
      WHEN 'feed_in' THEN shadow_bill.export_amount
    END AS amount,
    -- One price for the whole line, where there is one.
    CASE
      WHEN tariff_part.parts > 1 THEN NULL
      WHEN component.component = 'energy' AND NOT tariff.is_stepped THEN tariff_part.energy_price
      WHEN component.component = 'energy_sharp' THEN tariff_part.sharp_price
      WHEN component.component = 'energy_peak' THEN tariff_part.peak_price
      WHEN component.component = 'energy_flat' THEN tariff_part.flat_price
      WHEN component.component = 'energy_valley' THEN tariff_part.valley_price
      WHEN component.component = 'energy_deep' THEN tariff_part.deep_price
      WHEN
        component.component IN ('loss_iron', 'loss_copper')
        THEN CASE
          WHEN tariff.is_time_of_use THEN tariff_part.flat_price ELSE tariff_part.energy_price
        END
      WHEN component.component = 'surcharge' THEN tariff_part.surcharge_price
      WHEN component.component = 'feed_in' THEN tariff_part.feed_in_price
      WHEN component.component = 'capacity' THEN shadow_bill.charged_price
      WHEN
        component.component = 'demand' AND shadow_bill.kw_amount = MONEY(
          shadow_bill.charged_kw * shadow_bill.charged_price
        )
        THEN shadow_bill.charged_price
    END AS unit_price,
    CASE
      WHEN component.component = 'adjustment' THEN 'no_recalculation'
      WHEN component.component IN ('capacity', 'demand') THEN shadow_bill.charge_reason
      WHEN component.component = 'power_factor' THEN shadow_bill.factor_reason
      ELSE shadow_bill.energy_reason
    END AS reason
  FROM facts.shadow_bill
  JOIN source.bill ON bill.bill_id = shadow_bill.bill_id
  JOIN source.account ON account.account_id = shadow_bill.account_id
  LEFT JOIN source.tariff ON tariff.tariff_code = shadow_bill.tariff_code
  LEFT JOIN facts.tariff_part
    ON tariff_part.tariff_code = shadow_bill.tariff_code
    AND tariff_part.period_start = bill.period_start
    AND tariff_part.period_end = bill.period_end
    AND tariff_part.months = COALESCE(account.billing_months, 1)
    AND tariff_part.part_no = 1
  CROSS JOIN component
),

member AS (
  SELECT
    shadow_bill.bill_id AS root_bill_id,
    shadow_bill.bill_id
  FROM facts.shadow_bill
  UNION ALL
  SELECT
    bill_correction.bill_id,
    bill_correction.correction_bill_id
  FROM facts.bill_correction
  JOIN facts.shadow_bill ON shadow_bill.bill_id = bill_correction.bill_id
),

billed AS (
  SELECT
    member.root_bill_id,
    bill_line.component,
    COUNT(*) AS lines,
    CASE WHEN COUNT(bill_line.quantity) = COUNT(*) THEN DECIMAL_SUM(bill_line.quantity) END AS quantity,
    MIN(bill_line.unit_price) AS lowest_price,
    MAX(bill_line.unit_price) AS highest_price,
    MONEY(SUM(bill_line.amount)) AS amount
  FROM member
  JOIN source.bill_line ON bill_line.bill_id = member.bill_id
  GROUP BY member.root_bill_id, bill_line.component
),

beside AS (
  SELECT
    recalculated.bill_id,
    recalculated.component,
    recalculated.account_id,
    recalculated.period,
    recalculated.unit,
    COALESCE(billed.lines, 0) AS billed_lines,
    CASE WHEN billed.lines IS NULL THEN CAST(0 AS DOUBLE) ELSE billed.quantity END AS billed_quantity,
    CASE
      WHEN billed.lowest_price = billed.highest_price THEN billed.lowest_price
      ELSE RATIO(billed.amount, billed.quantity)
    END AS billed_price,
    billed.lowest_price = billed.highest_price AS is_billed_at_one_price,
    MONEY(COALESCE(billed.amount, 0)) AS billed_amount,
    CASE WHEN recalculated.reason IS NULL THEN recalculated.quantity END AS quantity,
    COALESCE(
      recalculated.unit_price,
      CASE
        WHEN recalculated.reason IS NULL
          THEN RATIO(CAST(recalculated.amount AS DOUBLE), recalculated.quantity)
      END
    ) AS price,
    recalculated.unit_price IS NOT NULL AS is_one_price,
    CASE WHEN recalculated.reason IS NULL THEN recalculated.amount END AS amount,
    recalculated.reason
  FROM recalculated
  LEFT JOIN billed
    ON billed.root_bill_id = recalculated.bill_id AND billed.component = recalculated.component
  WHERE billed.lines IS NOT NULL OR recalculated.amount <> 0
)

SELECT
  beside.bill_id,
  beside.component,
  beside.account_id,
  beside.period,
  beside.unit,
  beside.billed_lines,
  beside.billed_quantity,
  beside.billed_price,
  beside.billed_amount,
  beside.quantity,
  beside.price,
  beside.amount,
  CASE
    WHEN beside.billed_quantity IS NULL OR beside.quantity IS NULL THEN 'cannot_tell'
    -- What is fed in is written with either sign.
    WHEN
      ROUND(
        CASE
          WHEN beside.component = 'feed_in' THEN ABS(ABS(beside.billed_quantity) - ABS(beside.quantity))
          ELSE ABS(beside.billed_quantity - beside.quantity)
        END, 6
      )
      <= $tolerance_kwh
      THEN 'pass'
    ELSE 'fail'
  END AS quantity_verdict,
  CASE
    WHEN beside.billed_price IS NULL OR beside.price IS NULL THEN 'cannot_tell'
    -- A mean of rounded amounts is as exact as these are.
    WHEN
      ROUND(ABS(ABS(beside.billed_price) - ABS(beside.price)), 9)
      <= CASE
        WHEN beside.is_billed_at_one_price AND beside.is_one_price THEN $tolerance_price
        ELSE GREATEST($tolerance_price, COALESCE(RATIO($tolerance_amount, ABS(beside.billed_quantity)), 0))
      END
      THEN 'pass'
    ELSE 'fail'
  END AS price_verdict,
  CASE
    WHEN beside.amount IS NULL THEN 'cannot_tell'
    WHEN ROUND(ABS(CAST(beside.billed_amount - beside.amount AS DOUBLE)), 6) <= $tolerance_amount THEN 'pass'
    ELSE 'fail'
  END AS amount_verdict,
  beside.reason
FROM beside
