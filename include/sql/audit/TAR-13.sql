/*
title: Residential account with a business name
zh: 户名含商业信息未执行商业电价
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  usage_category residential, live, and account_name contains a word of the list and none of the exempt list (case folded, NFKC;
  a Latin word only where no Latin letter or digit stands next to it).
at_stake: shadow bill on the commercial tariff named by the parameter for its voltage, less as billed
params:
  words:
    type: list
    doc: Words of a business.
    columns: {word: string}
    folded: folded
    default: [公司, 商店, 商行, 超市, 酒店, 宾馆, 饭店, 餐厅, 餐馆, 网吧, 工厂, 加工厂, 批发, 门市, 美容, 药店, 诊所, 培训, 修理厂, 洗车, Co., Ltd, LLC, Inc, Shop, Store, Hotel, Restaurant, Cafe, Salon]
  exempt: {type: list, columns: {word: string}, folded: folded, default: [宿舍, 家属院, 公寓楼道], doc: Words that make a name residential after all.}
  commercial_tariff: {type: map, columns: {supply_kv: double, tariff_code: string}, default: {}, doc: The commercial tariff to compare with by supply_kv.}
messages:
  en: "The name contains {word} and the account is billed as residential."
  zh: "户名含“{word}”，仍执行居民电价。"
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
),

commercial AS (
  SELECT
    priced.account_id,
    priced.tariff_code,
    SUM(priced.total_amount) AS total_amount
  FROM facts.priced
  JOIN param.commercial_tariff ON commercial_tariff.tariff_code = priced.tariff_code
  JOIN named ON named.account_id = priced.account_id
  WHERE priced.purpose = 'commercial'
  GROUP BY priced.account_id, priced.tariff_code
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  named.word IS NOT NULL AND NOT named.is_exempt AS flagged,
  MONEY(commercial.total_amount - bill_net.total_amount) AS at_stake_amount,
  named.word,
  live_account.tariff_code,
  commercial_tariff.tariff_code AS commercial_tariff_code,
  bill_net.total_amount AS billed_amount,
  commercial.total_amount AS commercial_amount
FROM core.live_account
LEFT JOIN named ON named.account_id = live_account.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = live_account.account_id AND bill_net.period = $period
-- 0.4 kV is the name some give to the 0.38 kV level.
LEFT JOIN param.commercial_tariff
  ON NOMINAL_KV(commercial_tariff.supply_kv)
  = NOMINAL_KV(live_account.supply_kv)
LEFT JOIN commercial
  ON commercial.account_id = live_account.account_id
  AND commercial.tariff_code = commercial_tariff.tariff_code
WHERE live_account.usage_category = 'residential'
