/*
grain: one row an account whose day is known (a reading in each hour of the workday, and some energy)
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
  SELECT p.account_id,
         p.h00 + p.h01 + p.h02 + p.h03 + p.h04 + p.h05 + p.h06 + p.h07 + p.h08 + p.h09 + p.h10 + p.h11 + p.h12 + p.h13 + p.h14 + p.h15 + p.h16 + p.h17 + p.h18 + p.h19 + p.h20 + p.h21 + p.h22 + p.h23 AS workday,
         p.w00 + p.w01 + p.w02 + p.w03 + p.w04 + p.w05 + p.w06 + p.w07 + p.w08 + p.w09 + p.w10 + p.w11 + p.w12 + p.w13 + p.w14 + p.w15 + p.w16 + p.w17 + p.w18 + p.w19 + p.w20 + p.w21 + p.w22 + p.w23 AS weekend
  FROM facts.hourly_profile AS p
)
SELECT p.account_id,
       ROUND(RATIO(p.h00, t.workday), 6) AS s00,
       ROUND(RATIO(p.h01, t.workday), 6) AS s01,
       ROUND(RATIO(p.h02, t.workday), 6) AS s02,
       ROUND(RATIO(p.h03, t.workday), 6) AS s03,
       ROUND(RATIO(p.h04, t.workday), 6) AS s04,
       ROUND(RATIO(p.h05, t.workday), 6) AS s05,
       ROUND(RATIO(p.h06, t.workday), 6) AS s06,
       ROUND(RATIO(p.h07, t.workday), 6) AS s07,
       ROUND(RATIO(p.h08, t.workday), 6) AS s08,
       ROUND(RATIO(p.h09, t.workday), 6) AS s09,
       ROUND(RATIO(p.h10, t.workday), 6) AS s10,
       ROUND(RATIO(p.h11, t.workday), 6) AS s11,
       ROUND(RATIO(p.h12, t.workday), 6) AS s12,
       ROUND(RATIO(p.h13, t.workday), 6) AS s13,
       ROUND(RATIO(p.h14, t.workday), 6) AS s14,
       ROUND(RATIO(p.h15, t.workday), 6) AS s15,
       ROUND(RATIO(p.h16, t.workday), 6) AS s16,
       ROUND(RATIO(p.h17, t.workday), 6) AS s17,
       ROUND(RATIO(p.h18, t.workday), 6) AS s18,
       ROUND(RATIO(p.h19, t.workday), 6) AS s19,
       ROUND(RATIO(p.h20, t.workday), 6) AS s20,
       ROUND(RATIO(p.h21, t.workday), 6) AS s21,
       ROUND(RATIO(p.h22, t.workday), 6) AS s22,
       ROUND(RATIO(p.h23, t.workday), 6) AS s23,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w00, t.weekend), 6) ELSE ROUND(RATIO(p.h00, t.workday), 6) END AS s24,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w01, t.weekend), 6) ELSE ROUND(RATIO(p.h01, t.workday), 6) END AS s25,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w02, t.weekend), 6) ELSE ROUND(RATIO(p.h02, t.workday), 6) END AS s26,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w03, t.weekend), 6) ELSE ROUND(RATIO(p.h03, t.workday), 6) END AS s27,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w04, t.weekend), 6) ELSE ROUND(RATIO(p.h04, t.workday), 6) END AS s28,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w05, t.weekend), 6) ELSE ROUND(RATIO(p.h05, t.workday), 6) END AS s29,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w06, t.weekend), 6) ELSE ROUND(RATIO(p.h06, t.workday), 6) END AS s30,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w07, t.weekend), 6) ELSE ROUND(RATIO(p.h07, t.workday), 6) END AS s31,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w08, t.weekend), 6) ELSE ROUND(RATIO(p.h08, t.workday), 6) END AS s32,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w09, t.weekend), 6) ELSE ROUND(RATIO(p.h09, t.workday), 6) END AS s33,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w10, t.weekend), 6) ELSE ROUND(RATIO(p.h10, t.workday), 6) END AS s34,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w11, t.weekend), 6) ELSE ROUND(RATIO(p.h11, t.workday), 6) END AS s35,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w12, t.weekend), 6) ELSE ROUND(RATIO(p.h12, t.workday), 6) END AS s36,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w13, t.weekend), 6) ELSE ROUND(RATIO(p.h13, t.workday), 6) END AS s37,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w14, t.weekend), 6) ELSE ROUND(RATIO(p.h14, t.workday), 6) END AS s38,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w15, t.weekend), 6) ELSE ROUND(RATIO(p.h15, t.workday), 6) END AS s39,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w16, t.weekend), 6) ELSE ROUND(RATIO(p.h16, t.workday), 6) END AS s40,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w17, t.weekend), 6) ELSE ROUND(RATIO(p.h17, t.workday), 6) END AS s41,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w18, t.weekend), 6) ELSE ROUND(RATIO(p.h18, t.workday), 6) END AS s42,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w19, t.weekend), 6) ELSE ROUND(RATIO(p.h19, t.workday), 6) END AS s43,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w20, t.weekend), 6) ELSE ROUND(RATIO(p.h20, t.workday), 6) END AS s44,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w21, t.weekend), 6) ELSE ROUND(RATIO(p.h21, t.workday), 6) END AS s45,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w22, t.weekend), 6) ELSE ROUND(RATIO(p.h22, t.workday), 6) END AS s46,
       CASE WHEN t.weekend > 0 THEN ROUND(RATIO(p.w23, t.weekend), 6) ELSE ROUND(RATIO(p.h23, t.workday), 6) END AS s47
FROM facts.hourly_profile AS p
JOIN total AS t ON t.account_id = p.account_id
WHERE t.workday > 0
