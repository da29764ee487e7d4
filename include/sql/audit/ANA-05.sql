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
SELECT m.account_id AS subject_id,
       m.account_id,
       m.is_suspect AND m.score >= $min_score AS flagged,
       m.other_transformer_id,
       m.own_transformer_id,
       ROUND(m.other_share, 3) AS other_area_moves_with,
       ROUND(m.own_share, 3) AS own_area_moves_with,
       ROUND(m.score, 2) AS score,
       $min_score AS min_score,
       m.days
FROM facts.area_misfit AS m
