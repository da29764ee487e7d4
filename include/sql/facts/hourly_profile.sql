/*
grain: one row an account with interval readings in P
key: [account_id]
purpose: >-
  The day of an account: mean power by hour of the local day over the intervals of P, workdays and other days
  apart, summed over its main points. Negative and missing intervals are left out.
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
*/
WITH reading AS (
  SELECT p.account_id, i.metering_point_id, i.interval_start, UNIX_SECONDS(i.interval_start) AS second, i.kwh, i.interval_minutes
  FROM source.interval_reading AS i
  JOIN source.metering_point AS p ON p.metering_point_id = i.metering_point_id
  WHERE i.interval_start >= $period_start_at AND i.interval_start < $period_end_at
    AND i.quality IN ('measured', 'estimated') AND i.kwh >= 0 AND p.role = 'main' AND p.account_id IS NOT NULL
),
-- Local days and hours are costly to find, and the same for all points: they are found once an instant.
instant AS (
  SELECT r.second, MIN(r.interval_start) AS interval_start FROM reading AS r GROUP BY r.second
),
slot AS (
  SELECT n.second, EXTRACT(HOUR FROM n.interval_start) AS hour, c.is_working_day
  FROM instant AS n
  JOIN core.calendar AS c ON c.day = CAST(n.interval_start AS DATE)
),
point_hour AS (
  SELECT r.account_id, r.metering_point_id, s.hour, s.is_working_day,
         SUM(CAST(r.kwh AS DECIMAL(18,6))) AS kwh,
         SUM(r.interval_minutes) AS minutes
  FROM reading AS r
  JOIN slot AS s ON s.second = r.second
  GROUP BY r.account_id, r.metering_point_id, s.hour, s.is_working_day
),
account_hour AS (
  SELECT h.account_id, h.hour, h.is_working_day,
         SUM(CAST(CAST(h.kwh AS DOUBLE) * 60 / NULLIF(CAST(h.minutes AS DOUBLE), 0) AS DECIMAL(18,6))) AS kw
  FROM point_hour AS h
  GROUP BY h.account_id, h.hour, h.is_working_day
)
SELECT a.account_id,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 0) AS DOUBLE) AS h00,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 1) AS DOUBLE) AS h01,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 2) AS DOUBLE) AS h02,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 3) AS DOUBLE) AS h03,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 4) AS DOUBLE) AS h04,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 5) AS DOUBLE) AS h05,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 6) AS DOUBLE) AS h06,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 7) AS DOUBLE) AS h07,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 8) AS DOUBLE) AS h08,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 9) AS DOUBLE) AS h09,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 10) AS DOUBLE) AS h10,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 11) AS DOUBLE) AS h11,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 12) AS DOUBLE) AS h12,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 13) AS DOUBLE) AS h13,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 14) AS DOUBLE) AS h14,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 15) AS DOUBLE) AS h15,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 16) AS DOUBLE) AS h16,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 17) AS DOUBLE) AS h17,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 18) AS DOUBLE) AS h18,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 19) AS DOUBLE) AS h19,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 20) AS DOUBLE) AS h20,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 21) AS DOUBLE) AS h21,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 22) AS DOUBLE) AS h22,
       CAST(MAX(a.kw) FILTER (WHERE a.is_working_day AND a.hour = 23) AS DOUBLE) AS h23,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 0) AS DOUBLE) AS w00,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 1) AS DOUBLE) AS w01,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 2) AS DOUBLE) AS w02,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 3) AS DOUBLE) AS w03,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 4) AS DOUBLE) AS w04,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 5) AS DOUBLE) AS w05,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 6) AS DOUBLE) AS w06,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 7) AS DOUBLE) AS w07,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 8) AS DOUBLE) AS w08,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 9) AS DOUBLE) AS w09,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 10) AS DOUBLE) AS w10,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 11) AS DOUBLE) AS w11,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 12) AS DOUBLE) AS w12,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 13) AS DOUBLE) AS w13,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 14) AS DOUBLE) AS w14,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 15) AS DOUBLE) AS w15,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 16) AS DOUBLE) AS w16,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 17) AS DOUBLE) AS w17,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 18) AS DOUBLE) AS w18,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 19) AS DOUBLE) AS w19,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 20) AS DOUBLE) AS w20,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 21) AS DOUBLE) AS w21,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 22) AS DOUBLE) AS w22,
       CAST(MAX(a.kw) FILTER (WHERE NOT a.is_working_day AND a.hour = 23) AS DOUBLE) AS w23
FROM account_hour AS a
GROUP BY a.account_id
