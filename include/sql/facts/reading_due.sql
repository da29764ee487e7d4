/*
grain: one row per main point and month in which it is to be read (P and the eleven before)
key: [metering_point_id, period]
purpose: >-
  Which points are to be read in a month, decided once: a main point, installed before the month, of an account live on every day of
  it as it stands at as_of, for which a bill of the month is due.
view: true
columns:
  metering_point_id: {type: string, doc: The point.}
  period: {type: date, doc: First day of the month.}
  account_id: {type: string, doc: Its account.}
  installed_on: {type: date, doc: Day it was installed.}
  opened_on: {type: date, doc: Day the account was opened.}
  closed_on: {type: date, doc: 'Day the account was closed, where it was.'}
  org_unit_id: {type: string, doc: The account's unit.}
  reading_area_id: {type: string, doc: The account's reading area.}
*/
SELECT
  metering_point.metering_point_id,
  audited_month.period,
  metering_point.account_id,
  metering_point.installed_on,
  account.opened_on,
  account.closed_on,
  account.org_unit_id,
  account.reading_area_id
FROM source.metering_point
JOIN source.account ON account.account_id = metering_point.account_id
CROSS JOIN core.audited_month
LEFT JOIN facts.cycle_month
  ON cycle_month.account_id = metering_point.account_id AND cycle_month.period = audited_month.period
WHERE
  metering_point.role = 'main'
  AND COALESCE(cycle_month.is_due, TRUE)
  AND metering_point.installed_on < audited_month.period
  AND account.opened_on <= audited_month.period
  AND (account.closed_on IS NULL OR account.closed_on > audited_month.period_end)
  -- Who left after the month was still live on each of its days.
  AND (
    account.status IN ('active', 'suspended')
    OR (account.status = 'closed' AND account.closed_on > audited_month.period_end)
  )
