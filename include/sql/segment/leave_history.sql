/*
grain: one row per account and cut-off day; cut 0 is as_of (to be scored), 1 is the test, the rest are the training
key: [account_id, cut_no]
purpose: >-
  What pointed to an account's leaving at a cut-off day, and whether it was closed in the 180 days after it.
  Every feature lies between 0 and 1.
columns:
  account_id: {type: string, doc: The supply account.}
  cut_no: {type: integer, doc: '0 score, 1 test, 2 and on training.'}
  cut_on: {type: date, doc: The cut-off day.}
  closing_order: {type: double, doc: 1 where an order to close or move is open.}
  falling_load: {type: double, doc: 'Share by which the 3 last months are below the same months a year before, 0 to 1.'}
  no_use: {type: double, doc: 1 where the 3 last months are billed and hold no energy.}
  own_generation: {type: double, doc: 1 with own generation or a rooftop plant.}
  complained: {type: double, doc: 'Complaints of the last year over 3, not above 1.'}
  new_supply: {type: double, doc: 1 in the first year of supply.}
  temporary: {type: double, doc: 1 for temporary supply.}
  failed: {type: boolean, doc: Left after the cut-off; empty for cut 0.}
params:
  cut:
    type: rows
    columns: {cut_no: integer, months_back: integer}
    default: [[1, 6], [2, 12], [3, 13], [4, 14], [5, 15]]
    doc: Cut-off days, in months before the first of the month of as_of.
  sample_accounts: {type: integer, default: 50000, minimum: 100, doc: Accounts looked at for training and test.}
*/
WITH cut AS (
  SELECT
    cut.cut_no,
    ADD_MONTHS(MONTH_OF($as_of), -cut.months_back) AS cut_on
  FROM param.cut
),

sample AS (
  SELECT
    account.account_id,
    account.opened_on,
    account.closed_on
  FROM source.account
  QUALIFY ROW_NUMBER() OVER (ORDER BY MD5(account.account_id), account.account_id) <= $sample_accounts
),

subject AS (
  SELECT
    live_account.account_id,
    CAST(0 AS BIGINT) AS cut_no,
    $as_of AS cut_on
  FROM core.live_account
  UNION ALL
  SELECT
    sample.account_id,
    cut.cut_no,
    cut.cut_on
  FROM sample
  CROSS JOIN cut
  WHERE sample.opened_on <= cut.cut_on AND (sample.closed_on IS NULL OR sample.closed_on > cut.cut_on)
),

load AS (
  SELECT
    month_of_subject.account_id,
    month_of_subject.cut_no,
    COUNT(*) FILTER (WHERE bill_net.period >= ADD_MONTHS(month_of_subject.cut_on, -4)) AS months_now,
    SUM(CAST(bill_net.billed_kwh AS DECIMAL(18, 3))) FILTER (
      WHERE bill_net.period > ADD_MONTHS(month_of_subject.cut_on, -5)
    ) AS kwh_now,
    COUNT(*) FILTER (WHERE bill_net.period < ADD_MONTHS(month_of_subject.cut_on, -12)) AS months_before,
    SUM(CAST(bill_net.billed_kwh AS DECIMAL(18, 3))) FILTER (
      WHERE bill_net.period < ADD_MONTHS(month_of_subject.cut_on, -12)
    ) AS kwh_before
  FROM
    (SELECT
      subject.account_id,
      subject.cut_no,
      MONTH_OF(subject.cut_on) AS cut_on
    FROM subject) AS month_of_subject
  JOIN facts.bill_net
    ON bill_net.account_id = month_of_subject.account_id
    AND (
      (
        bill_net.period < ADD_MONTHS(month_of_subject.cut_on, -1)
        AND bill_net.period >= ADD_MONTHS(month_of_subject.cut_on, -4)
      )
      OR (
        bill_net.period < ADD_MONTHS(month_of_subject.cut_on, -13)
        AND bill_net.period >= ADD_MONTHS(month_of_subject.cut_on, -16)
      )
    )
  GROUP BY month_of_subject.account_id, month_of_subject.cut_no
),

closing AS (
  SELECT DISTINCT
    subject.account_id,
    subject.cut_no
  FROM subject
  JOIN source.service_order ON service_order.account_id = subject.account_id
  WHERE
    service_order.kind IN ('close', 'move_premises')
    AND CAST(service_order.submitted_at AS DATE) <= subject.cut_on
    AND (service_order.closed_at IS NULL OR CAST(service_order.closed_at AS DATE) > subject.cut_on)
),

complaint AS (
  SELECT
    subject.account_id,
    subject.cut_no,
    COUNT(*) AS complaints
  FROM subject
  JOIN source.service_call ON service_call.account_id = subject.account_id
  WHERE
    service_call.kind = 'complaint' AND CAST(service_call.opened_at AS DATE) <= subject.cut_on
    AND CAST(service_call.opened_at AS DATE) > ADD_MONTHS(subject.cut_on, -12)
  GROUP BY subject.account_id, subject.cut_no
),

solar AS (
  SELECT DISTINCT
    subject.account_id,
    subject.cut_no
  FROM subject
  JOIN source.product_holding ON product_holding.account_id = subject.account_id
  WHERE
    product_holding.product_code = 'rooftop_solar'
    AND product_holding.since_on <= subject.cut_on
    AND (product_holding.until_on IS NULL OR product_holding.until_on > subject.cut_on)
)

SELECT
  subject.account_id,
  subject.cut_no,
  subject.cut_on,
  CASE WHEN closing.account_id IS NULL THEN CAST(0 AS DOUBLE) ELSE CAST(1 AS DOUBLE) END AS closing_order,
  CASE
    WHEN load.months_now = 3 AND load.months_before = 3 AND load.kwh_before > 0
      THEN
        ROUND(
          LEAST(
            GREATEST(1 - RATIO(load.kwh_now, CAST(load.kwh_before AS DOUBLE)), CAST(0 AS DOUBLE)),
            CAST(1 AS DOUBLE)
          ),
          6
        )
    ELSE CAST(0 AS DOUBLE)
  END AS falling_load,
  CASE WHEN load.months_now = 3 AND load.kwh_now <= 0 THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END
    AS no_use,
  CASE
    WHEN account.has_self_generation OR solar.account_id IS NOT NULL THEN CAST(1 AS DOUBLE) ELSE
      CAST(0 AS DOUBLE)
  END AS own_generation,
  ROUND(LEAST(CAST(COALESCE(complaint.complaints, 0) AS DOUBLE) / 3, CAST(1 AS DOUBLE)), 6) AS complained,
  CASE
    WHEN account.opened_on > ADD_MONTHS(subject.cut_on, -12) THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE)
  END AS new_supply,
  CASE WHEN account.is_temporary THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS temporary,
  CASE
    WHEN subject.cut_no > 0
      THEN
        COALESCE(
          account.closed_on <= $as_of AND DATE_DIFF('day', subject.cut_on, account.closed_on) <= 180, FALSE
        )
  END AS failed
FROM subject
JOIN source.account ON account.account_id = subject.account_id
LEFT JOIN load ON load.account_id = subject.account_id AND load.cut_no = subject.cut_no
LEFT JOIN closing ON closing.account_id = subject.account_id AND closing.cut_no = subject.cut_no
LEFT JOIN complaint ON complaint.account_id = subject.account_id AND complaint.cut_no = subject.cut_no
LEFT JOIN solar ON solar.account_id = subject.account_id AND solar.cut_no = subject.cut_no
