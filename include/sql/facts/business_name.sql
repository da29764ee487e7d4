/*
grain: one row per live residential account whose name contains a word of business
key: [account_id]
purpose: Names that TAR-13 finds, decided once for the rule and for what is to be priced (facts.price_question).
columns:
  account_id: {type: string, doc: The supply account.}
  word: {type: string, doc: 'The word found, the first in order of their characters.'}
params:
  words: {same_as: TAR-13.words}
  exempt: {same_as: TAR-13.exempt}
*/
WITH listed AS (
  SELECT
    words.word,
    words.folded,
    FALSE AS is_exempt
  FROM param.words
  UNION ALL
  SELECT
    exempt.word,
    exempt.folded,
    TRUE
  FROM param.exempt
),

word AS (
  -- Between \Q and \E (92 is the backslash) characters that mean something in a pattern stand for themselves.
  SELECT
    listed.word,
    listed.folded,
    listed.is_exempt,
    REGEXP_MATCHES(listed.folded, '[a-z]') AS is_latin,
    CONCAT(
      '(^|[^0-9a-zÀ-ÖØ-öø-ɏḀ-ỿ])', CHR(92), 'Q', listed.folded, CHR(92), 'E', '([^0-9a-zÀ-ÖØ-öø-ɏḀ-ỿ]|$)'
    ) AS pattern
  FROM listed
  WHERE listed.folded <> ''
),

hit AS (
  SELECT
    live_account.account_id,
    word.word,
    word.is_exempt,
    CASE WHEN word.is_latin THEN REGEXP_MATCHES(text_key.folded, word.pattern) ELSE TRUE END AS is_hit
  FROM core.live_account
  JOIN core.text_key ON text_key.raw = live_account.account_name
  JOIN word ON INSTR(text_key.folded, word.folded) > 0
  WHERE live_account.usage_category = 'residential'
),

named AS (
  SELECT
    hit.account_id,
    MIN(CASE WHEN NOT hit.is_exempt THEN hit.word END) AS word,
    BOOL_OR(hit.is_exempt) AS is_exempt
  FROM hit
  WHERE hit.is_hit
  GROUP BY hit.account_id
)

SELECT
  named.account_id,
  named.word
FROM named
WHERE named.word IS NOT NULL AND NOT named.is_exempt
