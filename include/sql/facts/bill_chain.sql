/*
grain: one row per bill
key: [bill_id]
purpose: The bill that a bill corrects in the end; itself where it corrects none that is known.
view: true
columns:
  bill_id: {type: string, doc: A bill.}
  root_bill_id: {type: string, doc: The bill at the start of its chain of corrections.}
*/
SELECT
  bill.bill_id,
  COALESCE(bill_correction.bill_id, bill.bill_id) AS root_bill_id
FROM source.bill
LEFT JOIN facts.bill_correction
  ON bill_correction.correction_bill_id = bill.bill_id AND bill_correction.is_root
