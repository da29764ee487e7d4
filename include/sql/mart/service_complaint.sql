/*
grain: one row per complaint
key: [call_id]
purpose: >-
  The loop of a complaint: its grade and the deadline that follows from it, when it was settled, whether the customer was called back
  after that, and how satisfied they were. A grade may shorten the time that SVC-05 allows and never lengthens it.
columns:
  call_id: {type: string, doc: The complaint.}
  account_id: {type: string, doc: 'The account it concerns, where it names one.'}
  org_unit_id: {type: string, doc: 'Unit of the account; the call''s own where it names no account; else the top one.'}
  staff_id: {type: string, doc: Who deals with it.}
  topic: {type: string, doc: What it is about.}
  month: {type: date, doc: First day of the month in which it came in.}
  grade: {type: string, doc: 'general, major or critical: the source''s severity; where it gives none by grade_reason.'}
  grade_reason: {type: string, doc: 'What gave the grade, the first that holds: source; topic (a word of topic_grade in it); repeated (SVC-06''s min_times complaints of the account in its window_days up to this one); key_account (of such a customer); none.'}
  opened_at: {type: timestamp, doc: When it came in.}
  max_wd: {type: integer, doc: Working days to settle it.}
  due_on: {type: date, doc: Last day to settle it.}
  settled_at: {type: timestamp, doc: When it was settled; empty while it is not.}
  working_days: {type: integer, doc: 'Working days from its opening to its settling, to as_of where it is open.'}
  settle_state: {type: string, doc: 'open, overdue (not settled, deadline over), in_time or late (settled).'}
  call_back_due_on: {type: date, doc: 'Last day to call the customer back, call_back_wd working days after the settling; empty before it and where no customer is known.'}
  called_back_at: {type: timestamp, doc: 'First time after the settling that the customer was reached by telephone for it: an event of a call back list.'}
  call_back_state: {type: string, doc: 'not_settled, no_customer (the complaint names no known account), due, missed (not called, deadline over), in_time or late.'}
  satisfaction: {type: integer, doc: '1 (worst) to 5; empty where nobody said.'}
  is_dissatisfied: {type: boolean, doc: 'Satisfaction is 1 or 2; false where nobody said.'}
params:
  max_wd: {same_as: SVC-05.max_wd}
  min_times: {same_as: SVC-06.min_times}
  window_days: {same_as: SVC-06.window_days}
  grade_wd:
    type: map
    columns: {grade: string, max_wd: integer}
    default: {major: 3, critical: 1}
    doc: 'Working days to settle a complaint of a grade; where it is left out, or more than SVC-05 allows, SVC-05 holds.'
  topic_grade:
    type: map
    columns: {word: string, grade: string}
    default: {触电: critical, 人身: critical, 火灾: critical, 媒体: critical, 曝光: critical, 舆情: critical, 安全: major, electric shock: critical, injur: critical, fire: critical, media: critical, press: critical, safety: major}
    doc: 'Grade (major or critical) of a complaint without one whose topic has the word in it; words in small letters.'
  call_back_wd: {type: integer, default: 3, minimum: 0, doc: Working days after the settling within which the customer is called back.}
  call_back_campaign: {type: list, columns: {campaign_id: string}, default: [call-back], doc: Campaigns whose telephone events say that a customer was called back.}
*/
WITH complaint AS (
  SELECT
    call_clock.call_id,
    call_clock.account_id,
    account.customer_id,
    COALESCE(account.org_unit_id, call_clock.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
    call_clock.staff_id,
    call_clock.opened_at,
    call_clock.resolved_at,
    call_clock.opened_no,
    call_clock.working_days,
    service_call.topic,
    service_call.severity,
    service_call.satisfaction
  FROM facts.call_clock
  JOIN source.service_call ON service_call.call_id = call_clock.call_id
  LEFT JOIN source.account ON account.account_id = call_clock.account_id
  LEFT JOIN core.top_unit ON TRUE
  WHERE call_clock.kind = 'complaint'
),

repeated AS (
  SELECT
    complaint.call_id,
    COUNT(*) AS complaints
  FROM complaint
  JOIN complaint AS earlier
    ON earlier.account_id = complaint.account_id
    AND earlier.opened_at <= complaint.opened_at
    AND DATE_DIFF('day', CAST(earlier.opened_at AS DATE), CAST(complaint.opened_at AS DATE)) <= $window_days
  GROUP BY complaint.call_id
),

worded AS (
  SELECT
    complaint.call_id,
    MAX(CASE topic_grade.grade WHEN 'critical' THEN 2 WHEN 'major' THEN 1 ELSE 0 END) AS topic_rank
  FROM complaint
  JOIN param.topic_grade ON STRPOS(LOWER(complaint.topic), topic_grade.word) > 0
  GROUP BY complaint.call_id
),

reasoned AS (
  SELECT
    complaint.call_id,
    complaint.severity,
    worded.topic_rank,
    CASE
      WHEN complaint.severity IS NOT NULL THEN 'source'
      WHEN worded.topic_rank > 0 THEN 'topic'
      WHEN repeated.complaints >= $min_times THEN 'repeated'
      WHEN customer_grade.is_key_account THEN 'key_account'
      ELSE 'none'
    END AS grade_reason
  FROM complaint
  LEFT JOIN worded ON worded.call_id = complaint.call_id
  LEFT JOIN repeated ON repeated.call_id = complaint.call_id
  LEFT JOIN segment.customer_grade ON customer_grade.customer_id = complaint.customer_id
),

graded AS (
  SELECT
    reasoned.call_id,
    reasoned.grade_reason,
    CASE
      WHEN reasoned.grade_reason = 'source' THEN reasoned.severity
      WHEN reasoned.grade_reason = 'topic' AND reasoned.topic_rank = 2 THEN 'critical'
      WHEN reasoned.grade_reason = 'none' THEN 'general'
      ELSE 'major'
    END AS grade
  FROM reasoned
),

limited AS (
  SELECT
    graded.call_id,
    graded.grade,
    graded.grade_reason,
    LEAST(COALESCE(grade_wd.max_wd, $max_wd), $max_wd) AS max_wd
  FROM graded
  LEFT JOIN param.grade_wd ON grade_wd.grade = graded.grade
),

-- A telephone call back is about what was settled last before it.
reached AS (
  SELECT
    complaint.call_id,
    campaign_event.occurred_at
  FROM source.campaign_event
  JOIN param.call_back_campaign ON call_back_campaign.campaign_id = campaign_event.campaign_id
  JOIN complaint
    ON complaint.customer_id = campaign_event.customer_id
    AND complaint.resolved_at <= campaign_event.occurred_at
  WHERE
    campaign_event.channel = 'phone'
    AND campaign_event.kind IN ('delivered', 'replied', 'converted', 'complained')
  QUALIFY
    RANK() OVER (PARTITION BY campaign_event.event_id ORDER BY CAST(complaint.resolved_at AS DATE) DESC) = 1
),

called AS (
  SELECT
    reached.call_id,
    MIN(reached.occurred_at) AS called_back_at
  FROM reached
  GROUP BY reached.call_id
),

dated AS (
  SELECT
    complaint.call_id,
    complaint.customer_id IS NOT NULL AS has_customer,
    called.called_back_at,
    COALESCE(called_day.working_day_no, as_of_day.working_day_no)
    - settled_day.working_day_no AS call_back_wd,
    limited.grade,
    limited.grade_reason,
    limited.max_wd,
    CASE WHEN limited.max_wd > 0 THEN due_day.day ELSE CAST(complaint.opened_at AS DATE) END AS due_on,
    CASE
      WHEN complaint.resolved_at IS NULL OR complaint.customer_id IS NULL THEN NULL
      WHEN $call_back_wd > 0 THEN back_day.day
      ELSE CAST(complaint.resolved_at AS DATE)
    END AS call_back_due_on
  FROM complaint
  JOIN limited ON limited.call_id = complaint.call_id
  LEFT JOIN called ON called.call_id = complaint.call_id
  LEFT JOIN core.calendar AS due_day
    ON due_day.is_working_day AND due_day.working_day_no = complaint.opened_no + limited.max_wd
  LEFT JOIN core.calendar AS settled_day ON settled_day.day = CAST(complaint.resolved_at AS DATE)
  LEFT JOIN core.calendar AS back_day
    ON back_day.is_working_day AND back_day.working_day_no = settled_day.working_day_no + $call_back_wd
  LEFT JOIN core.calendar AS called_day ON called_day.day = CAST(called.called_back_at AS DATE)
  LEFT JOIN core.calendar AS as_of_day ON as_of_day.day = $as_of
)

SELECT
  complaint.call_id,
  complaint.account_id,
  complaint.org_unit_id,
  complaint.staff_id,
  complaint.topic,
  MONTH_OF(complaint.opened_at) AS month,
  dated.grade,
  dated.grade_reason,
  complaint.opened_at,
  dated.max_wd,
  dated.due_on,
  complaint.resolved_at AS settled_at,
  complaint.working_days,
  CASE
    WHEN complaint.resolved_at IS NULL AND complaint.working_days > dated.max_wd THEN 'overdue'
    WHEN complaint.resolved_at IS NULL THEN 'open'
    WHEN complaint.working_days > dated.max_wd THEN 'late'
    ELSE 'in_time'
  END AS settle_state,
  dated.call_back_due_on,
  dated.called_back_at,
  CASE
    WHEN complaint.resolved_at IS NULL THEN 'not_settled'
    WHEN NOT dated.has_customer THEN 'no_customer'
    WHEN dated.called_back_at IS NULL AND dated.call_back_wd > $call_back_wd THEN 'missed'
    WHEN dated.called_back_at IS NULL THEN 'due'
    WHEN dated.call_back_wd > $call_back_wd THEN 'late'
    ELSE 'in_time'
  END AS call_back_state,
  complaint.satisfaction,
  COALESCE(complaint.satisfaction IN (1, 2), FALSE) AS is_dissatisfied
FROM complaint
JOIN dated ON dated.call_id = complaint.call_id
