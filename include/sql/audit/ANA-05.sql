/*
title: Probably fed by another transformer
zh: 疑似户变关系错误
flags_zh: 账户日电量（或电压）与另一台区的不明损失联动，而与所属台区不联动，超过模型阈值。
what_to_do:
  en: See on site which transformer feeds the account and correct the supply point.
  zh: 现场核实实际供电台区，更正供电点所属变压器。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [score, other_area_moves_with, own_area_moves_with, days]
site: true
flags: >-
  the account's daily energy (or voltage, where given) moves with another area's unexplained loss and not
  with its own area's, by the model's threshold; the evidence names that area.
params:
  min_score: {type: number, default: 5, minimum: 5, doc: 'Standard errors by which both losses must move with the account.'}
messages:
  en: "The account is probably fed by transformer {other_transformer_id}, whose loss moves with its use over {days} days, and not by {own_transformer_id}; score {score}, limit {min_score}."
  zh: "该户疑似由变压器 {other_transformer_id} 供电：{days} 天内该台区损失随其电量变化，所属变压器 {own_transformer_id} 则不然；评分 {score}，阈值 {min_score}。"
*/
SELECT
  area_misfit.account_id AS subject_id,
  area_misfit.account_id,
  area_misfit.is_suspect AND area_misfit.score >= $min_score AS flagged,
  area_misfit.other_transformer_id,
  area_misfit.own_transformer_id,
  ROUND(area_misfit.other_share, 3) AS other_area_moves_with,
  ROUND(area_misfit.own_share, 3) AS own_area_moves_with,
  ROUND(area_misfit.score, 2) AS score,
  $min_score AS min_score,
  area_misfit.days
FROM facts.area_misfit
