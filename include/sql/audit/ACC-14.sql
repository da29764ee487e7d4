/*
title: 'Fee short, waived or deferred'
zh: 规费错收漏收减免缓交
kind: exception
modes: [online, nightly]
subject: fee
severity: medium
flags: >-
  a fee of any other kind whose charged_amount differs from standard_amount without waiver_approved; a fee
  of any kind with waiver_approved and charged below standard; or paid below charged more than grace_days
  after charged_on.
at_stake: 'standard less charged, or charged less paid'
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after charging in which a fee may stay unpaid.}
messages:
  en: "Fee {subject_id}: {problem} (standard {standard_amount}, charged {charged_amount}, paid {paid_amount})."
  zh: "费用 {subject_id}：{problem}（应收 {standard_amount}，已收 {charged_amount}，到账 {paid_amount}）。"
*/
WITH judged AS (
  SELECT f.fee_id,
         f.account_id,
         f.kind,
         f.standard_amount,
         f.charged_amount,
         f.paid_amount,
         f.waiver_approved,
         f.charged_on,
         COALESCE(f.kind NOT IN ('high_reliability', 'temporary_connection')
                  AND f.charged_amount <> f.standard_amount AND NOT f.waiver_approved, FALSE) AS is_wrong,
         COALESCE(f.waiver_approved AND f.charged_amount < f.standard_amount, FALSE) AS is_waived,
         COALESCE(f.paid_amount < f.charged_amount AND DATE_DIFF('day', f.charged_on, $as_of) > $grace_days, FALSE) AS is_unpaid
  FROM source.fee AS f
)
SELECT j.fee_id AS subject_id,
       j.account_id,
       j.is_wrong OR j.is_waived OR j.is_unpaid AS flagged,
       CASE WHEN j.is_wrong OR j.is_waived THEN j.standard_amount - j.charged_amount
            ELSE j.charged_amount - j.paid_amount END AS at_stake_amount,
       CONCAT_WS(', ',
         CASE WHEN j.is_wrong THEN 'charged differs from standard' END,
         CASE WHEN j.is_waived THEN 'waived' END,
         CASE WHEN j.is_unpaid THEN 'not paid in time' END) AS problem,
       j.kind AS fee_kind,
       j.standard_amount,
       j.charged_amount,
       j.paid_amount,
       j.waiver_approved,
       j.charged_on,
       $grace_days AS grace_days
FROM judged AS j
