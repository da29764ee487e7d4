/*
title: Supply plan answered late
zh: 供电方案答复超时限
kind: exception
modes: [nightly]
subject: order
severity: medium
flags: >-
  submitted within 12 months before as_of or still open, not withdrawn or rejected; new or increase:
  working days from submitted_at to plan_replied_at (to as_of where empty) above the limit: low voltage,
  high with one supply, high with two.
params:
  max_wd:
    type: map
    columns: {limit_key: string, max_wd: integer}
    default: {low: 3, high_single: 14, high_dual: 29}
    doc: 'Working days to the answer: low voltage, high with one supply, high with two.'
messages:
  en: "{working_days} working days to the supply plan; the limit is {max_wd}."
  zh: "供电方案答复 {working_days} 个工作日，时限 {max_wd}。"
*/
WITH judged AS (
  SELECT o.order_id,
         o.account_id,
         o.kind,
         o.staff_id,
         o.submitted_at AS from_at,
         o.plan_replied_at AS to_at,
         x.supply_kv,
         x.is_dual_supply,
         CASE WHEN x.supply_kv < 1 THEN 'low' WHEN x.is_dual_supply THEN 'high_dual' ELSE 'high_single' END AS limit_key,
         CAST(o.submitted_at AS DATE) AS from_on,
         COALESCE(CAST(o.plan_replied_at AS DATE), $as_of) AS to_on
  FROM source.service_order AS o
  INNER JOIN source.account AS x ON x.account_id = o.account_id
  WHERE o.kind IN ('new', 'increase') AND
        (CAST(o.submitted_at AS DATE) >= CAST(ADD_MONTHS($as_of, -12) AS DATE) OR o.closed_at IS NULL)
    AND (o.outcome IS NULL OR o.outcome NOT IN ('withdrawn', 'rejected'))
    AND o.submitted_at IS NOT NULL
)
SELECT j.order_id AS subject_id,
       j.account_id,
       cb.working_day_no - ca.working_day_no > m.max_wd AS flagged,
       CASE WHEN ca.day IS NULL THEN 'before the calendar' END AS not_checked,
       j.kind AS order_kind,
       j.from_at AS submitted_at,
       j.to_at AS plan_replied_at,
       cb.working_day_no - ca.working_day_no AS working_days,
       m.max_wd,
       j.limit_key,
       j.staff_id
FROM judged AS j
LEFT JOIN core.calendar AS ca ON ca.day = j.from_on
LEFT JOIN core.calendar AS cb ON cb.day = j.to_on
LEFT JOIN param.max_wd AS m ON m.limit_key = j.limit_key
