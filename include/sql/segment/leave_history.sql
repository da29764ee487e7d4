/*
grain: one row an account and cut-off day; cut 0 is as_of (to be scored), 1 is the test, the rest are the training
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
  SELECT c.cut_no, ADD_MONTHS(MONTH_OF($as_of), -c.months_back) AS cut_on
  FROM param.cut AS c
),
sample AS (
  SELECT a.account_id, a.opened_on, a.closed_on
  FROM source.account AS a
  QUALIFY ROW_NUMBER() OVER (ORDER BY MD5(a.account_id), a.account_id) <= $sample_accounts
),
subject AS (
  SELECT a.account_id, CAST(0 AS BIGINT) AS cut_no, $as_of AS cut_on
  FROM core.live_account AS a
  UNION ALL
  SELECT s.account_id, c.cut_no, c.cut_on
  FROM sample AS s
  CROSS JOIN cut AS c
  WHERE s.opened_on <= c.cut_on AND (s.closed_on IS NULL OR s.closed_on > c.cut_on)
),
load AS (
  SELECT s.account_id, s.cut_no,
         COUNT(*) FILTER (WHERE b.period >= ADD_MONTHS(s.cut_on, -4)) AS months_now,
         SUM(CAST(b.billed_kwh AS DECIMAL(18,3))) FILTER (WHERE b.period > ADD_MONTHS(s.cut_on, -5)) AS kwh_now,
         COUNT(*) FILTER (WHERE b.period < ADD_MONTHS(s.cut_on, -12)) AS months_before,
         SUM(CAST(b.billed_kwh AS DECIMAL(18,3))) FILTER (WHERE b.period < ADD_MONTHS(s.cut_on, -12)) AS kwh_before
  FROM (SELECT u.account_id, u.cut_no, MONTH_OF(u.cut_on) AS cut_on FROM subject AS u) AS s
  JOIN facts.bill_net AS b ON b.account_id = s.account_id
   AND ((b.period < ADD_MONTHS(s.cut_on, -1) AND b.period >= ADD_MONTHS(s.cut_on, -4))
        OR (b.period < ADD_MONTHS(s.cut_on, -13) AND b.period >= ADD_MONTHS(s.cut_on, -16)))
  GROUP BY s.account_id, s.cut_no
),
closing AS (
  SELECT DISTINCT s.account_id, s.cut_no
  FROM subject AS s
  JOIN source.service_order AS o ON o.account_id = s.account_id
  WHERE o.kind IN ('close', 'move_premises') AND CAST(o.submitted_at AS DATE) <= s.cut_on
    AND (o.closed_at IS NULL OR CAST(o.closed_at AS DATE) > s.cut_on)
),
complaint AS (
  SELECT s.account_id, s.cut_no, COUNT(*) AS complaints
  FROM subject AS s
  JOIN source.service_call AS c ON c.account_id = s.account_id
  WHERE c.kind = 'complaint' AND CAST(c.opened_at AS DATE) <= s.cut_on
    AND CAST(c.opened_at AS DATE) > ADD_MONTHS(s.cut_on, -12)
  GROUP BY s.account_id, s.cut_no
),
solar AS (
  SELECT DISTINCT s.account_id, s.cut_no
  FROM subject AS s
  JOIN source.product_holding AS h ON h.account_id = s.account_id
  WHERE h.product_code = 'rooftop_solar' AND h.since_on <= s.cut_on AND (h.until_on IS NULL OR h.until_on > s.cut_on)
)
SELECT s.account_id,
       s.cut_no,
       s.cut_on,
       CASE WHEN c.account_id IS NULL THEN CAST(0 AS DOUBLE) ELSE CAST(1 AS DOUBLE) END AS closing_order,
       CASE WHEN l.months_now = 3 AND l.months_before = 3 AND l.kwh_before > 0
            THEN ROUND(LEAST(GREATEST(1 - RATIO(l.kwh_now, CAST(l.kwh_before AS DOUBLE)), CAST(0 AS DOUBLE)), CAST(1 AS DOUBLE)), 6)
            ELSE CAST(0 AS DOUBLE) END AS falling_load,
       CASE WHEN l.months_now = 3 AND l.kwh_now <= 0 THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS no_use,
       CASE WHEN a.has_self_generation OR r.account_id IS NOT NULL THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS own_generation,
       ROUND(LEAST(CAST(COALESCE(k.complaints, 0) AS DOUBLE) / 3, CAST(1 AS DOUBLE)), 6) AS complained,
       CASE WHEN a.opened_on > ADD_MONTHS(s.cut_on, -12) THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS new_supply,
       CASE WHEN a.is_temporary THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS temporary,
       CASE WHEN s.cut_no > 0
            THEN COALESCE(a.closed_on <= $as_of AND DATE_DIFF('day', s.cut_on, a.closed_on) <= 180, FALSE) END AS failed
FROM subject AS s
JOIN source.account AS a ON a.account_id = s.account_id
LEFT JOIN load AS l ON l.account_id = s.account_id AND l.cut_no = s.cut_no
LEFT JOIN closing AS c ON c.account_id = s.account_id AND c.cut_no = s.cut_no
LEFT JOIN complaint AS k ON k.account_id = s.account_id AND k.cut_no = s.cut_no
LEFT JOIN solar AS r ON r.account_id = s.account_id AND r.cut_no = s.cut_no
