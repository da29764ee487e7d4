/*
grain: one row per request of facts.price_request and part of the bill's days with rates of their own
key: [bill_id, purpose, tariff_code, demand_basis, part_no]
purpose: >-
  What follows from the rates of each part of a bill: its energy, loss, surcharge and feed-in lines, each rounded half up to
  0.01. What is charged for the whole bill is in facts.priced.
view: true
columns:
  purpose: {type: string, doc: As requested.}
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  tariff_code: {type: string, doc: The tariff priced on.}
  demand_basis: {type: string, doc: The basis priced by.}
  part_no: {type: integer, doc: As in facts.tariff_part.}
  parts: {type: integer, doc: Parts of the bill.}
  spread: {type: string, doc: 'By what the energy of the parts is told: intervals or days; empty where there is one part.'}
  is_stepped: {type: boolean, doc: Of the tariff.}
  is_prorated: {type: boolean, doc: The tariff charges capacity and demand by days for part of a month.}
  charged_basis: {type: string, doc: 'demand_basis where the tariff is two-part, else empty.'}
  capacity_price: {type: double, doc: Mean of the parts by days.}
  demand_price: {type: double, doc: Mean of the parts by days.}
  energy_reason: {type: string, doc: Why these lines cannot be said; empty where they can.}
  energy_amount: {type: decimal, doc: 'Line energy of the part: flat, by steps, or what the steps add to the prices by time of use.'}
  sharp_amount: {type: decimal, doc: Line energy_sharp.}
  peak_amount: {type: decimal, doc: Line energy_peak.}
  flat_amount: {type: decimal, doc: Line energy_flat.}
  valley_amount: {type: decimal, doc: Line energy_valley.}
  deep_amount: {type: decimal, doc: Line energy_deep.}
  loss_iron_amount: {type: decimal, doc: Line loss_iron.}
  loss_copper_amount: {type: decimal, doc: Line loss_copper.}
  surcharge_amount: {type: decimal, doc: Line surcharge.}
  feed_in_amount: {type: decimal, doc: 'Line feed_in, taken off.'}
  metered_kwh: {type: double, doc: As requested.}
  sharp_kwh: {type: double, doc: As requested.}
  peak_kwh: {type: double, doc: As requested.}
  flat_kwh: {type: double, doc: As requested.}
  valley_kwh: {type: double, doc: As requested.}
  deep_kwh: {type: double, doc: As requested.}
  export_kwh: {type: double, doc: As requested.}
  main_active_kwh: {type: double, doc: As requested.}
  reactive_kvarh: {type: double, doc: As requested.}
  demand_kw: {type: double, doc: As requested.}
  contract_demand_kw: {type: double, doc: As requested.}
  iron_kwh: {type: double, doc: As requested.}
  copper_kwh: {type: double, doc: As requested.}
  contracted_kva: {type: double, doc: As requested.}
  mean_kva: {type: double, doc: As requested.}
  months: {type: integer, doc: As requested.}
  length: {type: string, doc: As requested.}
  in_force_months: {type: double, doc: As requested.}
  kva_months: {type: double, doc: As requested.}
  in_force_kva: {type: double, doc: As requested.}
  in_force_share: {type: double, doc: As requested.}
  is_grown: {type: boolean, doc: As requested.}
  power_factor_standard: {type: double, doc: As requested.}
  power_factor: {type: double, doc: As requested.}
  period_start: {type: date, doc: As requested.}
  is_estimated: {type: boolean, doc: As requested.}
  energy_not_checked: {type: string, doc: As requested.}
*/
WITH input AS (
  SELECT
    price_request.purpose,
    price_request.bill_id,
    price_request.account_id,
    price_request.period,
    price_request.tariff_code,
    price_request.demand_basis,
    price_request.metered_kwh,
    price_request.sharp_kwh,
    price_request.peak_kwh,
    price_request.flat_kwh,
    price_request.valley_kwh,
    price_request.deep_kwh,
    price_request.export_kwh,
    price_request.main_active_kwh,
    price_request.reactive_kvarh,
    price_request.demand_kw,
    price_request.contract_demand_kw,
    price_request.iron_kwh,
    price_request.copper_kwh,
    price_request.contracted_kva,
    price_request.mean_kva,
    price_request.months,
    price_request.length,
    price_request.in_force_months,
    price_request.kva_months,
    price_request.in_force_kva,
    price_request.in_force_share,
    price_request.is_grown,
    price_request.power_factor_standard,
    price_request.power_factor,
    price_request.period_start,
    price_request.is_estimated,
    price_request.energy_not_checked,
    price_request.not_checked,
    price_request.lacks_four,
    price_request.lacks_five,
    price_request.year_not_checked,
    price_request.year_before_kwh,
    price_request.iron_kwh + price_request.copper_kwh AS loss_kwh,
    price_request.metered_kwh + price_request.iron_kwh + price_request.copper_kwh AS billed_kwh,
    COALESCE(tariff.is_stepped, FALSE) AS is_stepped,
    COALESCE(tariff.is_stepped AND tariff.step_basis = 'year', FALSE) AS has_year_steps,
    COALESCE(tariff.is_time_of_use, FALSE) AS is_time_of_use,
    COALESCE(tariff.proration = 'days', FALSE) AS is_prorated,
    CASE WHEN tariff.is_two_part AND price_request.demand_basis <> 'none' THEN price_request.demand_basis END
      AS charged_basis,
    CASE
      WHEN tariff.is_stepped AND tariff.step_basis = 'year' THEN COALESCE(price_request.year_before_kwh, 0)
      ELSE 0
    END AS before_kwh,
    COALESCE(tariff_part.part_no, 1) AS part_no,
    COALESCE(tariff_part.parts, 1) AS parts,
    COALESCE(tariff_part.has_rate, FALSE) AS has_rate,
    COALESCE(tariff_part.has_deep_price, FALSE) AS has_deep_price,
    COALESCE(tariff_part.has_feed_in_price, FALSE) AS has_feed_in_price,
    tariff_part.energy_price,
    tariff_part.sharp_price,
    tariff_part.peak_price,
    tariff_part.flat_price,
    tariff_part.valley_price,
    tariff_part.deep_price,
    CASE WHEN tariff.is_time_of_use THEN tariff_part.flat_price ELSE tariff_part.energy_price END
      AS loss_price,
    tariff_part.capacity_price,
    tariff_part.demand_price,
    COALESCE(tariff_part.surcharge_price, 0) AS surcharge_price,
    tariff_part.feed_in_price,
    price_request.period_end,
    COALESCE(tariff_part.day_share, 1) AS day_share,
    CASE
      WHEN COALESCE(tariff_part.parts, 1) = 1 THEN NULL
      WHEN part_spread.bill_id IS NOT NULL OR next_spread.bill_id IS NOT NULL THEN 'intervals'
      ELSE 'days'
    END AS spread,
    CASE
      WHEN COALESCE(tariff_part.parts, 1) = 1 THEN 1
      WHEN part_spread.bill_id IS NOT NULL OR next_spread.bill_id IS NOT NULL
        THEN COALESCE(next_spread.share_before, 1) - COALESCE(part_spread.share_before, 0)
      ELSE tariff_part.day_share
    END AS share
  FROM facts.price_request
  LEFT JOIN source.tariff ON tariff.tariff_code = price_request.tariff_code
  LEFT JOIN facts.tariff_part
    ON tariff_part.tariff_code = price_request.tariff_code
    AND tariff_part.period_start = price_request.period_start
    AND tariff_part.period_end = price_request.period_end
    AND tariff_part.months = price_request.months
  LEFT JOIN facts.bill_spread AS part_spread
    ON part_spread.bill_id = price_request.bill_id
    AND tariff_part.parts > 1
    AND part_spread.day = tariff_part.part_start
  LEFT JOIN facts.bill_spread AS next_spread
    ON next_spread.bill_id = price_request.bill_id
    AND tariff_part.parts > 1
    AND next_spread.day = CAST(tariff_part.part_end + INTERVAL 1 DAY AS DATE)
),

split AS (
  SELECT
    input.*,
    input.metered_kwh * input.share + input.iron_kwh * input.day_share + input.copper_kwh * input.share
      AS part_kwh
  FROM input
)

SELECT
  split.purpose,
  split.bill_id,
  split.account_id,
  split.period,
  split.tariff_code,
  split.demand_basis,
  split.part_no,
  split.parts,
  split.spread,
  split.is_stepped,
  split.is_prorated,
  split.charged_basis,
  split.capacity_price,
  split.demand_price,
  CASE
    WHEN split.not_checked IS NOT NULL THEN split.not_checked
    WHEN split.is_grown AND NOT split.is_prorated THEN 'capacity_change'
    WHEN NOT split.has_rate THEN 'no_rate'
    WHEN split.has_year_steps AND split.year_not_checked IS NOT NULL THEN split.year_not_checked
    WHEN split.has_year_steps AND split.year_before_kwh IS NULL THEN 'year_incomplete'
    WHEN split.has_year_steps AND split.parts > 1 THEN 'year_steps_and_rates'
    WHEN
      split.is_stepped AND NOT split.has_year_steps AND split.length IN ('begun', 'part')
      THEN 'part_of_a_month'
    WHEN split.is_stepped AND NOT split.has_year_steps AND split.length = 'long' THEN 'period_not_a_month'
    WHEN split.is_stepped AND tariff_step.unit_price IS NULL THEN 'no_price'
    WHEN
      split.is_time_of_use
      AND (
        CASE WHEN split.has_deep_price THEN split.lacks_five ELSE split.lacks_four END
        OR (
          split.sharp_kwh IS NULL
          AND split.peak_kwh IS NULL
          AND split.flat_kwh IS NULL
          AND split.valley_kwh IS NULL
        )
      )
      THEN 'no_time_of_use_reading'
    WHEN
      split.is_time_of_use
      AND (
        (split.sharp_kwh <> 0 AND split.sharp_price IS NULL)
        OR (split.peak_kwh <> 0 AND split.peak_price IS NULL)
        OR (split.flat_kwh <> 0 AND split.flat_price IS NULL)
        OR (split.valley_kwh <> 0 AND split.valley_price IS NULL)
        OR (split.has_deep_price AND split.deep_kwh <> 0 AND split.deep_price IS NULL)
      )
      THEN 'no_price'
    WHEN NOT split.is_stepped AND NOT split.is_time_of_use AND split.energy_price IS NULL THEN 'no_price'
    WHEN NOT split.is_stepped AND split.loss_kwh <> 0 AND split.loss_price IS NULL THEN 'no_price'
    WHEN split.has_feed_in_price AND split.export_kwh IS NULL THEN 'no_export_reading'
    WHEN split.has_feed_in_price AND split.export_kwh <> 0 AND split.feed_in_price IS NULL THEN 'no_price'
  END AS energy_reason,
  MONEY(
    CASE
      WHEN split.is_stepped AND split.is_time_of_use
        THEN
          -- The slices above the first step, of a year those since the bill before.
          CASE
            WHEN start_step.step_no = tariff_step.step_no
              THEN MONEY(split.part_kwh * tariff_step.extra_price)
            WHEN start_step.to_kwh IS NOT NULL
              THEN
                MONEY((start_step.to_kwh - split.before_kwh) * start_step.extra_price)
                + tariff_step.below_extra_amount
                - start_step.below_extra_amount
                - MONEY((start_step.to_kwh - start_step.from_kwh) * start_step.extra_price)
                + MONEY((split.before_kwh + split.part_kwh - tariff_step.from_kwh) * tariff_step.extra_price)
            -- The last step has no end; a bill below 0 that begins in it goes back from there.
            ELSE
              tariff_step.below_extra_amount
              + MONEY((split.before_kwh + split.part_kwh - tariff_step.from_kwh) * tariff_step.extra_price)
              - COALESCE(start_step.below_extra_amount, 0)
              - MONEY(COALESCE((split.before_kwh - start_step.from_kwh) * start_step.extra_price, 0))
          END
      WHEN split.is_stepped
        THEN
          CASE
            WHEN start_step.step_no = tariff_step.step_no
              THEN MONEY(split.part_kwh * tariff_step.unit_price)
            WHEN start_step.to_kwh IS NOT NULL
              THEN
                MONEY((start_step.to_kwh - split.before_kwh) * start_step.unit_price)
                + tariff_step.below_amount
                - start_step.below_amount
                - MONEY((start_step.to_kwh - start_step.from_kwh) * start_step.unit_price)
                + MONEY((split.before_kwh + split.part_kwh - tariff_step.from_kwh) * tariff_step.unit_price)
            -- The last step has no end; a bill below 0 that begins in it goes back from there.
            ELSE
              tariff_step.below_amount
              + MONEY((split.before_kwh + split.part_kwh - tariff_step.from_kwh) * tariff_step.unit_price)
              - COALESCE(start_step.below_amount, 0)
              - MONEY(COALESCE((split.before_kwh - start_step.from_kwh) * start_step.unit_price, 0))
          END
      WHEN split.is_time_of_use THEN 0
      ELSE MONEY(split.metered_kwh * split.share * split.energy_price)
    END
  ) AS energy_amount,
  MONEY(
    CASE
      WHEN split.is_time_of_use THEN COALESCE(split.sharp_kwh * split.share * split.sharp_price, 0) ELSE 0
    END
  ) AS sharp_amount,
  MONEY(
    CASE
      WHEN split.is_time_of_use THEN COALESCE(split.peak_kwh * split.share * split.peak_price, 0) ELSE 0
    END
  ) AS peak_amount,
  MONEY(
    CASE
      WHEN split.is_time_of_use THEN COALESCE(split.flat_kwh * split.share * split.flat_price, 0) ELSE 0
    END
  ) AS flat_amount,
  MONEY(
    CASE
      WHEN split.is_time_of_use THEN COALESCE(split.valley_kwh * split.share * split.valley_price, 0) ELSE 0
    END
  ) AS valley_amount,
  MONEY(
    CASE
      WHEN split.is_time_of_use THEN COALESCE(split.deep_kwh * split.share * split.deep_price, 0) ELSE 0
    END
  ) AS deep_amount,
  -- Iron is lost on every day alike, copper with the energy.
  MONEY(
    CASE
      WHEN split.is_stepped OR split.iron_kwh = 0 THEN 0
      ELSE split.iron_kwh * split.day_share * split.loss_price
    END
  ) AS loss_iron_amount,
  MONEY(
    CASE
      WHEN split.is_stepped OR split.copper_kwh = 0 THEN 0
      ELSE split.copper_kwh * split.share * split.loss_price
    END
  ) AS loss_copper_amount,
  MONEY(split.part_kwh * split.surcharge_price) AS surcharge_amount,
  -- What was fed in when is not told by the energy taken; it is spread by days.
  -MONEY(
    CASE
      WHEN split.has_feed_in_price AND split.export_kwh <> 0
        THEN split.export_kwh * split.day_share * split.feed_in_price
      ELSE 0
    END
  ) AS feed_in_amount,
  split.metered_kwh,
  split.sharp_kwh,
  split.peak_kwh,
  split.flat_kwh,
  split.valley_kwh,
  split.deep_kwh,
  split.export_kwh,
  split.main_active_kwh,
  split.reactive_kvarh,
  split.demand_kw,
  split.contract_demand_kw,
  split.iron_kwh,
  split.copper_kwh,
  split.contracted_kva,
  split.mean_kva,
  split.months,
  split.length,
  split.in_force_months,
  split.kva_months,
  split.in_force_kva,
  split.in_force_share,
  split.is_grown,
  split.power_factor_standard,
  split.power_factor,
  split.period_start,
  split.is_estimated,
  split.energy_not_checked
FROM split
LEFT JOIN facts.tariff_step
  ON split.is_stepped
  AND tariff_step.tariff_code = split.tariff_code
  AND tariff_step.period_start = split.period_start
  AND tariff_step.period_end = split.period_end
  AND tariff_step.months = split.months
  AND tariff_step.part_no = split.part_no
  AND (tariff_step.is_first OR split.before_kwh + split.part_kwh > tariff_step.from_kwh)
  AND (tariff_step.to_kwh IS NULL OR split.before_kwh + split.part_kwh <= tariff_step.to_kwh)
LEFT JOIN facts.tariff_step AS start_step
  ON split.has_year_steps
  AND start_step.tariff_code = split.tariff_code
  AND start_step.period_start = split.period_start
  AND start_step.period_end = split.period_end
  AND start_step.months = split.months
  AND start_step.part_no = split.part_no
  AND (start_step.is_first OR split.before_kwh > start_step.from_kwh)
  AND (start_step.to_kwh IS NULL OR split.before_kwh <= start_step.to_kwh)
