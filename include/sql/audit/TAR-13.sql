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
  SELECT w.word, w.folded, FALSE AS is_exempt
  FROM param.words AS w
  UNION ALL
  SELECT x.word, x.folded, TRUE
  FROM param.exempt AS x
),
word AS (
  -- Between \Q and \E (92 is the backslash) characters that mean something in a pattern stand for themselves.
  SELECT l.word,
         l.folded,
         l.is_exempt,
         REGEXP_MATCHES(l.folded, '[a-z]') AS is_latin,
         CONCAT('(^|[^0-9a-zÀ-ÖØ-öø-ɏḀ-ỿ])', CHR(92), 'Q', l.folded, CHR(92), 'E', '([^0-9a-zÀ-ÖØ-öø-ɏḀ-ỿ]|$)') AS pattern
  FROM listed AS l
  WHERE l.folded <> ''
),
hit AS (
  SELECT a.account_id, w.word, w.is_exempt, CASE WHEN w.is_latin THEN REGEXP_MATCHES(k.folded, w.pattern) ELSE TRUE END AS is_hit
  FROM core.live_account AS a
  JOIN core.text_key AS k ON k.raw = a.account_name
  JOIN word AS w ON INSTR(k.folded, w.folded) > 0
  WHERE a.usage_category = 'residential'
),
named AS (
  SELECT h.account_id, MIN(CASE WHEN NOT h.is_exempt THEN h.word END) AS word, BOOL_OR(h.is_exempt) AS is_exempt
  FROM hit AS h
  WHERE h.is_hit
  GROUP BY h.account_id
),
commercial AS (
  SELECT p.account_id, p.tariff_code, SUM(p.total_amount) AS total_amount
  FROM facts.priced AS p
  JOIN param.commercial_tariff AS c ON c.tariff_code = p.tariff_code
  JOIN named AS d ON d.account_id = p.account_id
  WHERE p.purpose = 'commercial'
  GROUP BY p.account_id, p.tariff_code
)
SELECT a.account_id AS subject_id,
       a.account_id,
       n.word IS NOT NULL AND NOT n.is_exempt AS flagged,
       MONEY(p.total_amount - b.total_amount) AS at_stake_amount,
       n.word,
       a.tariff_code,
       c.tariff_code AS commercial_tariff_code,
       b.total_amount AS billed_amount,
       p.total_amount AS commercial_amount
FROM core.live_account AS a
LEFT JOIN named AS n ON n.account_id = a.account_id
LEFT JOIN facts.bill_net AS b ON b.account_id = a.account_id AND b.period = $period
-- 0.4 kV is the name some give to the 0.38 kV level.
LEFT JOIN param.commercial_tariff AS c
  ON NOMINAL_KV(c.supply_kv)
   = NOMINAL_KV(a.supply_kv)
LEFT JOIN commercial AS p ON p.account_id = a.account_id AND p.tariff_code = c.tariff_code
WHERE a.usage_category = 'residential'
