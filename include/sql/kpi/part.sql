/*
grain: one row per key figure, month and row behind it
key: [kpi, period, row_id]
purpose: All rows behind key figures, those on audit cases apart.
columns:
  kpi: {type: string, doc: The key figure.}
  period: {type: date, doc: First day of the month.}
  row_id: {type: string, doc: 'What the row is about: a point, bill, payment, order, call, area, account or case.'}
  org_unit_id: {type: string, doc: 'The unit it counts for; the top unit where it has none that is known.'}
  staff_id: {type: string, doc: Member of staff it counts for; empty where it names none.}
  row_key: {type: string, doc: 'Its account or area, by which the rows of a quarter or year are counted; itself where it has neither.'}
  numerator: {type: double, doc: What it gives to the numerator.}
  denominator: {type: double, doc: 'What it gives to the denominator; empty where it is none of the rows behind that.'}
*/
WITH behind AS (
  SELECT
    'reading_rate' AS kpi,
    reading_rate.period,
    reading_rate.row_id,
    reading_rate.org_unit_id,
    reading_rate.staff_id,
    reading_rate.row_key,
    CAST(reading_rate.numerator AS DOUBLE) AS numerator,
    CAST(reading_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.reading_rate
  UNION ALL
  SELECT
    'visit_rate' AS kpi,
    visit_rate.period,
    visit_rate.row_id,
    visit_rate.org_unit_id,
    visit_rate.staff_id,
    visit_rate.row_key,
    CAST(visit_rate.numerator AS DOUBLE) AS numerator,
    CAST(visit_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.visit_rate
  UNION ALL
  SELECT
    'energy_error_rate' AS kpi,
    energy_error_rate.period,
    energy_error_rate.row_id,
    energy_error_rate.org_unit_id,
    energy_error_rate.staff_id,
    energy_error_rate.row_key,
    CAST(energy_error_rate.numerator AS DOUBLE) AS numerator,
    CAST(energy_error_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.energy_error_rate
  UNION ALL
  SELECT
    'bill_error_rate' AS kpi,
    bill_error_rate.period,
    bill_error_rate.row_id,
    bill_error_rate.org_unit_id,
    bill_error_rate.staff_id,
    bill_error_rate.row_key,
    CAST(bill_error_rate.numerator AS DOUBLE) AS numerator,
    CAST(bill_error_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.bill_error_rate
  UNION ALL
  SELECT
    'bill_error_count_rate' AS kpi,
    bill_error_count_rate.period,
    bill_error_count_rate.row_id,
    bill_error_count_rate.org_unit_id,
    bill_error_count_rate.staff_id,
    bill_error_count_rate.row_key,
    CAST(bill_error_count_rate.numerator AS DOUBLE) AS numerator,
    CAST(bill_error_count_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.bill_error_count_rate
  UNION ALL
  SELECT
    'collection_rate' AS kpi,
    collection_rate.period,
    collection_rate.row_id,
    collection_rate.org_unit_id,
    collection_rate.staff_id,
    collection_rate.row_key,
    CAST(collection_rate.numerator AS DOUBLE) AS numerator,
    CAST(collection_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.collection_rate
  UNION ALL
  SELECT
    'on_time_collection_rate' AS kpi,
    on_time_collection_rate.period,
    on_time_collection_rate.row_id,
    on_time_collection_rate.org_unit_id,
    on_time_collection_rate.staff_id,
    on_time_collection_rate.row_key,
    CAST(on_time_collection_rate.numerator AS DOUBLE) AS numerator,
    CAST(on_time_collection_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.on_time_collection_rate
  UNION ALL
  SELECT
    'remittance_rate' AS kpi,
    remittance_rate.period,
    remittance_rate.row_id,
    remittance_rate.org_unit_id,
    remittance_rate.staff_id,
    remittance_rate.row_key,
    CAST(remittance_rate.numerator AS DOUBLE) AS numerator,
    CAST(remittance_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.remittance_rate
  UNION ALL
  SELECT
    'receivable_days' AS kpi,
    receivable_days.period,
    receivable_days.row_id,
    receivable_days.org_unit_id,
    receivable_days.staff_id,
    receivable_days.row_key,
    CAST(receivable_days.numerator AS DOUBLE) AS numerator,
    CAST(receivable_days.denominator AS DOUBLE) AS denominator
  FROM kpi.receivable_days
  UNION ALL
  SELECT
    'fault_handling_rate' AS kpi,
    fault_handling_rate.period,
    fault_handling_rate.row_id,
    fault_handling_rate.org_unit_id,
    fault_handling_rate.staff_id,
    fault_handling_rate.row_key,
    CAST(fault_handling_rate.numerator AS DOUBLE) AS numerator,
    CAST(fault_handling_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.fault_handling_rate
  UNION ALL
  SELECT
    'rotation_rate' AS kpi,
    rotation_rate.period,
    rotation_rate.row_id,
    rotation_rate.org_unit_id,
    rotation_rate.staff_id,
    rotation_rate.row_key,
    CAST(rotation_rate.numerator AS DOUBLE) AS numerator,
    CAST(rotation_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.rotation_rate
  UNION ALL
  SELECT
    'field_check_rate' AS kpi,
    field_check_rate.period,
    field_check_rate.row_id,
    field_check_rate.org_unit_id,
    field_check_rate.staff_id,
    field_check_rate.row_key,
    CAST(field_check_rate.numerator AS DOUBLE) AS numerator,
    CAST(field_check_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.field_check_rate
  UNION ALL
  SELECT
    'interval_coverage' AS kpi,
    interval_coverage.period,
    interval_coverage.row_id,
    interval_coverage.org_unit_id,
    interval_coverage.staff_id,
    interval_coverage.row_key,
    CAST(interval_coverage.numerator AS DOUBLE) AS numerator,
    CAST(interval_coverage.denominator AS DOUBLE) AS denominator
  FROM kpi.interval_coverage
  UNION ALL
  SELECT
    'inspection_rate' AS kpi,
    inspection_rate.period,
    inspection_rate.row_id,
    inspection_rate.org_unit_id,
    inspection_rate.staff_id,
    inspection_rate.row_key,
    CAST(inspection_rate.numerator AS DOUBLE) AS numerator,
    CAST(inspection_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.inspection_rate
  UNION ALL
  SELECT
    'contract_rate' AS kpi,
    contract_rate.period,
    contract_rate.row_id,
    contract_rate.org_unit_id,
    contract_rate.staff_id,
    contract_rate.row_key,
    CAST(contract_rate.numerator AS DOUBLE) AS numerator,
    CAST(contract_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.contract_rate
  UNION ALL
  SELECT
    'plan_on_time' AS kpi,
    plan_on_time.period,
    plan_on_time.row_id,
    plan_on_time.org_unit_id,
    plan_on_time.staff_id,
    plan_on_time.row_key,
    CAST(plan_on_time.numerator AS DOUBLE) AS numerator,
    CAST(plan_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.plan_on_time
  UNION ALL
  SELECT
    'energize_on_time' AS kpi,
    energize_on_time.period,
    energize_on_time.row_id,
    energize_on_time.org_unit_id,
    energize_on_time.staff_id,
    energize_on_time.row_key,
    CAST(energize_on_time.numerator AS DOUBLE) AS numerator,
    CAST(energize_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.energize_on_time
  UNION ALL
  SELECT
    'connection_on_time' AS kpi,
    connection_on_time.period,
    connection_on_time.row_id,
    connection_on_time.org_unit_id,
    connection_on_time.staff_id,
    connection_on_time.row_key,
    CAST(connection_on_time.numerator AS DOUBLE) AS numerator,
    CAST(connection_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.connection_on_time
  UNION ALL
  SELECT
    'file_completeness' AS kpi,
    file_completeness.period,
    file_completeness.row_id,
    file_completeness.org_unit_id,
    file_completeness.staff_id,
    file_completeness.row_key,
    CAST(file_completeness.numerator AS DOUBLE) AS numerator,
    CAST(file_completeness.denominator AS DOUBLE) AS denominator
  FROM kpi.file_completeness
  UNION ALL
  SELECT
    'repair_on_time' AS kpi,
    repair_on_time.period,
    repair_on_time.row_id,
    repair_on_time.org_unit_id,
    repair_on_time.staff_id,
    repair_on_time.row_key,
    CAST(repair_on_time.numerator AS DOUBLE) AS numerator,
    CAST(repair_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.repair_on_time
  UNION ALL
  SELECT
    'complaint_on_time' AS kpi,
    complaint_on_time.period,
    complaint_on_time.row_id,
    complaint_on_time.org_unit_id,
    complaint_on_time.staff_id,
    complaint_on_time.row_key,
    CAST(complaint_on_time.numerator AS DOUBLE) AS numerator,
    CAST(complaint_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.complaint_on_time
  UNION ALL
  SELECT
    'complaints_per_10k' AS kpi,
    complaints_per_10k.period,
    complaints_per_10k.row_id,
    complaints_per_10k.org_unit_id,
    complaints_per_10k.staff_id,
    complaints_per_10k.row_key,
    CAST(complaints_per_10k.numerator AS DOUBLE) AS numerator,
    CAST(complaints_per_10k.denominator AS DOUBLE) AS denominator
  FROM kpi.complaints_per_10k
  UNION ALL
  SELECT
    'satisfaction' AS kpi,
    satisfaction.period,
    satisfaction.row_id,
    satisfaction.org_unit_id,
    satisfaction.staff_id,
    satisfaction.row_key,
    CAST(satisfaction.numerator AS DOUBLE) AS numerator,
    CAST(satisfaction.denominator AS DOUBLE) AS denominator
  FROM kpi.satisfaction
  UNION ALL
  SELECT
    'loss_rate' AS kpi,
    loss_rate.period,
    loss_rate.row_id,
    loss_rate.org_unit_id,
    loss_rate.staff_id,
    loss_rate.row_key,
    CAST(loss_rate.numerator AS DOUBLE) AS numerator,
    CAST(loss_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.loss_rate
)

SELECT
  behind.kpi,
  behind.period,
  behind.row_id,
  COALESCE(org_unit.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
  behind.staff_id,
  behind.row_key,
  behind.numerator,
  behind.denominator
FROM behind
CROSS JOIN core.top_unit
LEFT JOIN source.org_unit ON org_unit.org_unit_id = behind.org_unit_id
