/*
title: Large account metered on the low side
zh: 500kVA及以上采用高供低计
kind: exception
modes: [nightly]
subject: account
severity: low
flags: >-
  live, metering_mode hv_lv and contracted_kva at least min_kva.
params:
  min_kva: {type: number, default: 500, minimum: 0, doc: 'Contracted capacity from which metering belongs on the high side.'}
messages:
  en: >-
    {contracted_kva} kVA metered on the low side.
  zh: >-
    容量 {contracted_kva} kVA 采用高供低计。
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.metering_mode = 'hv_lv' AND live_account.contracted_kva >= $min_kva AS flagged,
  live_account.metering_mode,
  live_account.contracted_kva,
  $min_kva AS min_kva
FROM core.live_account
