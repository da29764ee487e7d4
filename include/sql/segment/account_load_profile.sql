/*
grain: one row per account whose day is known
key: [account_id]
purpose: The load profile whose centroid is nearest to the account's day; the lower number where two are as near.
columns:
  account_id: {type: string, doc: The supply account.}
  load_profile: {type: integer, doc: Number of the load profile.}
  distance: {type: double, doc: 'Euclidean distance to its centroid, 9 places.'}
*/
WITH centroid AS (
  SELECT
    load_centroid.load_profile,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 0) AS s00,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 1) AS s01,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 2) AS s02,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 3) AS s03,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 4) AS s04,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 5) AS s05,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 6) AS s06,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 7) AS s07,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 8) AS s08,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 9) AS s09,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 10) AS s10,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 11) AS s11,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 12) AS s12,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 13) AS s13,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 14) AS s14,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 15) AS s15,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 16) AS s16,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 17) AS s17,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 18) AS s18,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 19) AS s19,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 20) AS s20,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 21) AS s21,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 22) AS s22,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 23) AS s23,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 24) AS s24,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 25) AS s25,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 26) AS s26,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 27) AS s27,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 28) AS s28,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 29) AS s29,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 30) AS s30,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 31) AS s31,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 32) AS s32,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 33) AS s33,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 34) AS s34,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 35) AS s35,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 36) AS s36,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 37) AS s37,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 38) AS s38,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 39) AS s39,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 40) AS s40,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 41) AS s41,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 42) AS s42,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 43) AS s43,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 44) AS s44,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 45) AS s45,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 46) AS s46,
    MAX(load_centroid.value) FILTER (WHERE load_centroid.position = 47) AS s47
  FROM segment.load_centroid
  GROUP BY load_centroid.load_profile
),

near AS (
  SELECT
    profile_shape.account_id,
    centroid.load_profile,
    ROUND(SQRT(
      (profile_shape.s00 - centroid.s00) * (profile_shape.s00 - centroid.s00)
      + (profile_shape.s01 - centroid.s01) * (profile_shape.s01 - centroid.s01)
      + (profile_shape.s02 - centroid.s02) * (profile_shape.s02 - centroid.s02)
      + (profile_shape.s03 - centroid.s03) * (profile_shape.s03 - centroid.s03)
      + (profile_shape.s04 - centroid.s04) * (profile_shape.s04 - centroid.s04)
      + (profile_shape.s05 - centroid.s05) * (profile_shape.s05 - centroid.s05)
      + (profile_shape.s06 - centroid.s06) * (profile_shape.s06 - centroid.s06)
      + (profile_shape.s07 - centroid.s07) * (profile_shape.s07 - centroid.s07)
      + (profile_shape.s08 - centroid.s08) * (profile_shape.s08 - centroid.s08)
      + (profile_shape.s09 - centroid.s09) * (profile_shape.s09 - centroid.s09)
      + (profile_shape.s10 - centroid.s10) * (profile_shape.s10 - centroid.s10)
      + (profile_shape.s11 - centroid.s11) * (profile_shape.s11 - centroid.s11)
      + (profile_shape.s12 - centroid.s12) * (profile_shape.s12 - centroid.s12)
      + (profile_shape.s13 - centroid.s13) * (profile_shape.s13 - centroid.s13)
      + (profile_shape.s14 - centroid.s14) * (profile_shape.s14 - centroid.s14)
      + (profile_shape.s15 - centroid.s15) * (profile_shape.s15 - centroid.s15)
      + (profile_shape.s16 - centroid.s16) * (profile_shape.s16 - centroid.s16)
      + (profile_shape.s17 - centroid.s17) * (profile_shape.s17 - centroid.s17)
      + (profile_shape.s18 - centroid.s18) * (profile_shape.s18 - centroid.s18)
      + (profile_shape.s19 - centroid.s19) * (profile_shape.s19 - centroid.s19)
      + (profile_shape.s20 - centroid.s20) * (profile_shape.s20 - centroid.s20)
      + (profile_shape.s21 - centroid.s21) * (profile_shape.s21 - centroid.s21)
      + (profile_shape.s22 - centroid.s22) * (profile_shape.s22 - centroid.s22)
      + (profile_shape.s23 - centroid.s23) * (profile_shape.s23 - centroid.s23)
      + (profile_shape.s24 - centroid.s24) * (profile_shape.s24 - centroid.s24)
      + (profile_shape.s25 - centroid.s25) * (profile_shape.s25 - centroid.s25)
      + (profile_shape.s26 - centroid.s26) * (profile_shape.s26 - centroid.s26)
      + (profile_shape.s27 - centroid.s27) * (profile_shape.s27 - centroid.s27)
      + (profile_shape.s28 - centroid.s28) * (profile_shape.s28 - centroid.s28)
      + (profile_shape.s29 - centroid.s29) * (profile_shape.s29 - centroid.s29)
      + (profile_shape.s30 - centroid.s30) * (profile_shape.s30 - centroid.s30)
      + (profile_shape.s31 - centroid.s31) * (profile_shape.s31 - centroid.s31)
      + (profile_shape.s32 - centroid.s32) * (profile_shape.s32 - centroid.s32)
      + (profile_shape.s33 - centroid.s33) * (profile_shape.s33 - centroid.s33)
      + (profile_shape.s34 - centroid.s34) * (profile_shape.s34 - centroid.s34)
      + (profile_shape.s35 - centroid.s35) * (profile_shape.s35 - centroid.s35)
      + (profile_shape.s36 - centroid.s36) * (profile_shape.s36 - centroid.s36)
      + (profile_shape.s37 - centroid.s37) * (profile_shape.s37 - centroid.s37)
      + (profile_shape.s38 - centroid.s38) * (profile_shape.s38 - centroid.s38)
      + (profile_shape.s39 - centroid.s39) * (profile_shape.s39 - centroid.s39)
      + (profile_shape.s40 - centroid.s40) * (profile_shape.s40 - centroid.s40)
      + (profile_shape.s41 - centroid.s41) * (profile_shape.s41 - centroid.s41)
      + (profile_shape.s42 - centroid.s42) * (profile_shape.s42 - centroid.s42)
      + (profile_shape.s43 - centroid.s43) * (profile_shape.s43 - centroid.s43)
      + (profile_shape.s44 - centroid.s44) * (profile_shape.s44 - centroid.s44)
      + (profile_shape.s45 - centroid.s45) * (profile_shape.s45 - centroid.s45)
      + (profile_shape.s46 - centroid.s46) * (profile_shape.s46 - centroid.s46)
      + (profile_shape.s47 - centroid.s47) * (profile_shape.s47 - centroid.s47)
    ), 9) AS distance
  FROM segment.profile_shape
  CROSS JOIN centroid
)

SELECT
  near.account_id,
  near.load_profile,
  near.distance
FROM near
QUALIFY ROW_NUMBER() OVER (PARTITION BY near.account_id ORDER BY near.distance, near.load_profile) = 1
