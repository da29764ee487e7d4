/*
title: Large account metered on the low side
zh: 500kVA及以上采用高供低计
flags_zh: 在用账户高供低计且合同容量不低于 min_kva。
what_to_do:
  en: Plan the change to metering at high voltage; until then see that losses are billed.
  zh: 列入计量改造计划，改为高供高计；改造前核实变损计收是否正确。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: >-
  live, metering_mode hv_lv and contracted_kva at least min_kva.
params:
  min_kva: {type: number, default: 500, minimum: 0, doc: 'Contracted capacity from which metering belongs on the high side.'}
messages:
  en: "The account has {contracted_kva} kVA and is metered at low voltage; from {min_kva} kVA metering at high voltage is required."
  zh: "容量 {contracted_kva} kVA 的客户采用高供低计，{min_kva} kVA 及以上应高供高计。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.metering_mode = 'hv_lv' AND live_account.contracted_kva >= $min_kva AS flagged,
  live_account.metering_mode,
  live_account.contracted_kva,
  $min_kva AS min_kva
FROM core.live_account
