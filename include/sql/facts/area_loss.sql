/*
grain: one row per area or line and month (P and the 11 before) with an interval or a reading of one of its points
key: [level, id, period]
purpose: What went in and did not come out. All points of one balance are read from one source, intervals where enough of them are there, else registers.
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  period: {type: date, doc: First day of the month.}
  source: {type: string, doc: interval or register.}
  supply_point_id: {type: string, doc: The area or head metering point.}
  points: {type: integer, doc: Points on the taking side with an interval or a reading in the month.}
  points_unread: {type: integer, doc: 'Those of them without a reading, which count as 0 by register.'}
  interval_share: {type: double, doc: Share of the intervals of all these points that is there.}
  supplied_kwh: {type: double, doc: 'Fed in; empty where the supply point has nothing of the source.'}
  export_kwh: {type: double, doc: 'Given to the network by the accounts of the balance, by the same source; a kwh below 0 of a main point is such, and no energy taken.'}
  sold_kwh: {type: double, doc: Taken out.}
  loss_kwh: {type: double, doc: supplied and export less sold.}
  loss_rate: {type: double, doc: loss over supplied and export.}
  not_checked: {type: string, doc: 'several_months where it would be drawn by registers and one of its points is billed for several months at once; register_not_computable where a register of the balance cannot be calculated; no_supply where nothing was fed in by the source.'}
params:
  min_interval_share: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: Share of the intervals from which they are used.}
*/
WITH measured AS (
  SELECT
    interval_month.metering_point_id,
    interval_month.period,
    interval_month.expected,
    interval_month.present,
    interval_month.mean_minutes,
    interval_month.kwh
  FROM facts.interval_month
  WHERE
    interval_month.period >= ADD_MONTHS($period, -11)
    AND interval_month.period <= $period
    AND interval_month.intervals > 0
),

measured_month AS (
  SELECT
    measured.period,
    UNIX_SECONDS(CAST(ADD_MONTHS(measured.period, 1) AS TIMESTAMPTZ)) AS end_s
  FROM measured
  GROUP BY measured.period
),

read AS (
  SELECT
    register_energy.metering_point_id,
    register_energy.period,
    register_energy.kwh
  FROM facts.register_energy
  WHERE register_energy.register = 'active_total'
),

read_export AS (
  SELECT
    register_energy.metering_point_id,
    register_energy.period,
    register_energy.kwh
  FROM facts.register_energy
  WHERE register_energy.register = 'active_export'
),

given AS (
  SELECT
    export_daily.metering_point_id,
    MONTH_OF(export_daily.day) AS period,
    EXACT_SUM(export_daily.export_kwh) AS export_kwh,
    EXACT_SUM(export_daily.backfeed_kwh) AS backfeed_kwh
  FROM facts.export_daily
  WHERE export_daily.day >= ADD_MONTHS($period, -11) AND export_daily.day <= $period_end
  GROUP BY export_daily.metering_point_id, MONTH_OF(export_daily.day)
),

point AS (
  SELECT
    COALESCE(read.metering_point_id, measured.metering_point_id) AS metering_point_id,
    COALESCE(read.period, measured.period) AS period,
    measured.expected,
    measured.present,
    measured.mean_minutes,
    measured.kwh AS interval_kwh,
    read.metering_point_id IS NOT NULL AS is_read,
    read.kwh AS register_kwh
  FROM read
  FULL JOIN measured
    ON measured.metering_point_id = read.metering_point_id AND measured.period = read.period
),

member AS (
  SELECT
    loss_member.level,
    loss_member.id,
    loss_member.metering_point_id,
    loss_member.is_supply,
    loss_member.account_id IS NOT NULL AND NOT loss_member.is_supply AS is_account,
    metering_point.installed_on
  FROM facts.loss_member
  LEFT JOIN source.metering_point ON metering_point.metering_point_id = loss_member.metering_point_id
),

-- Seconds of the month that a point without intervals was there; they matter in months that have some alone.
present AS (
  SELECT
    member.level,
    member.id,
    point.period,
    member.is_supply,
    point.expected,
    point.present,
    point.mean_minutes,
    CASE
      WHEN member.is_account THEN point.interval_kwh + COALESCE(given.backfeed_kwh, 0) ELSE point.interval_kwh
    END AS interval_kwh,
    CASE WHEN member.is_account THEN given.export_kwh END AS interval_export_kwh,
    point.is_read,
    point.register_kwh,
    CASE WHEN member.is_account THEN read_export.kwh END AS register_export_kwh,
    CASE
      WHEN point.mean_minutes IS NULL AND measured_month.end_s IS NOT NULL
        THEN
          GREATEST(
            measured_month.end_s
            - UNIX_SECONDS(
              CAST(GREATEST(point.period, COALESCE(member.installed_on, point.period)) AS TIMESTAMPTZ)
            ),
            0
          )
    END AS unmeasured_s
  FROM member
  JOIN point ON point.metering_point_id = member.metering_point_id
  LEFT JOIN measured_month ON measured_month.period = point.period
  LEFT JOIN given ON given.metering_point_id = point.metering_point_id AND given.period = point.period
  LEFT JOIN read_export
    ON read_export.metering_point_id = point.metering_point_id AND read_export.period = point.period
),

grouped AS (
  SELECT
    present.level,
    present.id,
    present.period,
    MIN(present.mean_minutes) AS mean_minutes,
    COUNT(*) FILTER (WHERE present.is_supply) AS supplies,
    COUNT(*) FILTER (WHERE NOT present.is_supply) AS points,
    COUNT(*) FILTER (WHERE NOT present.is_supply AND NOT present.is_read) AS points_unread,
    SUM(present.present) AS present,
    SUM(present.expected) AS expected,
    COALESCE(SUM(present.unmeasured_s), 0) AS unmeasured_s,
    EXACT_SUM(present.interval_kwh) FILTER (WHERE present.is_supply) AS interval_supplied_kwh,
    COALESCE(EXACT_SUM(present.interval_kwh) FILTER (WHERE NOT present.is_supply), 0) AS interval_sold_kwh,
    EXACT_SUM(present.register_kwh) FILTER (WHERE present.is_supply) AS register_supplied_kwh,
    COALESCE(EXACT_SUM(present.register_kwh) FILTER (WHERE NOT present.is_supply), 0) AS register_sold_kwh,
    COALESCE(EXACT_SUM(present.interval_export_kwh), 0) AS interval_export_kwh,
    COALESCE(EXACT_SUM(present.register_export_kwh), 0) AS register_export_kwh,
    COUNT(*) FILTER (WHERE present.is_read AND present.register_kwh IS NULL) AS not_computable
  FROM present
  GROUP BY present.level, present.id, present.period
),

summed AS (
  SELECT
    grouped.level,
    grouped.id,
    grouped.period,
    member.metering_point_id AS supply_point_id,
    grouped.points,
    grouped.points_unread,
    -- The supply point belongs to the balance even in a month without anything of it.
    RATIO(
      grouped.present, grouped.expected
      + RATIO(
        grouped.unmeasured_s
        + CASE
          WHEN grouped.supplies > 0 THEN 0
          ELSE
            GREATEST(
              measured_month.end_s
              - UNIX_SECONDS(
                CAST(GREATEST(grouped.period, COALESCE(member.installed_on, grouped.period)) AS TIMESTAMPTZ)
              ),
              0
            )
        END, 60 * grouped.mean_minutes
      )
    ) AS interval_share,
    grouped.interval_supplied_kwh,
    grouped.interval_sold_kwh,
    grouped.register_supplied_kwh,
    grouped.register_sold_kwh,
    grouped.interval_export_kwh,
    grouped.register_export_kwh,
    grouped.not_computable
  FROM grouped
  JOIN member ON member.level = grouped.level AND member.id = grouped.id AND member.is_supply
  LEFT JOIN measured_month ON measured_month.period = grouped.period
),

-- What is read for several months at once says nothing of one: such a balance is drawn by intervals alone.
several AS (
  SELECT DISTINCT
    member.level,
    member.id
  FROM member
  JOIN source.metering_point ON metering_point.metering_point_id = member.metering_point_id
  JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
),

chosen AS (
  SELECT
    summed.level,
    summed.id,
    summed.period,
    CASE WHEN ROUND(summed.interval_share, 9) >= $min_interval_share THEN 'interval' ELSE 'register' END
      AS source,
    summed.supply_point_id,
    summed.points,
    summed.points_unread,
    summed.interval_share,
    CASE
      WHEN ROUND(summed.interval_share, 9) >= $min_interval_share THEN summed.interval_supplied_kwh ELSE
        summed.register_supplied_kwh
    END AS supplied_kwh,
    CASE
      WHEN ROUND(summed.interval_share, 9) >= $min_interval_share THEN summed.interval_sold_kwh
      WHEN summed.not_computable = 0 AND several.id IS NULL THEN summed.register_sold_kwh
    END AS sold_kwh,
    CASE
      WHEN ROUND(summed.interval_share, 9) >= $min_interval_share THEN summed.interval_export_kwh ELSE
        summed.register_export_kwh
    END AS export_kwh,
    CASE WHEN ROUND(summed.interval_share, 9) >= $min_interval_share THEN 0 ELSE summed.not_computable END
      AS not_computable,
    several.id IS NOT NULL AND NOT COALESCE(ROUND(summed.interval_share, 9) >= $min_interval_share, FALSE)
      AS is_several
  FROM summed
  LEFT JOIN several ON several.level = summed.level AND several.id = summed.id
)

SELECT
  chosen.level,
  chosen.id,
  chosen.period,
  chosen.source,
  chosen.supply_point_id,
  chosen.points,
  chosen.points_unread,
  chosen.interval_share,
  ROUND(chosen.supplied_kwh, 6) AS supplied_kwh,
  chosen.export_kwh,
  ROUND(chosen.sold_kwh, 6) AS sold_kwh,
  ROUND(chosen.supplied_kwh + chosen.export_kwh - chosen.sold_kwh, 6) AS loss_kwh,
  RATIO(
    chosen.supplied_kwh + chosen.export_kwh - chosen.sold_kwh, chosen.supplied_kwh + chosen.export_kwh
  ) AS loss_rate,
  CASE
    WHEN chosen.is_several THEN 'several_months'
    WHEN chosen.not_computable > 0 THEN 'register_not_computable'
    WHEN chosen.supplied_kwh IS NULL THEN 'no_supply'
  END AS not_checked
FROM chosen
