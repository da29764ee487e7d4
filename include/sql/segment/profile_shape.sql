/*
grain: one row per account whose day is known (a reading in each hour of the workday, and some energy)
key: [account_id]
purpose: >-
  The shape of an account's day without its size: 24 workday values that sum to 1, then 24 of weekends and
  holidays that sum to 1. An account without energy or readings on those has its workday shape there.
columns:
  account_id: {type: string, doc: The supply account.}
  s00: {type: double, doc: 'Share of hour 0 in the workday.'}
  s01: {type: double, doc: 'Share of hour 1 in the workday.'}
  s02: {type: double, doc: 'Share of hour 2 in the workday.'}
  s03: {type: double, doc: 'Share of hour 3 in the workday.'}
  s04: {type: double, doc: 'Share of hour 4 in the workday.'}
  s05: {type: double, doc: 'Share of hour 5 in the workday.'}
  s06: {type: double, doc: 'Share of hour 6 in the workday.'}
  s07: {type: double, doc: 'Share of hour 7 in the workday.'}
  s08: {type: double, doc: 'Share of hour 8 in the workday.'}
  s09: {type: double, doc: 'Share of hour 9 in the workday.'}
  s10: {type: double, doc: 'Share of hour 10 in the workday.'}
  s11: {type: double, doc: 'Share of hour 11 in the workday.'}
  s12: {type: double, doc: 'Share of hour 12 in the workday.'}
  s13: {type: double, doc: 'Share of hour 13 in the workday.'}
  s14: {type: double, doc: 'Share of hour 14 in the workday.'}
  s15: {type: double, doc: 'Share of hour 15 in the workday.'}
  s16: {type: double, doc: 'Share of hour 16 in the workday.'}
  s17: {type: double, doc: 'Share of hour 17 in the workday.'}
  s18: {type: double, doc: 'Share of hour 18 in the workday.'}
  s19: {type: double, doc: 'Share of hour 19 in the workday.'}
  s20: {type: double, doc: 'Share of hour 20 in the workday.'}
  s21: {type: double, doc: 'Share of hour 21 in the workday.'}
  s22: {type: double, doc: 'Share of hour 22 in the workday.'}
  s23: {type: double, doc: 'Share of hour 23 in the workday.'}
  s24: {type: double, doc: 'Share of hour 0 in the weekend day.'}
  s25: {type: double, doc: 'Share of hour 1 in the weekend day.'}
  s26: {type: double, doc: 'Share of hour 2 in the weekend day.'}
  s27: {type: double, doc: 'Share of hour 3 in the weekend day.'}
  s28: {type: double, doc: 'Share of hour 4 in the weekend day.'}
  s29: {type: double, doc: 'Share of hour 5 in the weekend day.'}
  s30: {type: double, doc: 'Share of hour 6 in the weekend day.'}
  s31: {type: double, doc: 'Share of hour 7 in the weekend day.'}
  s32: {type: double, doc: 'Share of hour 8 in the weekend day.'}
  s33: {type: double, doc: 'Share of hour 9 in the weekend day.'}
  s34: {type: double, doc: 'Share of hour 10 in the weekend day.'}
  s35: {type: double, doc: 'Share of hour 11 in the weekend day.'}
  s36: {type: double, doc: 'Share of hour 12 in the weekend day.'}
  s37: {type: double, doc: 'Share of hour 13 in the weekend day.'}
  s38: {type: double, doc: 'Share of hour 14 in the weekend day.'}
  s39: {type: double, doc: 'Share of hour 15 in the weekend day.'}
  s40: {type: double, doc: 'Share of hour 16 in the weekend day.'}
  s41: {type: double, doc: 'Share of hour 17 in the weekend day.'}
  s42: {type: double, doc: 'Share of hour 18 in the weekend day.'}
  s43: {type: double, doc: 'Share of hour 19 in the weekend day.'}
  s44: {type: double, doc: 'Share of hour 20 in the weekend day.'}
  s45: {type: double, doc: 'Share of hour 21 in the weekend day.'}
  s46: {type: double, doc: 'Share of hour 22 in the weekend day.'}
  s47: {type: double, doc: 'Share of hour 23 in the weekend day.'}
*/
WITH total AS (
  SELECT
    hourly_profile.account_id,
    hourly_profile.h00
    + hourly_profile.h01
    + hourly_profile.h02
    + hourly_profile.h03
    + hourly_profile.h04
    + hourly_profile.h05
    + hourly_profile.h06
    + hourly_profile.h07
    + hourly_profile.h08
    + hourly_profile.h09
    + hourly_profile.h10
    + hourly_profile.h11
    + hourly_profile.h12
    + hourly_profile.h13
    + hourly_profile.h14
    + hourly_profile.h15
    + hourly_profile.h16
    + hourly_profile.h17
    + hourly_profile.h18
    + hourly_profile.h19
    + hourly_profile.h20
    + hourly_profile.h21
    + hourly_profile.h22
    + hourly_profile.h23 AS workday,
    hourly_profile.w00
    + hourly_profile.w01
    + hourly_profile.w02
    + hourly_profile.w03
    + hourly_profile.w04
    + hourly_profile.w05
    + hourly_profile.w06
    + hourly_profile.w07
    + hourly_profile.w08
    + hourly_profile.w09
    + hourly_profile.w10
    + hourly_profile.w11
    + hourly_profile.w12
    + hourly_profile.w13
    + hourly_profile.w14
    + hourly_profile.w15
    + hourly_profile.w16
    + hourly_profile.w17
    + hourly_profile.w18
    + hourly_profile.w19
    + hourly_profile.w20
    + hourly_profile.w21
    + hourly_profile.w22
    + hourly_profile.w23 AS weekend
  FROM facts.hourly_profile
)

SELECT
  hourly_profile.account_id,
  ROUND(RATIO(hourly_profile.h00, total.workday), 6) AS s00,
  ROUND(RATIO(hourly_profile.h01, total.workday), 6) AS s01,
  ROUND(RATIO(hourly_profile.h02, total.workday), 6) AS s02,
  ROUND(RATIO(hourly_profile.h03, total.workday), 6) AS s03,
  ROUND(RATIO(hourly_profile.h04, total.workday), 6) AS s04,
  ROUND(RATIO(hourly_profile.h05, total.workday), 6) AS s05,
  ROUND(RATIO(hourly_profile.h06, total.workday), 6) AS s06,
  ROUND(RATIO(hourly_profile.h07, total.workday), 6) AS s07,
  ROUND(RATIO(hourly_profile.h08, total.workday), 6) AS s08,
  ROUND(RATIO(hourly_profile.h09, total.workday), 6) AS s09,
  ROUND(RATIO(hourly_profile.h10, total.workday), 6) AS s10,
  ROUND(RATIO(hourly_profile.h11, total.workday), 6) AS s11,
  ROUND(RATIO(hourly_profile.h12, total.workday), 6) AS s12,
  ROUND(RATIO(hourly_profile.h13, total.workday), 6) AS s13,
  ROUND(RATIO(hourly_profile.h14, total.workday), 6) AS s14,
  ROUND(RATIO(hourly_profile.h15, total.workday), 6) AS s15,
  ROUND(RATIO(hourly_profile.h16, total.workday), 6) AS s16,
  ROUND(RATIO(hourly_profile.h17, total.workday), 6) AS s17,
  ROUND(RATIO(hourly_profile.h18, total.workday), 6) AS s18,
  ROUND(RATIO(hourly_profile.h19, total.workday), 6) AS s19,
  ROUND(RATIO(hourly_profile.h20, total.workday), 6) AS s20,
  ROUND(RATIO(hourly_profile.h21, total.workday), 6) AS s21,
  ROUND(RATIO(hourly_profile.h22, total.workday), 6) AS s22,
  ROUND(RATIO(hourly_profile.h23, total.workday), 6) AS s23,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w00, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h00, total.workday), 6)
  END AS s24,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w01, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h01, total.workday), 6)
  END AS s25,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w02, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h02, total.workday), 6)
  END AS s26,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w03, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h03, total.workday), 6)
  END AS s27,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w04, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h04, total.workday), 6)
  END AS s28,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w05, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h05, total.workday), 6)
  END AS s29,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w06, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h06, total.workday), 6)
  END AS s30,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w07, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h07, total.workday), 6)
  END AS s31,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w08, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h08, total.workday), 6)
  END AS s32,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w09, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h09, total.workday), 6)
  END AS s33,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w10, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h10, total.workday), 6)
  END AS s34,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w11, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h11, total.workday), 6)
  END AS s35,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w12, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h12, total.workday), 6)
  END AS s36,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w13, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h13, total.workday), 6)
  END AS s37,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w14, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h14, total.workday), 6)
  END AS s38,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w15, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h15, total.workday), 6)
  END AS s39,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w16, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h16, total.workday), 6)
  END AS s40,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w17, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h17, total.workday), 6)
  END AS s41,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w18, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h18, total.workday), 6)
  END AS s42,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w19, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h19, total.workday), 6)
  END AS s43,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w20, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h20, total.workday), 6)
  END AS s44,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w21, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h21, total.workday), 6)
  END AS s45,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w22, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h22, total.workday), 6)
  END AS s46,
  CASE
    WHEN total.weekend > 0 THEN ROUND(RATIO(hourly_profile.w23, total.weekend), 6) ELSE
      ROUND(RATIO(hourly_profile.h23, total.workday), 6)
  END AS s47
FROM facts.hourly_profile
JOIN total ON total.account_id = hourly_profile.account_id
WHERE total.workday > 0
