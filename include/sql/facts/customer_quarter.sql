/*
grain: one row per customer with an open account at the beginning of a full quarter, and quarter
key: [customer_id, quarter]
purpose: What a customer used, was billed, complained of, owed and whether she left, by quarter; what the programme of campaigns is judged by.
columns:
  customer_id: {type: string, doc: The customer.}
  quarter: {type: date, doc: Its first day. Full quarters whose last month is billed.}
  energy_kwh: {type: double, doc: 'Net billed energy of its months, of the accounts open at its beginning.'}
  billed_amount: {type: decimal, doc: Net billed amount of them.}
  complaints: {type: integer, doc: Complaints opened in it.}
  arrears_amount: {type: decimal, doc: 'What was open at its end of bills due in it, as facts.bill_settlement settles them.'}
  leaving: {type: integer, doc: '1 where no account that was open at its beginning is open at its end, else 0.'}
params:
  quarters: {type: integer, default: 4, minimum: 1, maximum: 20, doc: So many full quarters back.}
*/
WITH quarter AS (
  SELECT
    calendar.day AS quarter,
    ADD_MONTHS(calendar.day, 3) AS next_quarter
  FROM core.calendar
  WHERE
    EXTRACT(DAY FROM calendar.day) = 1
    AND EXTRACT(MONTH FROM calendar.day) IN (1, 4, 7, 10)
    AND ADD_MONTHS(calendar.day, 2) <= $period
    AND ADD_MONTHS(calendar.day, 3 * $quarters + 3) > $period
  QUALIFY ROW_NUMBER() OVER (ORDER BY calendar.day DESC) <= $quarters
),

here AS (
  SELECT
    account.account_id,
    account.customer_id,
    quarter.quarter,
    quarter.next_quarter,
    CASE WHEN account.closed_on < quarter.next_quarter THEN 0 ELSE 1 END AS stays
  FROM source.account
  CROSS JOIN quarter
  WHERE
    account.opened_on < quarter.quarter
    AND (account.closed_on IS NULL OR account.closed_on >= quarter.quarter)
),

billed AS (
  SELECT
    here.customer_id,
    here.quarter,
    EXACT_SUM(bill_net.billed_kwh) AS energy_kwh,
    SUM(bill_net.total_amount) AS billed_amount
  FROM here
  JOIN facts.bill_net
    ON bill_net.account_id = here.account_id
    AND bill_net.period >= here.quarter
    AND bill_net.period < here.next_quarter
  GROUP BY here.customer_id, here.quarter
),

complained AS (
  SELECT
    here.customer_id,
    here.quarter,
    COUNT(*) AS complaints
  FROM here
  JOIN source.service_call
    ON service_call.account_id = here.account_id
    AND CAST(service_call.opened_at AS DATE) >= here.quarter
    AND CAST(service_call.opened_at AS DATE) < here.next_quarter
  WHERE service_call.kind = 'complaint'
  GROUP BY here.customer_id, here.quarter
),

-- A bill settled later was open in full then; one that never was is open by what is left of it.
owed AS (
  SELECT
    here.customer_id,
    here.quarter,
    SUM(
      CASE
        WHEN bill_settlement.settled_on IS NULL THEN bill_settlement.unpaid_amount ELSE bill_settlement.amount
      END
    )
      AS arrears_amount
  FROM here
  JOIN facts.bill_settlement
    ON bill_settlement.account_id = here.account_id
    AND bill_settlement.due_on >= here.quarter
    AND bill_settlement.due_on < here.next_quarter
  WHERE
    bill_settlement.settled_on >= here.next_quarter
    OR (bill_settlement.settled_on IS NULL AND bill_settlement.unpaid_amount > 0.01)
  GROUP BY here.customer_id, here.quarter
),

present AS (
  SELECT
    here.customer_id,
    here.quarter,
    1 - MAX(here.stays) AS leaving
  FROM here
  GROUP BY here.customer_id, here.quarter
)

SELECT
  present.customer_id,
  present.quarter,
  COALESCE(billed.energy_kwh, CAST(0 AS DOUBLE)) AS energy_kwh,
  MONEY(COALESCE(billed.billed_amount, 0)) AS billed_amount,
  COALESCE(complained.complaints, 0) AS complaints,
  MONEY(COALESCE(owed.arrears_amount, 0)) AS arrears_amount,
  CAST(present.leaving AS BIGINT) AS leaving
FROM present
LEFT JOIN billed ON billed.customer_id = present.customer_id AND billed.quarter = present.quarter
LEFT JOIN complained ON complained.customer_id = present.customer_id AND complained.quarter = present.quarter
LEFT JOIN owed ON owed.customer_id = present.customer_id AND owed.quarter = present.quarter
