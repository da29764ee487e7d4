/*
grain: one row per key figure
key: [kpi]
purpose: The key figures of the organisation, who answers for them, and what counts as good.
columns:
  kpi: {type: string, doc: The key figure.}
  title_en: {type: string, doc: What it is called.}
  title_zh: {type: string, doc: The same in Chinese.}
  description: {type: string, doc: What it says.}
  post: {type: string, doc: The post that answers for it.}
  better: {type: string, doc: 'high or low: which way is good.'}
  form: {type: string, doc: 'share, days or number: how it is told.'}
  standard: {type: double, doc: Value that scores 100; empty where it is not scored.}
  floor: {type: double, doc: Value that scores 0.}
  weight: {type: double, doc: What its score weighs in the composite.}
  is_as_of_only: {type: boolean, doc: 'It is known of as_of alone: for the audited month, without change.'}
  has_staff: {type: boolean, doc: Members of staff have it too.}
*/
SELECT
  kpi.kpi,
  kpi.title_en,
  kpi.title_zh,
  kpi.purpose AS description,
  kpi.post,
  kpi.better,
  kpi.form,
  kpi.standard,
  kpi.floor,
  kpi.weight,
  kpi.is_as_of_only,
  kpi.has_staff
FROM core.kpi
