/*
grain: one row per composite segment
key: [segment]
purpose: The composite segments, what they are and how the utility deals with them. The same names as in customer_composite.
columns:
  segment: {type: string, doc: Name.}
  segment_zh: {type: string, doc: Name in Chinese.}
  description: {type: string, doc: Who is in it.}
  description_zh: {type: string, doc: The same in Chinese.}
  relationship_level: {type: string, doc: 'basic, reactive, accountable, proactive or partnership.'}
  relationship_level_zh: {type: string, doc: The same in Chinese.}
  treatment: {type: string, doc: What to do.}
  treatment_zh: {type: string, doc: The same in Chinese.}
params:
  segments:
    type: rows
    columns: {segment: string, segment_zh: string, description: string, description_zh: string, relationship_level: string, treatment: string, treatment_zh: string}
    default:
      - [without supply, 无在用户, Holds no live account, 名下无在用用电户, basic, Keep the record; ask back only with consent, 保留档案；经同意方可回访]
      - [key at risk, 有流失风险的大客户, 'Key account whose energy falls, with an order to close or move, or that a proven model expects to leave', 用电量下降、有在途销户或迁址工单、或经检验的模型判断可能流失的大客户, partnership, Visit within a week; look at tariff and supply quality, 一周内走访；核查电价与供电质量]
      - [key partner, 大客户伙伴, Key account, 大客户, partnership, Account manager; quarterly visit; yearly review, 配备客户经理；每季走访；每年评审]
      - [payment rescue, 欠费处置, Very likely not to pay, 极可能欠费, reactive, Call; payment plan; no new credit, 电话催缴；分期缴费；不再新增授信]
      - [payment watch, 欠费关注, Likely not to pay, 可能欠费, proactive, Remind before the due date; offer bank debit, 到期前提醒；推荐银行代扣]
      - [leaving, 流失预警, 'With an order to close or move, or that a proven model expects to leave', 有在途销户或迁址工单、或经检验的模型判断近期可能流失, proactive, Ask for the cause; tariff advice, 了解原因；电价建议]
      - [rising star, 潜力大客户, 'Emerging key account: potential far above its value, with a sign of growth', 新兴大客户：潜在价值远高于当前价值且有增长征兆, accountable, Account manager; capacity advice, 配备客户经理；容量建议]
      - [core business, 核心企业, Business of grade C or better, C 级及以上的企业, accountable, Yearly call; tariff and demand advice, 每年联系一次；电价与需量建议]
      - [growing business, 成长企业, 'Business whose energy grows, or whose potential exceeds its value', 用电量增长、或潜在价值高于当前价值的企业, proactive, Advice on capacity and services, 容量与服务建议]
      - [night business, 夜间用电企业, Business that uses energy at night, 夜间用电为主的企业, reactive, Time-of-use and storage advice, 分时电价与储能建议]
      - [small business, 小微企业, Other businesses, 其他企业, reactive, Digital service; tariff check once a year, 线上服务；每年核对一次电价]
      - [newcomer, 新户, Household in its first year, 用电不满一年的家庭, proactive, Welcome; offer bank debit and e-bill, 欢迎；推荐银行代扣与电子账单]
      - [service prospect, 服务意向户, Household with a service it would likely take up, 可能接受某项服务的家庭, proactive, Offer that service, 推荐该项服务]
      - [digital home, 线上家庭, Household that pays by bank debit, 银行代扣缴费的家庭, basic, Digital channels only, 仅用线上渠道]
      - [home, 普通家庭, Other households, 其他家庭, basic, Standard service, 标准服务]
      - [unassigned, 未归类, No row of the decision table fits, 决策表中无适用的行, basic, Mend the decision table, 修正决策表]
    doc: One row per segment.
  levels:
    type: rows
    columns: {relationship_level: string, relationship_level_zh: string}
    default: [[basic, 基本型], [reactive, 被动型], [accountable, 责任型], [proactive, 能动型], [partnership, 伙伴型]]
    doc: What the relationship levels are called in Chinese.
*/
SELECT
  segments.segment,
  segments.segment_zh,
  segments.description,
  segments.description_zh,
  segments.relationship_level,
  levels.relationship_level_zh,
  segments.treatment,
  segments.treatment_zh
FROM param.segments
LEFT JOIN param.levels ON levels.relationship_level = segments.relationship_level
