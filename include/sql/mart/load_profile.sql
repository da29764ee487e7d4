/*
grain: one row per load profile
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
  SELECT
    load_centroid.load_profile,
    MAX(load_centroid.name) AS name,
    MAX(load_centroid.name_zh) AS name_zh,
    MAX(load_centroid.drift) AS drift,
    MAX(load_centroid.silhouette) AS silhouette,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 0) AS h00,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 1) AS h01,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 2) AS h02,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 3) AS h03,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 4) AS h04,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 5) AS h05,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 6) AS h06,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 7) AS h07,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 8) AS h08,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 9) AS h09,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 10) AS h10,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 11) AS h11,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 12) AS h12,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 13) AS h13,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 14) AS h14,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 15) AS h15,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 16) AS h16,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 17) AS h17,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 18) AS h18,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 19) AS h19,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 20) AS h20,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 21) AS h21,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 22) AS h22,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 23) AS h23,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 24) AS w00,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 25) AS w01,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 26) AS w02,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 27) AS w03,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 28) AS w04,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 29) AS w05,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 30) AS w06,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 31) AS w07,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 32) AS w08,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 33) AS w09,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 34) AS w10,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 35) AS w11,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 36) AS w12,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 37) AS w13,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 38) AS w14,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 39) AS w15,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 40) AS w16,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 41) AS w17,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 42) AS w18,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 43) AS w19,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 44) AS w20,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 45) AS w21,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 46) AS w22,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 47) AS w23
  FROM segment.load_centroid
  GROUP BY load_centroid.load_profile
),

sized AS (
  SELECT
    account_load_profile.load_profile,
    COUNT(*) AS size
  FROM segment.account_load_profile
  GROUP BY account_load_profile.load_profile
),

total AS (
  SELECT COUNT(*) AS size FROM segment.account_load_profile
)

SELECT
  centroid.load_profile,
  centroid.name,
  centroid.name_zh,
  COALESCE(sized.size, 0) AS size,
  ROUND(RATIO(COALESCE(sized.size, 0), total.size), 6) AS share,
  centroid.drift,
  centroid.silhouette,
  centroid.h00,
  centroid.h01,
  centroid.h02,
  centroid.h03,
  centroid.h04,
  centroid.h05,
  centroid.h06,
  centroid.h07,
  centroid.h08,
  centroid.h09,
  centroid.h10,
  centroid.h11,
  centroid.h12,
  centroid.h13,
  centroid.h14,
  centroid.h15,
  centroid.h16,
  centroid.h17,
  centroid.h18,
  centroid.h19,
  centroid.h20,
  centroid.h21,
  centroid.h22,
  centroid.h23,
  centroid.w00,
  centroid.w01,
  centroid.w02,
  centroid.w03,
  centroid.w04,
  centroid.w05,
  centroid.w06,
  centroid.w07,
  centroid.w08,
  centroid.w09,
  centroid.w10,
  centroid.w11,
  centroid.w12,
  centroid.w13,
  centroid.w14,
  centroid.w15,
  centroid.w16,
  centroid.w17,
  centroid.w18,
  centroid.w19,
  centroid.w20,
  centroid.w21,
  centroid.w22,
  centroid.w23
FROM centroid
CROSS JOIN total
LEFT JOIN sized ON sized.load_profile = centroid.load_profile
