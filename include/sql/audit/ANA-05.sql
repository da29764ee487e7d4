/*
title: Probably fed by another transformer
zh: 疑似户变关系错误
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  the account's daily energy (or voltage, where given) moves with another area's unexplained loss and not
  with its own area's, by the model's threshold; the evidence names that area.
params:
  min_score: {type: number, default: 5, minimum: 5, doc: 'Standard errors by which both losses must move with the account.'}
messages:
  en: >-
    Probably fed by {other_transformer_id}: its loss moves with the account, that of {own_transformer_id}
    against it.
  zh: >-
    疑似由 {other_transformer_id} 供电：该台区损失随本户电量变化，{own_transformer_id} 则相反。
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
