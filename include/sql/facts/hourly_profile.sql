/*
grain: one row an account with interval readings in P
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
*/
-- Whole millionths of a kW: their sums as doubles are exact in any order, at half the memory of decimals.
WITH point_hour AS (
  SELECT d.metering_point_id, c.is_working_day,
         ROUND(AVG(ROUND(d.h00 * 1000000))) AS h00,
         ROUND(AVG(ROUND(d.h01 * 1000000))) AS h01,
         ROUND(AVG(ROUND(d.h02 * 1000000))) AS h02,
         ROUND(AVG(ROUND(d.h03 * 1000000))) AS h03,
         ROUND(AVG(ROUND(d.h04 * 1000000))) AS h04,
         ROUND(AVG(ROUND(d.h05 * 1000000))) AS h05,
         ROUND(AVG(ROUND(d.h06 * 1000000))) AS h06,
         ROUND(AVG(ROUND(d.h07 * 1000000))) AS h07,
         ROUND(AVG(ROUND(d.h08 * 1000000))) AS h08,
         ROUND(AVG(ROUND(d.h09 * 1000000))) AS h09,
         ROUND(AVG(ROUND(d.h10 * 1000000))) AS h10,
         ROUND(AVG(ROUND(d.h11 * 1000000))) AS h11,
         ROUND(AVG(ROUND(d.h12 * 1000000))) AS h12,
         ROUND(AVG(ROUND(d.h13 * 1000000))) AS h13,
         ROUND(AVG(ROUND(d.h14 * 1000000))) AS h14,
         ROUND(AVG(ROUND(d.h15 * 1000000))) AS h15,
         ROUND(AVG(ROUND(d.h16 * 1000000))) AS h16,
         ROUND(AVG(ROUND(d.h17 * 1000000))) AS h17,
         ROUND(AVG(ROUND(d.h18 * 1000000))) AS h18,
         ROUND(AVG(ROUND(d.h19 * 1000000))) AS h19,
         ROUND(AVG(ROUND(d.h20 * 1000000))) AS h20,
         ROUND(AVG(ROUND(d.h21 * 1000000))) AS h21,
         ROUND(AVG(ROUND(d.h22 * 1000000))) AS h22,
         ROUND(AVG(ROUND(d.h23 * 1000000))) AS h23
  FROM facts.hourly_daily AS d
  JOIN core.calendar AS c ON c.day = d.day
  WHERE d.day >= $period AND d.day <= $period_end
  GROUP BY d.metering_point_id, c.is_working_day
)
SELECT p.account_id,
       ROUND(SUM(h.h00) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h00,
       ROUND(SUM(h.h01) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h01,
       ROUND(SUM(h.h02) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h02,
       ROUND(SUM(h.h03) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h03,
       ROUND(SUM(h.h04) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h04,
       ROUND(SUM(h.h05) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h05,
       ROUND(SUM(h.h06) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h06,
       ROUND(SUM(h.h07) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h07,
       ROUND(SUM(h.h08) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h08,
       ROUND(SUM(h.h09) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h09,
       ROUND(SUM(h.h10) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h10,
       ROUND(SUM(h.h11) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h11,
       ROUND(SUM(h.h12) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h12,
       ROUND(SUM(h.h13) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h13,
       ROUND(SUM(h.h14) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h14,
       ROUND(SUM(h.h15) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h15,
       ROUND(SUM(h.h16) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h16,
       ROUND(SUM(h.h17) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h17,
       ROUND(SUM(h.h18) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h18,
       ROUND(SUM(h.h19) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h19,
       ROUND(SUM(h.h20) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h20,
       ROUND(SUM(h.h21) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h21,
       ROUND(SUM(h.h22) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h22,
       ROUND(SUM(h.h23) FILTER (WHERE h.is_working_day) * 0.000001, 6) AS h23,
       ROUND(SUM(h.h00) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w00,
       ROUND(SUM(h.h01) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w01,
       ROUND(SUM(h.h02) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w02,
       ROUND(SUM(h.h03) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w03,
       ROUND(SUM(h.h04) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w04,
       ROUND(SUM(h.h05) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w05,
       ROUND(SUM(h.h06) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w06,
       ROUND(SUM(h.h07) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w07,
       ROUND(SUM(h.h08) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w08,
       ROUND(SUM(h.h09) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w09,
       ROUND(SUM(h.h10) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w10,
       ROUND(SUM(h.h11) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w11,
       ROUND(SUM(h.h12) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w12,
       ROUND(SUM(h.h13) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w13,
       ROUND(SUM(h.h14) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w14,
       ROUND(SUM(h.h15) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w15,
       ROUND(SUM(h.h16) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w16,
       ROUND(SUM(h.h17) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w17,
       ROUND(SUM(h.h18) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w18,
       ROUND(SUM(h.h19) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w19,
       ROUND(SUM(h.h20) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w20,
       ROUND(SUM(h.h21) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w21,
       ROUND(SUM(h.h22) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w22,
       ROUND(SUM(h.h23) FILTER (WHERE NOT h.is_working_day) * 0.000001, 6) AS w23
FROM point_hour AS h
JOIN source.metering_point AS p ON p.metering_point_id = h.metering_point_id
WHERE p.role = 'main' AND p.account_id IS NOT NULL
GROUP BY p.account_id
