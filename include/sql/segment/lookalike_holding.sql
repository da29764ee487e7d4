/*
grain: one row per account, cut-off day and service that it held then or took up in the year after it
key: [account_id, cut_no, product_code]
purpose: Which services the accounts of segment.lookalike_history held at a cut-off day, and which they took up in the year after it.
columns:
  account_id: {type: string, doc: The supply account.}
  cut_no: {type: integer, doc: As in segment.lookalike_history.}
  product_code: {type: string, doc: The service.}
  is_held: {type: boolean, doc: Held at the cut-off.}
  is_taken: {type: boolean, doc: 'Taken up in the year after it, and not given back the same day; false for cut 0.'}
*/
WITH holding AS (
  SELECT
    history.account_id,
    history.cut_no,
    product_holding.product_code,
    MAX(
      CASE
        WHEN
          product_holding.since_on <= history.cut_on
          AND (product_holding.until_on IS NULL OR product_holding.until_on > history.cut_on)
          THEN 1
        ELSE 0
      END
    ) AS held,
    MAX(
      CASE
        WHEN
          history.cut_no > 0
          AND product_holding.since_on > history.cut_on
          AND product_holding.since_on <= ADD_MONTHS(history.cut_on, 12)
          AND (product_holding.until_on IS NULL OR product_holding.until_on > product_holding.since_on)
          THEN 1
        ELSE 0
      END
    ) AS taken
  FROM segment.lookalike_history AS history
  JOIN source.product_holding ON product_holding.account_id = history.account_id
  GROUP BY history.account_id, history.cut_no, product_holding.product_code
)

SELECT
  holding.account_id,
  holding.cut_no,
  holding.product_code,
  holding.held = 1 AS is_held,
  holding.taken = 1 AS is_taken
FROM holding
WHERE holding.held = 1 OR holding.taken = 1
