/*
grain: one row per account with interval readings in P
key: [account_id]
purpose: >-
  The day of an account: mean power by hour of the local day over the days of P, workdays and other days
  apart, summed over its main points. A day without a reading in an hour does not count for that hour.
columns:
  account_id: {type: string, doc: The supply account.}
  h00: {type: double, doc: 'Mean kW from 0:00 on workdays; empty without a reading.'}
  h01: {type: double, doc: 'Mean kW from 1:00 on workdays; empty without a reading.'}
  h02: {type: double, doc: 'Mean kW from 2:00 on workdays; empty without a reading.'}
  h03: {type: double, doc: 'Mean kW from 3:00 on workdays; empty without a reading.'}
  h04: {type: double, doc: 'Mean kW from 4:00 on workdays; empty without a reading.'}
  h05: {type: double, doc: 'Mean kW from 5:00 on workdays; empty without a reading.'}
  h06: {type: double, doc: 'Mean kW from 6:00 on workdays; empty without a reading.'}
  h07: {type: double, doc: 'Mean kW from 7:00 on workdays; empty without a reading.'}
  h08: {type: double, doc: 'Mean kW from 8:00 on workdays; empty without a reading.'}
  h09: {type: double, doc: 'Mean kW from 9:00 on workdays; empty without a reading.'}
  h10: {type: double, doc: 'Mean kW from 10:00 on workdays; empty without a reading.'}
  h11: {type: double, doc: 'Mean kW from 11:00 on workdays; empty without a reading.'}
  h12: {type: double, doc: 'Mean kW from 12:00 on workdays; empty without a reading.'}
  h13: {type: double, doc: 'Mean kW from 13:00 on workdays; empty without a reading.'}
  h14: {type: double, doc: 'Mean kW from 14:00 on workdays; empty without a reading.'}
  h15: {type: double, doc: 'Mean kW from 15:00 on workdays; empty without a reading.'}
  h16: {type: double, doc: 'Mean kW from 16:00 on workdays; empty without a reading.'}
  h17: {type: double, doc: 'Mean kW from 17:00 on workdays; empty without a reading.'}
  h18: {type: double, doc: 'Mean kW from 18:00 on workdays; empty without a reading.'}
  h19: {type: double, doc: 'Mean kW from 19:00 on workdays; empty without a reading.'}
  h20: {type: double, doc: 'Mean kW from 20:00 on workdays; empty without a reading.'}
  h21: {type: double, doc: 'Mean kW from 21:00 on workdays; empty without a reading.'}
  h22: {type: double, doc: 'Mean kW from 22:00 on workdays; empty without a reading.'}
  h23: {type: double, doc: 'Mean kW from 23:00 on workdays; empty without a reading.'}
  w00: {type: double, doc: 'Mean kW from 0:00 on weekends and holidays; empty without a reading.'}
  w01: {type: double, doc: 'Mean kW from 1:00 on weekends and holidays; empty without a reading.'}
  w02: {type: double, doc: 'Mean kW from 2:00 on weekends and holidays; empty without a reading.'}
  w03: {type: double, doc: 'Mean kW from 3:00 on weekends and holidays; empty without a reading.'}
  w04: {type: double, doc: 'Mean kW from 4:00 on weekends and holidays; empty without a reading.'}
  w05: {type: double, doc: 'Mean kW from 5:00 on weekends and holidays; empty without a reading.'}
  w06: {type: double, doc: 'Mean kW from 6:00 on weekends and holidays; empty without a reading.'}
  w07: {type: double, doc: 'Mean kW from 7:00 on weekends and holidays; empty without a reading.'}
  w08: {type: double, doc: 'Mean kW from 8:00 on weekends and holidays; empty without a reading.'}
  w09: {type: double, doc: 'Mean kW from 9:00 on weekends and holidays; empty without a reading.'}
  w10: {type: double, doc: 'Mean kW from 10:00 on weekends and holidays; empty without a reading.'}
  w11: {type: double, doc: 'Mean kW from 11:00 on weekends and holidays; empty without a reading.'}
  w12: {type: double, doc: 'Mean kW from 12:00 on weekends and holidays; empty without a reading.'}
  w13: {type: double, doc: 'Mean kW from 13:00 on weekends and holidays; empty without a reading.'}
  w14: {type: double, doc: 'Mean kW from 14:00 on weekends and holidays; empty without a reading.'}
  w15: {type: double, doc: 'Mean kW from 15:00 on weekends and holidays; empty without a reading.'}
  w16: {type: double, doc: 'Mean kW from 16:00 on weekends and holidays; empty without a reading.'}
  w17: {type: double, doc: 'Mean kW from 17:00 on weekends and holidays; empty without a reading.'}
  w18: {type: double, doc: 'Mean kW from 18:00 on weekends and holidays; empty without a reading.'}
  w19: {type: double, doc: 'Mean kW from 19:00 on weekends and holidays; empty without a reading.'}
  w20: {type: double, doc: 'Mean kW from 20:00 on weekends and holidays; empty without a reading.'}
  w21: {type: double, doc: 'Mean kW from 21:00 on weekends and holidays; empty without a reading.'}
  w22: {type: double, doc: 'Mean kW from 22:00 on weekends and holidays; empty without a reading.'}
  w23: {type: double, doc: 'Mean kW from 23:00 on weekends and holidays; empty without a reading.'}
incremental: {by: whole, reads: {facts.hourly_daily: {from: period, to: period_end}}}
*/
-- Whole millionths of a kW: their sums as doubles are exact in any order, at half the memory of decimals.
WITH point_hour AS (
  SELECT
    hourly_daily.metering_point_id,
    calendar.is_working_day,
    EXACT_AVG(hourly_daily.h00) AS h00,
    EXACT_AVG(hourly_daily.h01) AS h01,
    EXACT_AVG(hourly_daily.h02) AS h02,
    EXACT_AVG(hourly_daily.h03) AS h03,
    EXACT_AVG(hourly_daily.h04) AS h04,
    EXACT_AVG(hourly_daily.h05) AS h05,
    EXACT_AVG(hourly_daily.h06) AS h06,
    EXACT_AVG(hourly_daily.h07) AS h07,
    EXACT_AVG(hourly_daily.h08) AS h08,
    EXACT_AVG(hourly_daily.h09) AS h09,
    EXACT_AVG(hourly_daily.h10) AS h10,
    EXACT_AVG(hourly_daily.h11) AS h11,
    EXACT_AVG(hourly_daily.h12) AS h12,
    EXACT_AVG(hourly_daily.h13) AS h13,
    EXACT_AVG(hourly_daily.h14) AS h14,
    EXACT_AVG(hourly_daily.h15) AS h15,
    EXACT_AVG(hourly_daily.h16) AS h16,
    EXACT_AVG(hourly_daily.h17) AS h17,
    EXACT_AVG(hourly_daily.h18) AS h18,
    EXACT_AVG(hourly_daily.h19) AS h19,
    EXACT_AVG(hourly_daily.h20) AS h20,
    EXACT_AVG(hourly_daily.h21) AS h21,
    EXACT_AVG(hourly_daily.h22) AS h22,
    EXACT_AVG(hourly_daily.h23) AS h23
  FROM facts.hourly_daily
  JOIN core.calendar ON calendar.day = hourly_daily.day
  WHERE hourly_daily.day >= $period AND hourly_daily.day <= $period_end
  GROUP BY hourly_daily.metering_point_id, calendar.is_working_day
)

SELECT
  metering_point.account_id,
  EXACT_SUM(point_hour.h00) FILTER (WHERE point_hour.is_working_day) AS h00,
  EXACT_SUM(point_hour.h01) FILTER (WHERE point_hour.is_working_day) AS h01,
  EXACT_SUM(point_hour.h02) FILTER (WHERE point_hour.is_working_day) AS h02,
  EXACT_SUM(point_hour.h03) FILTER (WHERE point_hour.is_working_day) AS h03,
  EXACT_SUM(point_hour.h04) FILTER (WHERE point_hour.is_working_day) AS h04,
  EXACT_SUM(point_hour.h05) FILTER (WHERE point_hour.is_working_day) AS h05,
  EXACT_SUM(point_hour.h06) FILTER (WHERE point_hour.is_working_day) AS h06,
  EXACT_SUM(point_hour.h07) FILTER (WHERE point_hour.is_working_day) AS h07,
  EXACT_SUM(point_hour.h08) FILTER (WHERE point_hour.is_working_day) AS h08,
  EXACT_SUM(point_hour.h09) FILTER (WHERE point_hour.is_working_day) AS h09,
  EXACT_SUM(point_hour.h10) FILTER (WHERE point_hour.is_working_day) AS h10,
  EXACT_SUM(point_hour.h11) FILTER (WHERE point_hour.is_working_day) AS h11,
  EXACT_SUM(point_hour.h12) FILTER (WHERE point_hour.is_working_day) AS h12,
  EXACT_SUM(point_hour.h13) FILTER (WHERE point_hour.is_working_day) AS h13,
  EXACT_SUM(point_hour.h14) FILTER (WHERE point_hour.is_working_day) AS h14,
  EXACT_SUM(point_hour.h15) FILTER (WHERE point_hour.is_working_day) AS h15,
  EXACT_SUM(point_hour.h16) FILTER (WHERE point_hour.is_working_day) AS h16,
  EXACT_SUM(point_hour.h17) FILTER (WHERE point_hour.is_working_day) AS h17,
  EXACT_SUM(point_hour.h18) FILTER (WHERE point_hour.is_working_day) AS h18,
  EXACT_SUM(point_hour.h19) FILTER (WHERE point_hour.is_working_day) AS h19,
  EXACT_SUM(point_hour.h20) FILTER (WHERE point_hour.is_working_day) AS h20,
  EXACT_SUM(point_hour.h21) FILTER (WHERE point_hour.is_working_day) AS h21,
  EXACT_SUM(point_hour.h22) FILTER (WHERE point_hour.is_working_day) AS h22,
  EXACT_SUM(point_hour.h23) FILTER (WHERE point_hour.is_working_day) AS h23,
  EXACT_SUM(point_hour.h00) FILTER (WHERE NOT point_hour.is_working_day) AS w00,
  EXACT_SUM(point_hour.h01) FILTER (WHERE NOT point_hour.is_working_day) AS w01,
  EXACT_SUM(point_hour.h02) FILTER (WHERE NOT point_hour.is_working_day) AS w02,
  EXACT_SUM(point_hour.h03) FILTER (WHERE NOT point_hour.is_working_day) AS w03,
  EXACT_SUM(point_hour.h04) FILTER (WHERE NOT point_hour.is_working_day) AS w04,
  EXACT_SUM(point_hour.h05) FILTER (WHERE NOT point_hour.is_working_day) AS w05,
  EXACT_SUM(point_hour.h06) FILTER (WHERE NOT point_hour.is_working_day) AS w06,
  EXACT_SUM(point_hour.h07) FILTER (WHERE NOT point_hour.is_working_day) AS w07,
  EXACT_SUM(point_hour.h08) FILTER (WHERE NOT point_hour.is_working_day) AS w08,
  EXACT_SUM(point_hour.h09) FILTER (WHERE NOT point_hour.is_working_day) AS w09,
  EXACT_SUM(point_hour.h10) FILTER (WHERE NOT point_hour.is_working_day) AS w10,
  EXACT_SUM(point_hour.h11) FILTER (WHERE NOT point_hour.is_working_day) AS w11,
  EXACT_SUM(point_hour.h12) FILTER (WHERE NOT point_hour.is_working_day) AS w12,
  EXACT_SUM(point_hour.h13) FILTER (WHERE NOT point_hour.is_working_day) AS w13,
  EXACT_SUM(point_hour.h14) FILTER (WHERE NOT point_hour.is_working_day) AS w14,
  EXACT_SUM(point_hour.h15) FILTER (WHERE NOT point_hour.is_working_day) AS w15,
  EXACT_SUM(point_hour.h16) FILTER (WHERE NOT point_hour.is_working_day) AS w16,
  EXACT_SUM(point_hour.h17) FILTER (WHERE NOT point_hour.is_working_day) AS w17,
  EXACT_SUM(point_hour.h18) FILTER (WHERE NOT point_hour.is_working_day) AS w18,
  EXACT_SUM(point_hour.h19) FILTER (WHERE NOT point_hour.is_working_day) AS w19,
  EXACT_SUM(point_hour.h20) FILTER (WHERE NOT point_hour.is_working_day) AS w20,
  EXACT_SUM(point_hour.h21) FILTER (WHERE NOT point_hour.is_working_day) AS w21,
  EXACT_SUM(point_hour.h22) FILTER (WHERE NOT point_hour.is_working_day) AS w22,
  EXACT_SUM(point_hour.h23) FILTER (WHERE NOT point_hour.is_working_day) AS w23
FROM point_hour
JOIN source.metering_point ON metering_point.metering_point_id = point_hour.metering_point_id
WHERE metering_point.role = 'main' AND metering_point.account_id IS NOT NULL
GROUP BY metering_point.account_id
