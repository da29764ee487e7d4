/*
title: Self-generation and dual supply
zh: 自备电源和双电源客户清单
kind: listing
modes: [nightly]
subject: account
severity: low
flags: >-
  live and has_self_generation or is_dual_supply.
messages:
  en: "Self-generation: {has_self_generation}; dual supply: {is_dual_supply}."
  zh: "自备电源：{has_self_generation}；双电源：{is_dual_supply}。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.has_self_generation OR live_account.is_dual_supply AS flagged,
  live_account.has_self_generation,
  live_account.is_dual_supply
FROM core.live_account
