/*
grain: one row per account whose demand of P was read
key: [account_id]
purpose: The demand of an account by its registers, beside what it was before.
columns:
  account_id: {type: string, doc: The supply account.}
  demand_kw: {type: double, doc: 'Of P: maximum demand x multiplier, summed over the main points.'}
  periods_before: {type: integer, doc: 'Billed ones among the six calendar months before P whose demand was read; where a bill covers several months those of the last six billed periods that lie in the year before P.'}
  median_demand_kw: {type: double, doc: Median of their demands; empty where there is none.}
*/
WITH demand AS (
  SELECT
    account_energy.account_id,
    account_energy.period,
    account_energy.demand_kw
  FROM facts.account_energy
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account_energy.account_id
  LEFT JOIN facts.cycle_period
    ON cycle_period.account_id = account_energy.account_id AND cycle_period.period = account_energy.period
  WHERE
    account_energy.period <= $period
    AND account_energy.demand_kw IS NOT NULL
    AND (
      account_energy.period = $period
      OR (billing_cycle.account_id IS NULL AND account_energy.period >= ADD_MONTHS($period, -6))
      OR cycle_period.billed_no <= 6
    )
),

before AS (
  SELECT
    demand.account_id,
    COUNT(*) AS periods,
    MEDIAN(demand.demand_kw) AS median_kw
  FROM demand
  JOIN facts.bill_net ON bill_net.account_id = demand.account_id AND bill_net.period = demand.period
  WHERE demand.period < $period
  GROUP BY demand.account_id
)

SELECT
  demand.account_id,
  demand.demand_kw,
  COALESCE(before.periods, 0) AS periods_before,
  before.median_kw AS median_demand_kw
FROM demand
LEFT JOIN before ON before.account_id = demand.account_id
WHERE demand.period = $period
