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
         EXACT_AVG(d.h00) AS h00,
         EXACT_AVG(d.h01) AS h01,
         EXACT_AVG(d.h02) AS h02,
         EXACT_AVG(d.h03) AS h03,
         EXACT_AVG(d.h04) AS h04,
         EXACT_AVG(d.h05) AS h05,
         EXACT_AVG(d.h06) AS h06,
         EXACT_AVG(d.h07) AS h07,
         EXACT_AVG(d.h08) AS h08,
         EXACT_AVG(d.h09) AS h09,
         EXACT_AVG(d.h10) AS h10,
         EXACT_AVG(d.h11) AS h11,
         EXACT_AVG(d.h12) AS h12,
         EXACT_AVG(d.h13) AS h13,
         EXACT_AVG(d.h14) AS h14,
         EXACT_AVG(d.h15) AS h15,
         EXACT_AVG(d.h16) AS h16,
         EXACT_AVG(d.h17) AS h17,
         EXACT_AVG(d.h18) AS h18,
         EXACT_AVG(d.h19) AS h19,
         EXACT_AVG(d.h20) AS h20,
         EXACT_AVG(d.h21) AS h21,
         EXACT_AVG(d.h22) AS h22,
         EXACT_AVG(d.h23) AS h23
  FROM facts.hourly_daily AS d
  JOIN core.calendar AS c ON c.day = d.day
  WHERE d.day >= $period AND d.day <= $period_end
  GROUP BY d.metering_point_id, c.is_working_day
)
SELECT p.account_id,
       EXACT_SUM(h.h00) FILTER (WHERE h.is_working_day) AS h00,
       EXACT_SUM(h.h01) FILTER (WHERE h.is_working_day) AS h01,
       EXACT_SUM(h.h02) FILTER (WHERE h.is_working_day) AS h02,
       EXACT_SUM(h.h03) FILTER (WHERE h.is_working_day) AS h03,
       EXACT_SUM(h.h04) FILTER (WHERE h.is_working_day) AS h04,
       EXACT_SUM(h.h05) FILTER (WHERE h.is_working_day) AS h05,
       EXACT_SUM(h.h06) FILTER (WHERE h.is_working_day) AS h06,
       EXACT_SUM(h.h07) FILTER (WHERE h.is_working_day) AS h07,
       EXACT_SUM(h.h08) FILTER (WHERE h.is_working_day) AS h08,
       EXACT_SUM(h.h09) FILTER (WHERE h.is_working_day) AS h09,
       EXACT_SUM(h.h10) FILTER (WHERE h.is_working_day) AS h10,
       EXACT_SUM(h.h11) FILTER (WHERE h.is_working_day) AS h11,
       EXACT_SUM(h.h12) FILTER (WHERE h.is_working_day) AS h12,
       EXACT_SUM(h.h13) FILTER (WHERE h.is_working_day) AS h13,
       EXACT_SUM(h.h14) FILTER (WHERE h.is_working_day) AS h14,
       EXACT_SUM(h.h15) FILTER (WHERE h.is_working_day) AS h15,
       EXACT_SUM(h.h16) FILTER (WHERE h.is_working_day) AS h16,
       EXACT_SUM(h.h17) FILTER (WHERE h.is_working_day) AS h17,
       EXACT_SUM(h.h18) FILTER (WHERE h.is_working_day) AS h18,
       EXACT_SUM(h.h19) FILTER (WHERE h.is_working_day) AS h19,
       EXACT_SUM(h.h20) FILTER (WHERE h.is_working_day) AS h20,
       EXACT_SUM(h.h21) FILTER (WHERE h.is_working_day) AS h21,
       EXACT_SUM(h.h22) FILTER (WHERE h.is_working_day) AS h22,
       EXACT_SUM(h.h23) FILTER (WHERE h.is_working_day) AS h23,
       EXACT_SUM(h.h00) FILTER (WHERE NOT h.is_working_day) AS w00,
       EXACT_SUM(h.h01) FILTER (WHERE NOT h.is_working_day) AS w01,
       EXACT_SUM(h.h02) FILTER (WHERE NOT h.is_working_day) AS w02,
       EXACT_SUM(h.h03) FILTER (WHERE NOT h.is_working_day) AS w03,
       EXACT_SUM(h.h04) FILTER (WHERE NOT h.is_working_day) AS w04,
       EXACT_SUM(h.h05) FILTER (WHERE NOT h.is_working_day) AS w05,
       EXACT_SUM(h.h06) FILTER (WHERE NOT h.is_working_day) AS w06,
       EXACT_SUM(h.h07) FILTER (WHERE NOT h.is_working_day) AS w07,
       EXACT_SUM(h.h08) FILTER (WHERE NOT h.is_working_day) AS w08,
       EXACT_SUM(h.h09) FILTER (WHERE NOT h.is_working_day) AS w09,
       EXACT_SUM(h.h10) FILTER (WHERE NOT h.is_working_day) AS w10,
       EXACT_SUM(h.h11) FILTER (WHERE NOT h.is_working_day) AS w11,
       EXACT_SUM(h.h12) FILTER (WHERE NOT h.is_working_day) AS w12,
       EXACT_SUM(h.h13) FILTER (WHERE NOT h.is_working_day) AS w13,
       EXACT_SUM(h.h14) FILTER (WHERE NOT h.is_working_day) AS w14,
       EXACT_SUM(h.h15) FILTER (WHERE NOT h.is_working_day) AS w15,
       EXACT_SUM(h.h16) FILTER (WHERE NOT h.is_working_day) AS w16,
       EXACT_SUM(h.h17) FILTER (WHERE NOT h.is_working_day) AS w17,
       EXACT_SUM(h.h18) FILTER (WHERE NOT h.is_working_day) AS w18,
       EXACT_SUM(h.h19) FILTER (WHERE NOT h.is_working_day) AS w19,
       EXACT_SUM(h.h20) FILTER (WHERE NOT h.is_working_day) AS w20,
       EXACT_SUM(h.h21) FILTER (WHERE NOT h.is_working_day) AS w21,
       EXACT_SUM(h.h22) FILTER (WHERE NOT h.is_working_day) AS w22,
       EXACT_SUM(h.h23) FILTER (WHERE NOT h.is_working_day) AS w23
FROM point_hour AS h
JOIN source.metering_point AS p ON p.metering_point_id = h.metering_point_id
WHERE p.role = 'main' AND p.account_id IS NOT NULL
GROUP BY p.account_id
