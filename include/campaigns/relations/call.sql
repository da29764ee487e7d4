/*
grain: one row per account that called and is still to be called back
key: [account_id]
purpose: The earliest call rated 1 or 2, or complaint that was settled, on which nobody called back yet and three working days are not over.
columns:
  account_id: {type: string, doc: The supply account.}
  call_id: {type: string, doc: The call.}
  kind: {type: string, doc: 'complaint, repair, enquiry, suggestion or praise.'}
  closed_on: {type: date, doc: 'Local day on which it was resolved, or came in where nothing was to be done.'}
  satisfaction: {type: integer, doc: '1 to 5.'}
  is_dissatisfied: {type: boolean, doc: Rated 1 or 2.}
  is_settled: {type: boolean, doc: A complaint that was resolved.}
  send_by: {type: date, doc: The third working day after it.}
*/
WITH called AS (
  SELECT
    service_call.call_id,
    service_call.account_id,
    account.customer_id,
    service_call.kind,
    service_call.satisfaction,
    CAST(COALESCE(service_call.resolved_at, service_call.opened_at) AS DATE) AS closed_on,
    COALESCE(service_call.satisfaction <= 2, FALSE) AS is_dissatisfied,
    service_call.kind = 'complaint' AND service_call.resolved_at IS NOT NULL AS is_settled
  FROM source.service_call
  JOIN source.account ON account.account_id = service_call.account_id
  WHERE
    CAST(COALESCE(service_call.resolved_at, service_call.opened_at) AS DATE)
    > ADD_MONTHS($as_of, -1)
),

dated AS (
  SELECT
    called.*,
    send_day.day AS send_by
  FROM called
  JOIN core.calendar AS closed_day ON closed_day.day = called.closed_on
  JOIN core.calendar AS send_day
    ON send_day.working_day_no = closed_day.working_day_no + 3 AND send_day.is_working_day
  WHERE called.is_dissatisfied OR called.is_settled
)

SELECT
  dated.account_id,
  dated.call_id,
  dated.kind,
  dated.closed_on,
  dated.satisfaction,
  dated.is_dissatisfied,
  dated.is_settled,
  dated.send_by
FROM dated
LEFT JOIN ask.told
  ON told.occasion_id = dated.call_id
  AND told.customer_id = dated.customer_id
  AND (told.account_id = '' OR told.account_id = dated.account_id)
WHERE told.occasion_id IS NULL AND dated.send_by > $as_of
QUALIFY ROW_NUMBER() OVER (PARTITION BY dated.account_id ORDER BY dated.closed_on, dated.call_id) = 1
