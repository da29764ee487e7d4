/*
grain: one row an account whose day is known
key: [account_id]
purpose: The load profile whose centroid is nearest to the account's day; the lower number where two are as near.
columns:
  account_id: {type: string, doc: The supply account.}
  load_profile: {type: integer, doc: Number of the load profile.}
  distance: {type: double, doc: 'Euclidean distance to its centroid, 9 places.'}
*/
WITH centroid AS (
  SELECT c.load_profile,
         MAX(c.value) FILTER (WHERE c.position = 0) AS s00,
         MAX(c.value) FILTER (WHERE c.position = 1) AS s01,
         MAX(c.value) FILTER (WHERE c.position = 2) AS s02,
         MAX(c.value) FILTER (WHERE c.position = 3) AS s03,
         MAX(c.value) FILTER (WHERE c.position = 4) AS s04,
         MAX(c.value) FILTER (WHERE c.position = 5) AS s05,
         MAX(c.value) FILTER (WHERE c.position = 6) AS s06,
         MAX(c.value) FILTER (WHERE c.position = 7) AS s07,
         MAX(c.value) FILTER (WHERE c.position = 8) AS s08,
         MAX(c.value) FILTER (WHERE c.position = 9) AS s09,
         MAX(c.value) FILTER (WHERE c.position = 10) AS s10,
         MAX(c.value) FILTER (WHERE c.position = 11) AS s11,
         MAX(c.value) FILTER (WHERE c.position = 12) AS s12,
         MAX(c.value) FILTER (WHERE c.position = 13) AS s13,
         MAX(c.value) FILTER (WHERE c.position = 14) AS s14,
         MAX(c.value) FILTER (WHERE c.position = 15) AS s15,
         MAX(c.value) FILTER (WHERE c.position = 16) AS s16,
         MAX(c.value) FILTER (WHERE c.position = 17) AS s17,
         MAX(c.value) FILTER (WHERE c.position = 18) AS s18,
         MAX(c.value) FILTER (WHERE c.position = 19) AS s19,
         MAX(c.value) FILTER (WHERE c.position = 20) AS s20,
         MAX(c.value) FILTER (WHERE c.position = 21) AS s21,
         MAX(c.value) FILTER (WHERE c.position = 22) AS s22,
         MAX(c.value) FILTER (WHERE c.position = 23) AS s23,
         MAX(c.value) FILTER (WHERE c.position = 24) AS s24,
         MAX(c.value) FILTER (WHERE c.position = 25) AS s25,
         MAX(c.value) FILTER (WHERE c.position = 26) AS s26,
         MAX(c.value) FILTER (WHERE c.position = 27) AS s27,
         MAX(c.value) FILTER (WHERE c.position = 28) AS s28,
         MAX(c.value) FILTER (WHERE c.position = 29) AS s29,
         MAX(c.value) FILTER (WHERE c.position = 30) AS s30,
         MAX(c.value) FILTER (WHERE c.position = 31) AS s31,
         MAX(c.value) FILTER (WHERE c.position = 32) AS s32,
         MAX(c.value) FILTER (WHERE c.position = 33) AS s33,
         MAX(c.value) FILTER (WHERE c.position = 34) AS s34,
         MAX(c.value) FILTER (WHERE c.position = 35) AS s35,
         MAX(c.value) FILTER (WHERE c.position = 36) AS s36,
         MAX(c.value) FILTER (WHERE c.position = 37) AS s37,
         MAX(c.value) FILTER (WHERE c.position = 38) AS s38,
         MAX(c.value) FILTER (WHERE c.position = 39) AS s39,
         MAX(c.value) FILTER (WHERE c.position = 40) AS s40,
         MAX(c.value) FILTER (WHERE c.position = 41) AS s41,
         MAX(c.value) FILTER (WHERE c.position = 42) AS s42,
         MAX(c.value) FILTER (WHERE c.position = 43) AS s43,
         MAX(c.value) FILTER (WHERE c.position = 44) AS s44,
         MAX(c.value) FILTER (WHERE c.position = 45) AS s45,
         MAX(c.value) FILTER (WHERE c.position = 46) AS s46,
         MAX(c.value) FILTER (WHERE c.position = 47) AS s47
  FROM segment.load_centroid AS c
  GROUP BY c.load_profile
),
near AS (
  SELECT s.account_id, c.load_profile,
         ROUND(SQRT((s.s00 - c.s00) * (s.s00 - c.s00)
           + (s.s01 - c.s01) * (s.s01 - c.s01)
           + (s.s02 - c.s02) * (s.s02 - c.s02)
           + (s.s03 - c.s03) * (s.s03 - c.s03)
           + (s.s04 - c.s04) * (s.s04 - c.s04)
           + (s.s05 - c.s05) * (s.s05 - c.s05)
           + (s.s06 - c.s06) * (s.s06 - c.s06)
           + (s.s07 - c.s07) * (s.s07 - c.s07)
           + (s.s08 - c.s08) * (s.s08 - c.s08)
           + (s.s09 - c.s09) * (s.s09 - c.s09)
           + (s.s10 - c.s10) * (s.s10 - c.s10)
           + (s.s11 - c.s11) * (s.s11 - c.s11)
           + (s.s12 - c.s12) * (s.s12 - c.s12)
           + (s.s13 - c.s13) * (s.s13 - c.s13)
           + (s.s14 - c.s14) * (s.s14 - c.s14)
           + (s.s15 - c.s15) * (s.s15 - c.s15)
           + (s.s16 - c.s16) * (s.s16 - c.s16)
           + (s.s17 - c.s17) * (s.s17 - c.s17)
           + (s.s18 - c.s18) * (s.s18 - c.s18)
           + (s.s19 - c.s19) * (s.s19 - c.s19)
           + (s.s20 - c.s20) * (s.s20 - c.s20)
           + (s.s21 - c.s21) * (s.s21 - c.s21)
           + (s.s22 - c.s22) * (s.s22 - c.s22)
           + (s.s23 - c.s23) * (s.s23 - c.s23)
           + (s.s24 - c.s24) * (s.s24 - c.s24)
           + (s.s25 - c.s25) * (s.s25 - c.s25)
           + (s.s26 - c.s26) * (s.s26 - c.s26)
           + (s.s27 - c.s27) * (s.s27 - c.s27)
           + (s.s28 - c.s28) * (s.s28 - c.s28)
           + (s.s29 - c.s29) * (s.s29 - c.s29)
           + (s.s30 - c.s30) * (s.s30 - c.s30)
           + (s.s31 - c.s31) * (s.s31 - c.s31)
           + (s.s32 - c.s32) * (s.s32 - c.s32)
           + (s.s33 - c.s33) * (s.s33 - c.s33)
           + (s.s34 - c.s34) * (s.s34 - c.s34)
           + (s.s35 - c.s35) * (s.s35 - c.s35)
           + (s.s36 - c.s36) * (s.s36 - c.s36)
           + (s.s37 - c.s37) * (s.s37 - c.s37)
           + (s.s38 - c.s38) * (s.s38 - c.s38)
           + (s.s39 - c.s39) * (s.s39 - c.s39)
           + (s.s40 - c.s40) * (s.s40 - c.s40)
           + (s.s41 - c.s41) * (s.s41 - c.s41)
           + (s.s42 - c.s42) * (s.s42 - c.s42)
           + (s.s43 - c.s43) * (s.s43 - c.s43)
           + (s.s44 - c.s44) * (s.s44 - c.s44)
           + (s.s45 - c.s45) * (s.s45 - c.s45)
           + (s.s46 - c.s46) * (s.s46 - c.s46)
           + (s.s47 - c.s47) * (s.s47 - c.s47)), 9) AS distance
  FROM segment.profile_shape AS s
  CROSS JOIN centroid AS c
)
SELECT n.account_id, n.load_profile, n.distance
FROM near AS n
QUALIFY ROW_NUMBER() OVER (PARTITION BY n.account_id ORDER BY n.distance, n.load_profile) = 1
