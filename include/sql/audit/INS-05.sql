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
SELECT a.account_id AS subject_id,
       a.account_id,
       a.has_self_generation OR a.is_dual_supply AS flagged,
       a.has_self_generation,
       a.is_dual_supply
FROM core.live_account AS a
