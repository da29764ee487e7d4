"""Independent checks of a clean sample: each query gives the rows that contradict a rule of the catalogue."""

from __future__ import annotations

from pathlib import Path

import duckdb

AS_OF, P, P_END = "DATE '2026-11-04'", "DATE '2026-10-01'", "DATE '2026-10-31'"

SHADOW = """
CREATE TABLE shadow AS
WITH reading AS (
  SELECT p.account_id, p.role, r.period, r.register, p.multiplier,
         CASE WHEN e.old_value IS NOT NULL THEN (e.old_value - r.previous_value) + (r.current_value - e.new_value)
              WHEN r.current_value < r.previous_value THEN 10 ** COALESCE(m.digits, 6) - r.previous_value + r.current_value
              ELSE r.current_value - r.previous_value END * p.multiplier AS raw_kwh, ROUND(raw_kwh, 6) AS kwh,
         CASE WHEN r.register = 'max_demand_kw' THEN r.current_value * p.multiplier END AS kw
  FROM register_reading r JOIN metering_point p USING (metering_point_id) LEFT JOIN meter m USING (meter_id)
  LEFT JOIN metering_event e ON e.metering_point_id = p.metering_point_id AND e.kind = 'replace'
    AND e.register = r.register AND DATE_TRUNC('month', e.occurred_at AT TIME ZONE 'Asia/Shanghai') = r.period
  WHERE p.role IN ('main', 'sub')
), energy AS (
  SELECT account_id, period,
    SUM(CASE WHEN role = 'main' THEN kwh ELSE -kwh END) FILTER (register = 'active_total') AS total,
    SUM(CASE WHEN role = 'main' THEN kwh ELSE -kwh END) FILTER (register = 'active_sharp') AS sharp,
    SUM(CASE WHEN role = 'main' THEN kwh ELSE -kwh END) FILTER (register = 'active_peak') AS peak,
    SUM(CASE WHEN role = 'main' THEN kwh ELSE -kwh END) FILTER (register = 'active_flat') AS flat,
    SUM(CASE WHEN role = 'main' THEN kwh ELSE -kwh END) FILTER (register = 'active_valley') AS valley,
    SUM(kwh) FILTER (register = 'active_total' AND role = 'main') AS active,
    SUM(kwh) FILTER (register = 'reactive_total' AND role = 'main') AS reactive,
    SUM(kw) AS kw
  FROM reading GROUP BY ALL
), rate AS (
  SELECT b.bill_id, r.component, r.step_no, r.step_from_kwh, r.unit_price,
         COALESCE(LEAD(r.step_from_kwh) OVER (PARTITION BY b.bill_id, r.component ORDER BY r.step_no), 1e18) AS step_to
  FROM bill b JOIN tariff_rate r ON r.tariff_code = b.tariff_code AND b.period_end >= r.valid_from
    AND b.period_end <= COALESCE(r.valid_to, DATE '9999-12-31')
  WHERE b.corrects_bill_id IS NULL
), loss AS (
  SELECT t.account_id, SUM(c.iron_loss_kwh_per_day) AS iron, SUM(c.copper_loss_rate * t.rated_kva) / SUM(t.rated_kva) AS copper
  FROM transformer t JOIN loss_code c USING (loss_code) WHERE t.account_id IS NOT NULL GROUP BY ALL
), off AS (
  SELECT b.bill_id, COALESCE(SUM(GREATEST(0, DATE_DIFF('day', GREATEST(c.start_on, b.period_start),
     LEAST(COALESCE(c.end_on, DATE '9999-12-31'), b.period_end)) + 1) * c.capacity_kva), 0) AS kva_days,
     COALESCE(SUM(GREATEST(0, DATE_DIFF('day', GREATEST(c.start_on, b.period_start),
     LEAST(COALESCE(c.end_on, DATE '9999-12-31'), b.period_end)) + 1)) FILTER (c.kind = 'suspend' AND c.capacity_kva >= a.contracted_kva), 0) AS whole_days
  FROM bill b JOIN account a USING (account_id) JOIN capacity_change c ON c.account_id = b.account_id AND c.kind IN ('suspend', 'reduce')
  GROUP BY ALL
), base AS (
  SELECT b.bill_id, b.account_id, b.period, b.total_amount, b.metered_kwh AS billed_metered, b.power_factor AS billed_pf, e.*, t.*, a.*,
    DATE_DIFF('day', b.period_start, b.period_end) + 1 AS days,
    CASE WHEN a.metering_mode = 'hv_lv' THEN l.iron * (DATE_DIFF('day', b.period_start, b.period_end) + 1 - COALESCE(o.whole_days, 0)) ELSE 0 END AS iron_kwh,
    CASE WHEN a.metering_mode = 'hv_lv' THEN l.copper * e.total ELSE 0 END AS copper_kwh,
    COALESCE(o.kva_days, 0) AS kva_days
  FROM bill b JOIN account a USING (account_id) JOIN tariff t ON t.tariff_code = b.tariff_code
  LEFT JOIN energy e ON e.account_id = b.account_id AND e.period = b.period
  LEFT JOIN loss l ON l.account_id = b.account_id LEFT JOIN off o ON o.bill_id = b.bill_id
  WHERE b.corrects_bill_id IS NULL
), line AS (
  SELECT x.bill_id, CASE WHEN r.component LIKE 'energy%' THEN 'energy' WHEN r.component = 'surcharge' THEN 'surcharge' ELSE 'capacity' END AS kind,
    ROUND(CAST(r.unit_price * CASE
      WHEN r.component = 'energy' AND x.is_stepped THEN GREATEST(0, LEAST(x.total + x.iron_kwh + x.copper_kwh, r.step_to) - r.step_from_kwh)
      WHEN r.component = 'energy' THEN x.total
      WHEN r.component = 'energy_sharp' THEN x.sharp WHEN r.component = 'energy_peak' THEN x.peak
      WHEN r.component = 'energy_flat' THEN x.flat WHEN r.component = 'energy_valley' THEN x.valley
      WHEN r.component = 'surcharge' THEN x.total + x.iron_kwh + x.copper_kwh
      WHEN r.component = 'capacity' AND x.demand_basis = 'capacity' THEN x.contracted_kva - x.kva_days / x.days
      WHEN r.component = 'demand' AND x.demand_basis = 'actual_demand' THEN x.kw * CASE WHEN x.total >= 260 * x.contracted_kva THEN 0.9 ELSE 1 END
      WHEN r.component = 'demand' AND x.demand_basis = 'contract_demand' THEN x.contract_demand_kw * CASE WHEN x.total >= 260 * x.contracted_kva THEN 0.9 ELSE 1 END
      ELSE 0 END AS DECIMAL(28,8)), 2) AS amount
  FROM base x JOIN rate r ON r.bill_id = x.bill_id
  UNION ALL SELECT x.bill_id, 'capacity', ROUND(CAST(2 * r.unit_price * CASE WHEN x.total >= 260 * x.contracted_kva THEN 0.9 ELSE 1 END * GREATEST(0, x.kw - 1.05 * x.contract_demand_kw) AS DECIMAL(28,8)), 2)
  FROM base x JOIN rate r ON r.bill_id = x.bill_id AND r.component = 'demand' WHERE x.demand_basis = 'contract_demand'
  UNION ALL SELECT x.bill_id, 'loss', ROUND(CAST(r.unit_price * x.iron_kwh AS DECIMAL(28,8)), 2) + ROUND(CAST(r.unit_price * x.copper_kwh AS DECIMAL(28,8)), 2)
  FROM base x JOIN rate r ON r.bill_id = x.bill_id AND r.component = CASE WHEN x.is_time_of_use THEN 'energy_flat' ELSE 'energy' END
  WHERE x.metering_mode = 'hv_lv' AND NOT x.is_stepped
), summed AS (
  SELECT bill_id, SUM(amount) FILTER (kind <> 'surcharge') AS charge, SUM(amount) AS plain FROM line GROUP BY ALL
)
SELECT x.bill_id, x.account_id, x.period, x.total_amount, x.billed_metered, x.total AS metered, s.charge, s.plain,
  x.power_factor_standard AS standard, x.is_stepped, x.billed_pf,
  CASE WHEN x.active > 0 THEN ROUND(CAST(x.active / SQRT(x.active ** 2 + x.reactive ** 2) AS DECIMAL(28,8)), 2) END AS pf
FROM base x JOIN summed s USING (bill_id)
"""

ADJUST = """
CREATE MACRO below(steps) AS 0.5 * LEAST(steps, 20) + GREATEST(0, LEAST(steps, 25) - 20) + 2 * GREATEST(0, steps - 25);
CREATE MACRO pf_rate(s, pf) AS CASE WHEN pf < s THEN below(ROUND((s - pf) * 100)) WHEN pf = s THEN 0
  WHEN s = 0.90 THEN CASE WHEN pf >= 0.95 THEN -0.75 ELSE -0.15 * ROUND((pf - s) * 100) END
  WHEN s = 0.85 THEN CASE WHEN pf >= 0.94 THEN -1.10 WHEN pf >= 0.93 THEN -0.95 WHEN pf >= 0.92 THEN -0.80 WHEN pf >= 0.91 THEN -0.65 ELSE -0.1 * ROUND((pf - s) * 100) END
  WHEN s = 0.80 THEN CASE WHEN pf >= 0.92 THEN -1.30 WHEN pf >= 0.91 THEN -1.15 ELSE -0.1 * ROUND((pf - s) * 100) END ELSE 0 END;
"""

LIVE = f"(status IN ('active', 'suspended') AND opened_on <= {P_END})"

CHECKS: dict[str, str] = {
    "TAR-20": """SELECT * FROM (SELECT s.*, plain + CASE WHEN standard IS NULL OR is_stepped OR pf IS NULL THEN 0
      ELSE ROUND(CAST(charge * pf_rate(standard, pf) / 100 AS DECIMAL(28,8)), 2) END AS shadow,
      total_amount + COALESCE((SELECT SUM(c.total_amount) FROM bill c WHERE c.corrects_bill_id = s.bill_id), 0) AS billed FROM shadow s)
      WHERE ABS(shadow - billed) > 0.011 AND account_id NOT IN (SELECT account_id FROM account WHERE status = 'closed'
        UNION SELECT account_id FROM account JOIN tariff USING (tariff_code) WHERE step_basis = 'year'
        UNION SELECT account_id FROM account JOIN tariff_rate USING (tariff_code) WHERE component = 'energy_deep'
        UNION SELECT account_id FROM account JOIN tariff_rate USING (tariff_code) GROUP BY account_id, component, step_no HAVING COUNT(*) > 2
        UNION SELECT account_id FROM register_reading JOIN metering_point USING (metering_point_id) WHERE register = 'active_export')""",
    "TAR-06": """SELECT * FROM shadow WHERE ABS(billed_metered - metered) > 1e-4
      AND account_id NOT IN (SELECT account_id FROM account WHERE status = 'closed')""",
    "TAR-16": """SELECT b.bill_id FROM bill b LEFT JOIN bill_line l USING (bill_id) GROUP BY b.bill_id, b.total_amount, b.billed_kwh, b.metered_kwh, b.loss_kwh
      HAVING COALESCE(SUM(l.amount), -1e9) <> b.total_amount OR ABS(b.billed_kwh - b.metered_kwh - b.loss_kwh) > 1e-4""",
    "TAR-03/04": f"""WITH net AS (SELECT account_id, period, SUM(billed_kwh) AS kwh, SUM(total_amount) AS amount FROM bill GROUP BY ALL),
      med AS (SELECT account_id, MEDIAN(kwh) AS kwh, MEDIAN(amount) AS amount, COUNT(*) AS n FROM net
        WHERE period < {P} AND period >= {P} - INTERVAL 6 MONTH GROUP BY ALL)
      SELECT net.*, med.kwh, med.amount FROM net JOIN med USING (account_id) JOIN account a USING (account_id) WHERE period = {P} AND n >= 3 AND a.status <> 'suspended'
      AND (ABS(net.kwh - med.kwh) > GREATEST(0.5 * med.kwh, CASE WHEN usage_category = 'residential' THEN 200 ELSE 2000 END)
        OR ABS(net.amount - med.amount) > GREATEST(0.5 * med.amount, CASE WHEN usage_category = 'residential' THEN 150 ELSE 2000 END))""",
    "TAR-02": f"""SELECT * FROM register_reading r JOIN metering_point p USING (metering_point_id) JOIN account a USING (account_id) JOIN meter m USING (meter_id)
      WHERE period = {P} AND register = 'active_total' AND (
        (current_value < previous_value AND previous_value < 0.9 * 10 ** digits AND NOT EXISTS (SELECT 1 FROM metering_event e
          WHERE e.metering_point_id = p.metering_point_id AND e.kind = 'replace' AND e.occurred_at >= TIMESTAMPTZ '2026-10-01 00:00:00+08'))
        OR (current_value - previous_value) * p.multiplier > 1.2 * contracted_kva * 744)""",
    "TAR-01": """SELECT * FROM (SELECT *, LAG(current_value) OVER (PARTITION BY metering_point_id, register ORDER BY period) AS before FROM register_reading
      WHERE register <> 'max_demand_kw') r WHERE ABS(before - previous_value) > 0.5""",
    "TAR-05": f"""SELECT account_id FROM bill JOIN account USING (account_id) WHERE {LIVE} AND running_kva > 0 AND period > {P} - INTERVAL 6 MONTH
      AND account_id NOT IN (SELECT account_id FROM capacity_change WHERE kind = 'suspend')
      GROUP BY 1 HAVING SUM(billed_kwh) = 0""",
    "TAR-07/08": f"SELECT account_id FROM bill WHERE period = {P} GROUP BY 1 HAVING SUM(total_amount) < 0 OR (SUM(billed_kwh) > 0 AND SUM(total_amount) = 0)",
    "TAR-09/BUS-12": f"""SELECT b.* FROM bill b JOIN account a USING (account_id) WHERE metering_mode = 'hv_lv' AND running_kva > 0 AND period = {P} AND corrects_bill_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM bill_line l WHERE l.bill_id = b.bill_id AND component = 'loss_iron' AND amount > 0)""",
    "TAR-10": f"""SELECT * FROM register_reading WHERE period = {P} AND ABS(DATE_DIFF('day', CAST(read_at AS DATE), {P_END})) > 1""",
    "TAR-11": f"""SELECT account_id FROM account WHERE {LIVE} AND (account_id NOT IN (SELECT account_id FROM bill WHERE period = {P})
      OR account_id NOT IN (SELECT p.account_id FROM register_reading r JOIN metering_point p USING (metering_point_id) WHERE period = {P} AND register = 'active_total' AND account_id IS NOT NULL))""",
    "TAR-12": f"""SELECT * FROM account JOIN tariff t USING (tariff_code) WHERE {LIVE} AND account.usage_category IN ('large_industrial', 'general_industrial', 'commercial')
      AND contracted_kva >= 100 AND NOT is_time_of_use""",
    "TAR-13": f"SELECT * FROM account WHERE usage_category = 'residential' AND regexp_matches(account_name, '公司|商店|商行|超市|酒店|工厂|Co\\.|Ltd|LLC|Inc|Shop|Store|Hotel|Cafe|Salon') AND {LIVE}",
    "TAR-14": f"SELECT account_id FROM bill JOIN account USING (account_id) WHERE usage_category = 'residential' AND period = {P} GROUP BY 1 HAVING SUM(billed_kwh) > 3000",
    "TAR-17": f"""SELECT p.* FROM metering_point p JOIN account a USING (account_id) WHERE role = 'main' AND {LIVE} AND opened_on <= {P} AND installed_on < {P}
      AND NOT EXISTS (SELECT 1 FROM register_reading r WHERE r.metering_point_id = p.metering_point_id AND period = {P} AND register = 'active_total')""",
    "TAR-18": """SELECT r.* FROM register_reading r JOIN metering_point USING (metering_point_id) WHERE original_value IS NOT NULL
      AND ABS(current_value - original_value) * multiplier > 100 AND ABS(current_value - original_value) > 0.1 * (original_value - previous_value)""",
    "TAR-19": f"""SELECT metering_point_id FROM register_reading WHERE register = 'active_total' AND period > {P} - INTERVAL 3 MONTH
      GROUP BY 1 HAVING COUNT(*) FILTER (method = 'estimated') >= 3""",
    "TAR-21": f"""SELECT b.* FROM bill b JOIN account a USING (account_id) JOIN tariff t ON t.tariff_code = b.tariff_code WHERE period = {P}
      AND (b.tariff_code <> a.tariff_code OR supply_kv NOT BETWEEN min_kv AND max_kv
        OR NOT EXISTS (SELECT 1 FROM tariff_rate r WHERE r.tariff_code = b.tariff_code AND period_end BETWEEN valid_from AND COALESCE(valid_to, DATE '9999-12-31')))""",
    "ARC-01": f"""SELECT account_id FROM account JOIN customer USING (customer_id) WHERE {LIVE} AND (tariff_code IS NULL OR reading_area_id IS NULL OR service_address IS NULL
      OR metering_kv IS NULL OR COALESCE(customer.name, '') = '' OR id_number IS NULL OR (mobile IS NULL AND phone IS NULL)
      OR account_id NOT IN (SELECT account_id FROM metering_point WHERE role = 'main' AND account_id IS NOT NULL) OR account_id NOT IN (SELECT account_id FROM supply_point))""",
    "ARC-02": "SELECT * FROM account a JOIN tariff t USING (tariff_code) WHERE a.usage_category <> t.usage_category",
    "ARC-03": """SELECT * FROM account WHERE NOT CASE WHEN supply_kv < 0.3 THEN contracted_kva BETWEEN 0 AND 16 WHEN supply_kv < 1 THEN contracted_kva BETWEEN 0 AND 160
      WHEN supply_kv < 20 THEN contracted_kva BETWEEN 30 AND 15000 ELSE contracted_kva BETWEEN 5000 AND 40000 END""",
    "ARC-04": """SELECT * FROM account WHERE NOT CASE usage_category WHEN 'residential' THEN industry_code IS NULL WHEN 'agricultural' THEN industry_code[1] = 'A'
      WHEN 'bulk_resale' THEN industry_code[1] = 'D' WHEN 'commercial' THEN industry_code[1] >= 'E' ELSE industry_code[1] IN ('B', 'C', 'D') END""",
    "ARC-06": "SELECT id_number FROM customer GROUP BY 1 HAVING COUNT(*) > 1",
    "ARC-07": "SELECT mobile FROM customer GROUP BY 1 HAVING COUNT(*) > 1",
    "ARC-08": "SELECT account_id FROM account JOIN customer USING (customer_id) WHERE account_name <> name",
    "BUS-01": "SELECT * FROM account WHERE allocation = 'fixed_quantity' AND allocation_value > contracted_kva * 720",
    "BUS-03": "SELECT * FROM capacity_change WHERE kind = 'suspend' AND DATE_DIFF('day', start_on, end_on) + 1 < 15",
    "BUS-04": f"""SELECT * FROM capacity_change JOIN account USING (account_id) WHERE demand_basis IN ('contract_demand', 'actual_demand') AND kind = 'suspend'
      AND capacity_kva < contracted_kva AND start_on <= {P_END} AND COALESCE(end_on, {AS_OF}) >= {P}""",
    "BUS-05": f"""SELECT * FROM capacity_change WHERE kind = 'reduce' AND (DATE_DIFF('day', start_on, end_on) NOT BETWEEN 180 AND 730 OR (end_on IS NULL AND start_on < {AS_OF} - 730))""",
    "BUS-06": """SELECT * FROM capacity_change a JOIN capacity_change b USING (account_id) WHERE a.kind IN ('suspend', 'reduce') AND (
      (b.kind = 'reduce' AND DATE_DIFF('day', b.end_on, a.start_on) BETWEEN 1 AND 730) OR (b.kind IN ('new', 'increase') AND DATE_DIFF('day', b.start_on, a.start_on) BETWEEN 1 AND 730))""",
    "BUS-07": """SELECT account_id FROM account a WHERE status = 'closed' AND (SELECT SUM(total_amount) FROM bill b WHERE b.account_id = a.account_id)
      - COALESCE((SELECT SUM(amount) FROM payment p WHERE p.account_id = a.account_id), 0) > 0.01""",
    "BUS-09": "SELECT * FROM account WHERE has_load_control AND opened_on < DATE '2021-03-01' AND account_id NOT IN (SELECT account_id FROM fee WHERE kind = 'load_control') "
    "UNION ALL SELECT a.* FROM account AS a JOIN fee AS f USING (account_id) WHERE f.kind = 'load_control' AND f.charged_on >= DATE '2021-03-01' AND f.charged_amount > 0",
    "ACC-13/BUS-10": "SELECT * FROM account JOIN fee USING (account_id) WHERE kind = 'temporary_connection' AND "
    "(charged_on >= DATE '2017-12-01' OR (is_temporary AND status = 'closed')) AND (charged_amount > 0 OR refunded_amount < paid_amount)",
    "BUS-11": f"SELECT * FROM account WHERE is_temporary AND opened_on < {AS_OF} - INTERVAL 3 YEAR",
    "BUS-13": f"""SELECT account_id, SUM(billed_kwh) / (contracted_kva * 744) AS use FROM bill JOIN account USING (account_id) WHERE period = {P} AND running_kva > 0
      GROUP BY account_id, contracted_kva HAVING use > 1 OR (contracted_kva >= 100 AND use > 0 AND use < 0.005)""",
    "MET-01": f"""SELECT * FROM metering_point p JOIN account a USING (account_id) LEFT JOIN meter m ON m.meter_id = p.meter_id WHERE role = 'main' AND a.{LIVE[1:-1].replace("opened_on", "a.opened_on")}
      AND (m.metering_point_id IS DISTINCT FROM p.metering_point_id OR m.status <> 'in_use')""",
    "MET-02": "SELECT * FROM meter WHERE status = 'in_use' AND (model IS NULL OR phases IS NULL OR rated_current_a IS NULL OR accuracy_class IS NULL OR digits IS NULL OR manufactured_on IS NULL OR calibrated_on IS NULL)",
    "MET-03": """SELECT p.metering_point_id FROM metering_point p LEFT JOIN instrument_transformer i USING (metering_point_id) WHERE role IN ('main', 'sub', 'area')
      GROUP BY p.metering_point_id, p.multiplier HAVING ABS(p.multiplier - COALESCE(MAX(primary_value / secondary_value) FILTER (kind = 'ct'), 1)
      * COALESCE(MAX(primary_value / secondary_value) FILTER (kind = 'vt'), 1)) > 0.001""",
    "MET-06": """SELECT * FROM metering_point p JOIN instrument_transformer i USING (metering_point_id) JOIN account a USING (account_id)
      WHERE role = 'main' AND i.kind = 'ct' AND supply_kv >= 1 AND SQRT(3) * metering_kv * primary_value NOT BETWEEN 0.9 * contracted_kva AND 3 * contracted_kva""",
    "MET-08": f"SELECT * FROM meter WHERE status = 'in_use' AND calibrated_on < {AS_OF} - INTERVAL 6 YEAR",
    "MET-09": f"""SELECT * FROM metering_point p JOIN account a USING (account_id) WHERE role = 'main' AND {LIVE} AND contracted_kva >= 315 AND NOT EXISTS (SELECT 1 FROM metering_event e
      WHERE e.metering_point_id = p.metering_point_id AND kind = 'field_checked' AND CAST(occurred_at AS DATE) >= {AS_OF} -
        CASE WHEN contracted_kva >= 10000 THEN INTERVAL 6 MONTH WHEN contracted_kva >= 2000 THEN INTERVAL 12 MONTH ELSE INTERVAL 24 MONTH END)""",
    "MET-10": """SELECT * FROM metering_event r WHERE kind = 'fault_reported' AND NOT EXISTS (SELECT 1 FROM metering_event e WHERE e.metering_point_id = r.metering_point_id
      AND e.kind = 'adjusted' AND e.occurred_at >= r.occurred_at)""",
    "MET-11": "SELECT * FROM account WHERE metering_mode = 'hv_lv' AND contracted_kva >= 500",
    "MET-12": "SELECT * FROM transformer t JOIN loss_code l USING (loss_code) WHERE t.model <> l.model OR t.rated_kva <> l.rated_kva",
    "MET-13": f"""WITH s AS (SELECT org_unit_id, month, SUM(planned_count) AS n FROM meter_plan GROUP BY ALL)
      SELECT a.* FROM s a JOIN (SELECT org_unit_id, AVG(n) AS mean FROM s WHERE month < {P} AND month >= {P} - INTERVAL 6 MONTH GROUP BY 1) b USING (org_unit_id)
      WHERE a.month = {P} AND ABS(n - mean) > 0.5 * mean""",
    "MET-14": """SELECT e.*, r.current_value FROM metering_event e JOIN register_reading r ON r.metering_point_id = e.metering_point_id AND r.register = 'active_total' AND r.period =
      DATE_TRUNC('month', e.occurred_at AT TIME ZONE 'Asia/Shanghai') WHERE e.kind = 'replace' AND e.register = 'active_total' AND (e.old_value < r.previous_value OR r.current_value < e.new_value - 0.5)""",
    "COL-01": f"""SELECT * FROM payment WHERE channel IN ('cash', 'counter_card') AND COALESCE(remitted_on, {AS_OF}) > CAST(received_at AS DATE) + 10""",
    "COL-02": "SELECT * FROM payment WHERE bill_id IS NULL AND channel <> 'prepaid'",
    "COL-03": f"""SELECT b.account_id, SUM(total_amount) - COALESCE(SUM(paid), 0) AS unpaid FROM bill b LEFT JOIN (SELECT bill_id, SUM(amount) AS paid FROM payment GROUP BY 1) USING (bill_id)
      WHERE due_on < {AS_OF} - 60 GROUP BY 1 HAVING unpaid > 0.01""",
    "COL-04": "SELECT bill_id FROM payment JOIN bill USING (bill_id) GROUP BY bill_id, total_amount HAVING SUM(amount) > total_amount",
    "RSK-03": f"""SELECT account_id FROM account a WHERE contracted_kva >= 315 AND (SELECT SUM(total_amount) FROM bill b WHERE b.account_id = a.account_id)
      - COALESCE((SELECT SUM(amount) FROM payment p WHERE p.account_id = a.account_id), 0) > 1.5 * (SELECT SUM(total_amount) / COUNT(DISTINCT period) FROM bill b WHERE b.account_id = a.account_id AND period > {P} - INTERVAL 6 MONTH)""",
    "INS-01": "SELECT * FROM account WHERE demand_basis = 'contract_demand' AND (contract_demand_kw IS NULL OR contract_demand_kw NOT BETWEEN 0.4 * running_kva AND contracted_kva)",
    "INS-02": "SELECT * FROM bill_line JOIN bill USING (bill_id) JOIN account USING (account_id) WHERE component = 'demand' AND demand_basis IN ('none', 'capacity')",
    "INS-03": "SELECT * FROM transformer WHERE retired_on IS NULL AND (model IS NULL OR rated_kva IS NULL OR loss_code IS NULL OR commissioned_on IS NULL OR (ownership = 'dedicated' AND account_id IS NULL))",
    "INS-04": "SELECT * FROM account WHERE has_self_generation AND account_id NOT IN (SELECT account_id FROM customer_equipment WHERE kind = 'generator')",
    "INS-06/07": f"SELECT account_id FROM account LEFT JOIN contract USING (account_id) WHERE {LIVE} GROUP BY 1 HAVING COUNT(signed_on) = 0 OR MAX(COALESCE(expires_on, DATE '9999-12-31')) < {AS_OF}",
    "INS-08": f"SELECT * FROM contract WHERE signed_on < {AS_OF} - 30 AND (entered_on IS NULL OR archived_on IS NULL OR entered_on > {AS_OF} OR archived_on > {AS_OF})",
    "INS-09": f"""SELECT * FROM account WHERE {LIVE} AND supply_kv >= 10 AND opened_on <= {AS_OF} - CASE WHEN supply_kv >= 35 THEN INTERVAL 6 MONTH ELSE INTERVAL 12 MONTH END AND NOT EXISTS (SELECT 1 FROM inspection i WHERE i.account_id = account.account_id
      AND performed_on >= {AS_OF} - CASE WHEN supply_kv >= 35 THEN INTERVAL 6 MONTH ELSE INTERVAL 12 MONTH END)""",
    "INS-10": "SELECT * FROM inspection WHERE performed_on IS NOT NULL AND (recorded_at IS NULL OR CAST(recorded_at AS DATE) <> performed_on)",
    "INS-11": f"SELECT * FROM account WHERE {LIVE} AND supply_kv >= 10 AND account_id NOT IN (SELECT account_id FROM electrician WHERE licence_expires_on >= {AS_OF})",
    "INS-13": f"SELECT * FROM violation_case WHERE (found_on < {AS_OF} - 30 AND closed_on IS NULL) OR closed_on > {AS_OF} OR penalty_amount <> 3 * recovered_amount",
    "SVC-04": "SELECT * FROM service_call WHERE kind = 'repair' AND (arrived_at IS NULL OR DATE_DIFF('second', opened_at, arrived_at) > 60 * CASE site WHEN 'urban' THEN 45 WHEN 'rural' THEN 90 ELSE 120 END)",
    "SVC-06": "SELECT account_id FROM service_call WHERE kind = 'complaint' GROUP BY 1 HAVING COUNT(*) > 1",
    "NET-01": f"""WITH k AS (SELECT metering_point_id, SUM(kwh) AS kwh FROM interval_reading WHERE day BETWEEN {P} AND {P_END} GROUP BY 1)
      SELECT t.transformer_id, a.kwh, 1 - SUM(k.kwh) / a.kwh AS loss FROM transformer t JOIN k a ON a.metering_point_id = t.area_metering_point_id
      JOIN supply_point s USING (transformer_id) JOIN metering_point p ON p.account_id = s.account_id AND p.role = 'main' JOIN k ON k.metering_point_id = p.metering_point_id
      WHERE t.ownership = 'public' GROUP BY t.transformer_id, a.kwh HAVING loss NOT BETWEEN 0 AND 0.08""",
    "NET-02": f"""WITH k AS (SELECT metering_point_id, SUM(kwh) AS kwh FROM interval_reading WHERE day BETWEEN {P} AND {P_END} GROUP BY 1),
      fed AS (SELECT line_id, k.kwh FROM transformer t JOIN k ON k.metering_point_id = t.area_metering_point_id WHERE ownership = 'public'
      UNION ALL SELECT t.line_id, k.kwh FROM metering_point p JOIN k USING (metering_point_id) JOIN supply_point s ON s.supply_point_id = COALESCE(p.supply_point_id,
        (SELECT MIN(x.supply_point_id) FROM supply_point x WHERE x.account_id = p.account_id AND x.is_primary)) JOIN transformer t USING (transformer_id) WHERE role = 'main' AND ownership = 'dedicated')
      SELECT l.line_id, h.kwh, 1 - SUM(f.kwh) / h.kwh AS loss FROM line l JOIN k h ON h.metering_point_id = l.head_metering_point_id LEFT JOIN fed f USING (line_id)
      GROUP BY l.line_id, h.kwh HAVING h.kwh > 5000 AND (loss IS NULL OR loss NOT BETWEEN 0 AND 0.06)""",
    "NET-03": "SELECT * FROM supply_point s JOIN transformer t USING (transformer_id) WHERE s.line_id <> t.line_id",
    "NET-04": f"SELECT * FROM supply_point s JOIN transformer t USING (transformer_id) JOIN account a ON a.account_id = s.account_id WHERE {LIVE} AND (t.retired_on <= {AS_OF} OR (t.ownership = 'dedicated' AND t.account_id <> s.account_id))",
    "NET-05": "SELECT t.* FROM transformer t JOIN (SELECT metering_point_id, MAX(kwh) * 2 AS kw FROM interval_reading GROUP BY 1) k ON k.metering_point_id = t.area_metering_point_id WHERE kw > rated_kva",
    "RSK-01": """SELECT o.* FROM service_order o WHERE kind IN ('increase', 'change_tariff', 'transfer_name') AND closed_at IS NOT NULL AND NOT EXISTS
      (SELECT 1 FROM contract c WHERE c.account_id = o.account_id AND signed_on >= CAST(o.submitted_at AS DATE))""",
    "RSK-05": f"""SELECT account_id FROM account JOIN bill USING (account_id) WHERE is_temporary AND {LIVE} AND payment_method <> 'prepaid'""",
    "ANA-01": f"""WITH k AS (SELECT metering_point_id, SUM(kwh) FILTER (quality = 'measured') AS kwh, COUNT(*) FILTER (quality = 'measured') AS n FROM interval_reading WHERE day BETWEEN {P} AND {P_END} GROUP BY 1)
      SELECT p.metering_point_id, role, k.kwh, (r.current_value - r.previous_value) * p.multiplier AS reg FROM k JOIN metering_point p USING (metering_point_id) JOIN register_reading r ON r.metering_point_id = p.metering_point_id AND r.register = 'active_total' AND r.period = {P}
      WHERE n >= 0.99 * 1488 AND r.current_value > r.previous_value AND ABS(k.kwh - reg) > GREATEST(0.02 * reg, 5)""",
    "ANA-02": f"""SELECT metering_point_id FROM interval_reading JOIN metering_point USING (metering_point_id) WHERE day BETWEEN {P} AND {P_END} AND installed_on <= {P} GROUP BY 1 HAVING COUNT(kwh) FILTER (quality IN ('measured', 'estimated')) < 0.95 * 1488""",
    "ANA-03": """SELECT i.metering_point_id, MAX(kwh * 2 / contracted_kva) FROM interval_reading i JOIN metering_point p USING (metering_point_id) JOIN account a USING (account_id)
      WHERE kwh < 0 OR kwh > 0.75 * contracted_kva GROUP BY 1""",
    "ANA-03 stuck": f"""WITH x AS (SELECT metering_point_id, interval_start, kwh, ROW_NUMBER() OVER w - ROW_NUMBER() OVER v AS g FROM interval_reading WHERE kwh > 0 AND day BETWEEN {P} AND {P} + 7
        WINDOW w AS (PARTITION BY metering_point_id ORDER BY interval_start), v AS (PARTITION BY metering_point_id, kwh ORDER BY interval_start))
      SELECT metering_point_id, kwh, g, COUNT(*) FROM x GROUP BY ALL HAVING COUNT(*) >= 24""",
    "ACC-15": """SELECT p.metering_point_id, a.contracted_kva, i.primary_value, m.max_current_a, CASE WHEN m.phases = 3 THEN contracted_kva / (SQRT(3) * metering_kv) ELSE contracted_kva / 0.22 END AS amps
      FROM metering_point p JOIN account a USING (account_id) JOIN meter m USING (meter_id) LEFT JOIN instrument_transformer i ON i.metering_point_id = p.metering_point_id AND i.kind = 'ct'
      WHERE role = 'main' AND (i.primary_value NOT BETWEEN amps AND 3 * amps OR (i.primary_value IS NULL AND max_current_a < amps))""",
    "ACC-02": """SELECT o.order_id, a.contracted_kva, o.requested_kva, a.contracted_kva + o.requested_kva AS kva,
          CASE WHEN m.phases = 3 THEN kva / (SQRT(3) * metering_kv) ELSE kva / 0.22 END AS amps, i.primary_value, m.max_current_a
      FROM service_order o JOIN account a USING (account_id) JOIN metering_point p ON p.account_id = a.account_id AND p.role = 'main'
      JOIN meter m ON m.meter_id = p.meter_id LEFT JOIN instrument_transformer i ON i.metering_point_id = p.metering_point_id AND i.kind = 'ct'
      WHERE o.kind = 'increase' AND o.energized_at IS NULL AND o.requested_kva IS NOT NULL
        AND (kva > CASE WHEN supply_kv < 0.3 THEN 16 WHEN supply_kv < 1 THEN 160 WHEN supply_kv = 10 THEN 15000 ELSE 40000 END
          OR (kva >= 100 AND (NOT has_load_control OR (power_factor_standard IS NULL AND usage_category <> 'residential')))
          OR a.account_id IN (SELECT account_id FROM transformer WHERE account_id IS NOT NULL)
          OR CASE WHEN i.primary_value IS NOT NULL THEN amps NOT BETWEEN i.primary_value / 3 AND i.primary_value ELSE amps > m.max_current_a END)""",
    "ACC-08": "SELECT a.account_id FROM account a JOIN transformer t USING (account_id) GROUP BY a.account_id, a.contracted_kva HAVING ABS(SUM(rated_kva) - contracted_kva) > 1",
    "ACC-09": """SELECT * FROM account a JOIN tariff t USING (tariff_code) WHERE supply_kv NOT BETWEEN min_kv AND max_kv OR CASE metering_mode WHEN 'hv_hv' THEN supply_kv < 1 OR metering_kv < 1
      WHEN 'hv_lv' THEN supply_kv < 1 OR metering_kv >= 1 ELSE supply_kv >= 1 END""",
    "ACC-16": """SELECT * FROM account WHERE COALESCE(power_factor_standard, 0) <> CASE WHEN usage_category LIKE '%industrial' AND contracted_kva > 160 AND supply_kv >= 10 THEN 0.90
      WHEN (usage_category LIKE '%industrial' OR usage_category = 'commercial') AND contracted_kva >= 100 THEN 0.85 WHEN usage_category IN ('agricultural', 'bulk_resale') AND contracted_kva >= 100 THEN 0.80 ELSE 0 END""",
    "ACC-17": """SELECT a.account_id FROM account a JOIN supply_point s USING (account_id) GROUP BY a.account_id, is_dual_supply HAVING is_dual_supply <> (COUNT(DISTINCT line_id) > 1) OR COUNT(*) FILTER (is_primary) <> 1""",
}


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """A session on a sample folder with every table as a view, and the shadow bills."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'Asia/Shanghai'; SET threads = 2")
    for file in folder.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {file.stem} AS FROM read_parquet('{file}')")
    if (folder / "interval_reading").exists():
        connection.execute(
            f"CREATE VIEW interval_reading AS FROM read_parquet('{folder}/interval_reading/*/*.parquet', hive_partitioning = true)"
        )
    for statement in ADJUST.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(SHADOW)
    return connection
