/*
title: Field check overdue
zh: 超周期现场校验
flags_zh: 在用账户主计量点在其合同容量对应的月数内没有现场校验记录（最小容量以下不要求；装表不足该月数的除外）。
what_to_do:
  en: Check the meter in the field and enter the event.
  zh: 安排现场校验并登记校验记录。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: state
proof: same
moves: [limit_on]
site: true
flags: >-
  the main point of a live account with no field_checked event within the months that its contracted_kva
  asks before as_of (none below the smallest size), and installed_on at least as long ago.
params:
  months_by_kva: {type: rows, columns: {min_kva: double, months: integer}, default: [[10000, 6], [2000, 12], [315, 24]], doc: 'Months between field checks from a contracted capacity on; none below the smallest.'}
messages:
  en:
    - "The last field check was on {last_checked_on}; at {contracted_kva} kVA one is due every {cycle_months} months."
    - "The meter has never been checked in the field; at {contracted_kva} kVA that is due every {cycle_months} months."
  zh:
    - "上次现场校验日期为 {last_checked_on}，容量 {contracted_kva} kVA 的客户应每 {cycle_months} 个月校验一次。"
    - "从未现场校验，容量 {contracted_kva} kVA 的客户应每 {cycle_months} 个月校验一次。"
*/
SELECT
  field_check.metering_point_id AS subject_id,
  field_check.account_id,
  field_check.installed_on <= field_check.not_before
  AND (field_check.last_checked_on IS NULL OR field_check.last_checked_on < field_check.not_before)
    AS flagged,
  field_check.last_checked_on,
  field_check.contracted_kva,
  field_check.cycle_months,
  field_check.not_before AS limit_on,
  field_check.installed_on
FROM facts.field_check
