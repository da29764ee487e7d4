/*
grain: one row per live account and service that it does not hold, of the accounts that resemble its takers most
key: [account_id, product_code]
purpose: Who resembles those that took a service up; only services whose model is good enough (mart.model_quality).
columns:
  account_id: {type: string, doc: The supply account.}
  product_code: {type: string, doc: The service.}
  place: {type: integer, doc: 'Among all accounts without the service; 1 resembles most.'}
  resemblance: {type: double, doc: Probability of taking it up within a year.}
  reasons: {type: string, doc: 'What raises it most above the average, in words, strongest first.'}
  reasons_zh: {type: string, doc: The same in Chinese.}
*/
SELECT
  lookalike.account_id,
  lookalike.product_code,
  lookalike.place,
  lookalike.resemblance,
  lookalike.reasons,
  lookalike.reasons_zh
FROM segment.lookalike
WHERE lookalike.is_best
