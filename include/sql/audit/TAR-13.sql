/*
title: Residential account with a business name
zh: 户名含商业信息未执行商业电价
flags_zh: 居民用电在用账户的户名含有商业词语（words）且不含豁免词语（exempt）。
what_to_do:
  en: >-
    See on site what the premises are used for; where it is business, change category and tariff from the
    day it is established.
  zh: 现场核实用电性质；确为经营用电的，变更用电类别和电价，自核实之日执行并追补差价。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [billed_amount, commercial_amount]
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
  en:
    - "The name of a residential account contains “{word}”; {billed_amount} was billed where the commercial tariff gives {commercial_amount}."
    - "The name of a residential account contains “{word}”, a word of business."
  zh:
    - "居民用电账户户名含商业词语“{word}”，已计电费 {billed_amount} 元，按商业电价为 {commercial_amount} 元。"
    - "居民用电账户户名含商业词语“{word}”。"
*/
WITH commercial AS (
  SELECT
    priced.account_id,
    priced.tariff_code,
    SUM(priced.total_amount) AS total_amount
  FROM facts.priced
  JOIN param.commercial_tariff ON commercial_tariff.tariff_code = priced.tariff_code
  JOIN facts.business_name ON business_name.account_id = priced.account_id
  WHERE priced.purpose = 'commercial'
  GROUP BY priced.account_id, priced.tariff_code
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  business_name.account_id IS NOT NULL AS flagged,
  MONEY(commercial.total_amount - bill_net.total_amount) AS at_stake_amount,
  business_name.word,
  live_account.tariff_code,
  commercial_tariff.tariff_code AS commercial_tariff_code,
  bill_net.total_amount AS billed_amount,
  commercial.total_amount AS commercial_amount
FROM core.live_account
LEFT JOIN facts.business_name ON business_name.account_id = live_account.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = live_account.account_id AND bill_net.period = $period
-- 0.4 kV is the name some give to the 0.38 kV level.
LEFT JOIN param.commercial_tariff
  ON NOMINAL_KV(commercial_tariff.supply_kv)
  = NOMINAL_KV(live_account.supply_kv)
LEFT JOIN commercial
  ON commercial.account_id = live_account.account_id
  AND commercial.tariff_code = commercial_tariff.tariff_code
WHERE live_account.usage_category = 'residential'
