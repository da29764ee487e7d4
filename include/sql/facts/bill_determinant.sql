/*
grain: one row per bill of P or the 11 months before that corrects none
key: [bill_id]
purpose: All that a bill is calculated from except the tariff; the account as it stands.
view: true
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: 'Last day billed, included.'}
  days: {type: integer, doc: 'Days billed, both ends included.'}
  billed_tariff_code: {type: string, doc: The tariff that it was billed on.}
  account_tariff_code: {type: string, doc: The account's tariff.}
  usage_category: {type: string, doc: Of the account.}
  supply_kv: {type: double, doc: Of the account.}
  status: {type: string, doc: Of the account.}
  demand_basis: {type: string, doc: Of the account.}
  contract_demand_kw: {type: double, doc: Of the account.}
  power_factor_standard: {type: double, doc: Of the account.}
  metered_kwh: {type: double, doc: Active total by the readings.}
  sharp_kwh: {type: double, doc: 'Energy of a register; empty where none was read, as below.'}
  peak_kwh: {type: double, doc: Energy of a register.}
  flat_kwh: {type: double, doc: Energy of a register.}
  valley_kwh: {type: double, doc: Energy of a register.}
  main_active_kwh: {type: double, doc: Active total of the main points.}
  reactive_kvarh: {type: double, doc: Reactive total of the main points.}
  demand_kw: {type: double, doc: Highest demand summed over the main points.}
  iron_kwh: {type: double, doc: 'Iron loss of the dedicated transformers, over the days not wholly suspended; 0 where losses are not billed.'}
  copper_kwh: {type: double, doc: Copper loss.}
  mean_kva: {type: double, doc: Mean over the days of contracted_kva less what is suspended or reduced.}
  power_factor: {type: double, doc: 'Rounded half up to two places; empty where no standard is set, no active energy was used or a reading is missing.'}
  energy_not_checked: {type: string, doc: 'Why the energy is not recalculated; empty where it is. allocation, capacity_change, change_tariff, no_reading, or as facts.register_energy.'}
  not_checked: {type: string, doc: 'As energy_not_checked, else loss_code_missing.'}
*/
WITH taken_out AS (
  SELECT
    bill.bill_id,
    EXACT_SUM(LEAST(suspension_day.out_kva, account.contracted_kva)) AS out_kva_days
  FROM facts.suspension_day
  JOIN source.account ON account.account_id = suspension_day.account_id
  JOIN source.bill
    ON bill.account_id = suspension_day.account_id
    AND suspension_day.day >= bill.period_start
    AND suspension_day.day <= bill.period_end
  WHERE bill.corrects_bill_id IS NULL
  GROUP BY bill.bill_id
),

grown AS (
  SELECT
    capacity_change.account_id,
    MAX(capacity_change.start_on) AS last_on
  FROM source.capacity_change
  WHERE capacity_change.kind IN ('new', 'increase')
  GROUP BY capacity_change.account_id
),

changed AS (
  SELECT
    service_order.account_id,
    MAX(CAST(service_order.closed_at AS DATE)) AS last_on
  FROM source.service_order
  WHERE
    service_order.kind = 'change_tariff'
    AND service_order.closed_at IS NOT NULL
    AND (service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected'))
  GROUP BY service_order.account_id
),

multiplied AS (
  SELECT DISTINCT bill.bill_id
  FROM source.metering_event
  JOIN source.metering_point
    ON metering_point.metering_point_id = metering_event.metering_point_id
    AND metering_point.role IN ('main', 'sub')
  JOIN source.bill
    ON bill.account_id = metering_point.account_id
    AND CAST(metering_event.occurred_at AS DATE) >= bill.period_start
    AND CAST(metering_event.occurred_at AS DATE) <= bill.period_end
  WHERE metering_event.kind = 'multiplier_changed' AND bill.corrects_bill_id IS NULL
),

read AS (
  SELECT
    register_reading.metering_point_id,
    MAX(register_reading.period) AS last_period,
    MAX(register_reading.read_at) AS last_read_at
  FROM source.register_reading
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.period >= ADD_MONTHS($period, -1)
    AND register_reading.period <= $period
  GROUP BY register_reading.metering_point_id
),

removed AS (
  SELECT
    metering_event.metering_point_id,
    MAX(metering_event.occurred_at) AS removed_at
  FROM source.metering_event
  WHERE metering_event.kind = 'remove'
  GROUP BY metering_event.metering_point_id
),

unread AS (
  -- Read for the month before, or there before P (as is one without a date), and not read for P: what the
  -- account used is not the sum of its other points. A point that was removed after its last reading, before
  -- P ended, is no longer there.
  SELECT DISTINCT metering_point.account_id
  FROM source.metering_point
  LEFT JOIN read ON read.metering_point_id = metering_point.metering_point_id
  LEFT JOIN removed
    ON removed.metering_point_id = metering_point.metering_point_id
    AND (read.last_read_at IS NULL OR removed.removed_at >= read.last_read_at)
    AND removed.removed_at < $period_end_at
  WHERE
    metering_point.role IN ('main', 'sub')
    AND (
      read.last_period < $period
      OR (
        read.last_period IS NULL
        AND (metering_point.installed_on IS NULL OR metering_point.installed_on < $period)
      )
    )
    AND removed.metering_point_id IS NULL
),

joined AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end,
    DATE_DIFF('day', bill.period_start, bill.period_end) + 1 AS days,
    bill.tariff_code AS billed_tariff_code,
    account.tariff_code AS account_tariff_code,
    account.usage_category,
    account.supply_kv,
    account.status,
    account.demand_basis,
    account.contract_demand_kw,
    account.power_factor_standard,
    account.contracted_kva,
    account_energy.metered_kwh,
    account_energy.sharp_kwh,
    account_energy.peak_kwh,
    account_energy.flat_kwh,
    account_energy.valley_kwh,
    account_energy.main_active_kwh,
    account_energy.reactive_kvarh,
    account_energy.demand_kw,
    bill_loss.bill_id IS NOT NULL AS has_loss,
    bill_loss.iron_kwh,
    bill_loss.copper_rate,
    bill_loss.unknown_codes,
    COALESCE(taken_out.out_kva_days, 0) AS out_kva_days,
    -- What happened in the month (step 1) goes before what the file says and what was not read.
    CASE
      WHEN multiplied.bill_id IS NOT NULL THEN 'multiplier_changed'
      WHEN
        account_energy.not_checked NOT IN ('previous_value_missing', 'no_reading')
        THEN account_energy.not_checked
      WHEN grown.last_on > bill.period_start THEN 'capacity_change'
      WHEN changed.last_on > bill.period_start THEN 'change_tariff'
      WHEN account.allocation <> 'none' THEN 'allocation'
      WHEN account_energy.not_checked IS NOT NULL THEN account_energy.not_checked
      WHEN account_energy.metered_kwh IS NULL OR unread.account_id IS NOT NULL THEN 'no_reading'
    END AS energy_not_checked
  FROM source.bill
  JOIN source.account ON account.account_id = bill.account_id
  LEFT JOIN facts.account_energy
    ON account_energy.account_id = bill.account_id AND account_energy.period = bill.period
  LEFT JOIN facts.bill_loss ON bill_loss.bill_id = bill.bill_id
  LEFT JOIN taken_out ON taken_out.bill_id = bill.bill_id
  LEFT JOIN grown ON grown.account_id = bill.account_id
  LEFT JOIN changed ON changed.account_id = bill.account_id
  LEFT JOIN multiplied ON multiplied.bill_id = bill.bill_id
  LEFT JOIN unread ON unread.account_id = bill.account_id AND bill.period = $period
  WHERE
    bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
)

SELECT
  joined.bill_id,
  joined.account_id,
  joined.period,
  joined.period_start,
  joined.period_end,
  joined.days,
  joined.billed_tariff_code,
  joined.account_tariff_code,
  joined.usage_category,
  joined.supply_kv,
  joined.status,
  joined.demand_basis,
  joined.contract_demand_kw,
  joined.power_factor_standard,
  joined.metered_kwh,
  joined.sharp_kwh,
  joined.peak_kwh,
  joined.flat_kwh,
  joined.valley_kwh,
  joined.main_active_kwh,
  joined.reactive_kvarh,
  joined.demand_kw,
  CASE WHEN joined.has_loss THEN joined.iron_kwh ELSE CAST(0 AS DOUBLE) END AS iron_kwh,
  CASE WHEN joined.has_loss THEN ROUND(joined.copper_rate * joined.metered_kwh, 6) ELSE CAST(0 AS DOUBLE) END
    AS copper_kwh,
  RATIO(joined.contracted_kva * joined.days - joined.out_kva_days, CAST(joined.days AS DOUBLE)) AS mean_kva,
  CASE
    WHEN joined.power_factor_standard IS NOT NULL AND joined.main_active_kwh > 0
      THEN
        CAST(
          HALF_UP(
            RATIO(
              joined.main_active_kwh,
              SQRT(
                joined.main_active_kwh * joined.main_active_kwh
                + joined.reactive_kvarh * joined.reactive_kvarh
              )
            ),
            2
          ) AS DOUBLE
        )
  END AS power_factor,
  joined.energy_not_checked,
  COALESCE(joined.energy_not_checked, CASE WHEN joined.unknown_codes > 0 THEN 'loss_code_missing' END)
    AS not_checked
FROM joined
