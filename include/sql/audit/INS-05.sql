/*
title: Self-generation and dual supply
zh: 自备电源和双电源客户清单
flags_zh: 在用账户有自备电源或双电源，列出复核。
what_to_do:
  en: See that interlocks and agreements are in order at the next inspection.
  zh: 结合用电检查核实闭锁装置和自备电源（双电源）协议。
kind: listing
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: >-
  live and has_self_generation or is_dual_supply.
messages:
  en: "The account has self-generation: {has_self_generation}; dual supply: {is_dual_supply}."
  zh: "该户自备电源：{has_self_generation}；双电源：{is_dual_supply}。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.has_self_generation OR live_account.is_dual_supply AS flagged,
  live_account.has_self_generation,
  live_account.is_dual_supply
FROM core.live_account
