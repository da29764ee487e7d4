/*
grain: one row a load profile
key: [load_profile]
purpose: The load profiles, the accounts they hold, their day, and how far they have moved.
columns:
  load_profile: {type: integer, doc: 'Number, the same from night to night.'}
  name: {type: string, doc: Name by the shape of the workday.}
  name_zh: {type: string, doc: The same in Chinese.}
  size: {type: integer, doc: Accounts in it.}
  share: {type: double, doc: Share of the accounts with a profile.}
  drift: {type: double, doc: Distance to the centroid of the same number in the fit before; empty for a new one.}
  silhouette: {type: double, doc: 'Mean silhouette of its members in the sample, -1 to 1.'}
  h00: {type: double, doc: 'Share of hour 0 in the workday.'}
  h01: {type: double, doc: 'Share of hour 1 in the workday.'}
  h02: {type: double, doc: 'Share of hour 2 in the workday.'}
  h03: {type: double, doc: 'Share of hour 3 in the workday.'}
  h04: {type: double, doc: 'Share of hour 4 in the workday.'}
  h05: {type: double, doc: 'Share of hour 5 in the workday.'}
  h06: {type: double, doc: 'Share of hour 6 in the workday.'}
  h07: {type: double, doc: 'Share of hour 7 in the workday.'}
  h08: {type: double, doc: 'Share of hour 8 in the workday.'}
  h09: {type: double, doc: 'Share of hour 9 in the workday.'}
  h10: {type: double, doc: 'Share of hour 10 in the workday.'}
  h11: {type: double, doc: 'Share of hour 11 in the workday.'}
  h12: {type: double, doc: 'Share of hour 12 in the workday.'}
  h13: {type: double, doc: 'Share of hour 13 in the workday.'}
  h14: {type: double, doc: 'Share of hour 14 in the workday.'}
  h15: {type: double, doc: 'Share of hour 15 in the workday.'}
  h16: {type: double, doc: 'Share of hour 16 in the workday.'}
  h17: {type: double, doc: 'Share of hour 17 in the workday.'}
  h18: {type: double, doc: 'Share of hour 18 in the workday.'}
  h19: {type: double, doc: 'Share of hour 19 in the workday.'}
  h20: {type: double, doc: 'Share of hour 20 in the workday.'}
  h21: {type: double, doc: 'Share of hour 21 in the workday.'}
  h22: {type: double, doc: 'Share of hour 22 in the workday.'}
  h23: {type: double, doc: 'Share of hour 23 in the workday.'}
  w00: {type: double, doc: 'Share of hour 0 in the weekend day.'}
  w01: {type: double, doc: 'Share of hour 1 in the weekend day.'}
  w02: {type: double, doc: 'Share of hour 2 in the weekend day.'}
  w03: {type: double, doc: 'Share of hour 3 in the weekend day.'}
  w04: {type: double, doc: 'Share of hour 4 in the weekend day.'}
  w05: {type: double, doc: 'Share of hour 5 in the weekend day.'}
  w06: {type: double, doc: 'Share of hour 6 in the weekend day.'}
  w07: {type: double, doc: 'Share of hour 7 in the weekend day.'}
  w08: {type: double, doc: 'Share of hour 8 in the weekend day.'}
  w09: {type: double, doc: 'Share of hour 9 in the weekend day.'}
  w10: {type: double, doc: 'Share of hour 10 in the weekend day.'}
  w11: {type: double, doc: 'Share of hour 11 in the weekend day.'}
  w12: {type: double, doc: 'Share of hour 12 in the weekend day.'}
  w13: {type: double, doc: 'Share of hour 13 in the weekend day.'}
  w14: {type: double, doc: 'Share of hour 14 in the weekend day.'}
  w15: {type: double, doc: 'Share of hour 15 in the weekend day.'}
  w16: {type: double, doc: 'Share of hour 16 in the weekend day.'}
  w17: {type: double, doc: 'Share of hour 17 in the weekend day.'}
  w18: {type: double, doc: 'Share of hour 18 in the weekend day.'}
  w19: {type: double, doc: 'Share of hour 19 in the weekend day.'}
  w20: {type: double, doc: 'Share of hour 20 in the weekend day.'}
  w21: {type: double, doc: 'Share of hour 21 in the weekend day.'}
  w22: {type: double, doc: 'Share of hour 22 in the weekend day.'}
  w23: {type: double, doc: 'Share of hour 23 in the weekend day.'}
*/
WITH centroid AS (
  SELECT c.load_profile, MAX(c.name) AS name, MAX(c.name_zh) AS name_zh, MAX(c.drift) AS drift, MAX(c.silhouette) AS silhouette,
         MAX(c.value) FILTER (WHERE c.position = 0) AS h00,
         MAX(c.value) FILTER (WHERE c.position = 1) AS h01,
         MAX(c.value) FILTER (WHERE c.position = 2) AS h02,
         MAX(c.value) FILTER (WHERE c.position = 3) AS h03,
         MAX(c.value) FILTER (WHERE c.position = 4) AS h04,
         MAX(c.value) FILTER (WHERE c.position = 5) AS h05,
         MAX(c.value) FILTER (WHERE c.position = 6) AS h06,
         MAX(c.value) FILTER (WHERE c.position = 7) AS h07,
         MAX(c.value) FILTER (WHERE c.position = 8) AS h08,
         MAX(c.value) FILTER (WHERE c.position = 9) AS h09,
         MAX(c.value) FILTER (WHERE c.position = 10) AS h10,
         MAX(c.value) FILTER (WHERE c.position = 11) AS h11,
         MAX(c.value) FILTER (WHERE c.position = 12) AS h12,
         MAX(c.value) FILTER (WHERE c.position = 13) AS h13,
         MAX(c.value) FILTER (WHERE c.position = 14) AS h14,
         MAX(c.value) FILTER (WHERE c.position = 15) AS h15,
         MAX(c.value) FILTER (WHERE c.position = 16) AS h16,
         MAX(c.value) FILTER (WHERE c.position = 17) AS h17,
         MAX(c.value) FILTER (WHERE c.position = 18) AS h18,
         MAX(c.value) FILTER (WHERE c.position = 19) AS h19,
         MAX(c.value) FILTER (WHERE c.position = 20) AS h20,
         MAX(c.value) FILTER (WHERE c.position = 21) AS h21,
         MAX(c.value) FILTER (WHERE c.position = 22) AS h22,
         MAX(c.value) FILTER (WHERE c.position = 23) AS h23,
         MAX(c.value) FILTER (WHERE c.position = 24) AS w00,
         MAX(c.value) FILTER (WHERE c.position = 25) AS w01,
         MAX(c.value) FILTER (WHERE c.position = 26) AS w02,
         MAX(c.value) FILTER (WHERE c.position = 27) AS w03,
         MAX(c.value) FILTER (WHERE c.position = 28) AS w04,
         MAX(c.value) FILTER (WHERE c.position = 29) AS w05,
         MAX(c.value) FILTER (WHERE c.position = 30) AS w06,
         MAX(c.value) FILTER (WHERE c.position = 31) AS w07,
         MAX(c.value) FILTER (WHERE c.position = 32) AS w08,
         MAX(c.value) FILTER (WHERE c.position = 33) AS w09,
         MAX(c.value) FILTER (WHERE c.position = 34) AS w10,
         MAX(c.value) FILTER (WHERE c.position = 35) AS w11,
         MAX(c.value) FILTER (WHERE c.position = 36) AS w12,
         MAX(c.value) FILTER (WHERE c.position = 37) AS w13,
         MAX(c.value) FILTER (WHERE c.position = 38) AS w14,
         MAX(c.value) FILTER (WHERE c.position = 39) AS w15,
         MAX(c.value) FILTER (WHERE c.position = 40) AS w16,
         MAX(c.value) FILTER (WHERE c.position = 41) AS w17,
         MAX(c.value) FILTER (WHERE c.position = 42) AS w18,
         MAX(c.value) FILTER (WHERE c.position = 43) AS w19,
         MAX(c.value) FILTER (WHERE c.position = 44) AS w20,
         MAX(c.value) FILTER (WHERE c.position = 45) AS w21,
         MAX(c.value) FILTER (WHERE c.position = 46) AS w22,
         MAX(c.value) FILTER (WHERE c.position = 47) AS w23
  FROM segment.load_centroid AS c
  GROUP BY c.load_profile
),
sized AS (
  SELECT a.load_profile, COUNT(*) AS size FROM segment.account_load_profile AS a GROUP BY a.load_profile
),
total AS (
  SELECT COUNT(*) AS size FROM segment.account_load_profile AS a
)
SELECT c.load_profile, c.name, c.name_zh, COALESCE(s.size, 0) AS size,
       ROUND(RATIO(COALESCE(s.size, 0), t.size), 6) AS share,
       c.drift, c.silhouette,
       c.h00, c.h01, c.h02, c.h03, c.h04, c.h05, c.h06, c.h07, c.h08, c.h09, c.h10, c.h11, c.h12, c.h13, c.h14, c.h15, c.h16, c.h17, c.h18, c.h19, c.h20, c.h21, c.h22, c.h23,
       c.w00, c.w01, c.w02, c.w03, c.w04, c.w05, c.w06, c.w07, c.w08, c.w09, c.w10, c.w11, c.w12, c.w13, c.w14, c.w15, c.w16, c.w17, c.w18, c.w19, c.w20, c.w21, c.w22, c.w23
FROM centroid AS c
CROSS JOIN total AS t
LEFT JOIN sized AS s ON s.load_profile = c.load_profile
