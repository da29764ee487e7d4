/*
grain: one row a bill
key: [bill_id]
purpose: The bill that a bill corrects in the end; itself where it corrects none that is known.
view: true
columns:
  bill_id: {type: string, doc: A bill.}
  root_bill_id: {type: string, doc: The bill at the start of its chain of corrections.}
*/
SELECT b.bill_id, COALESCE(c.bill_id, b.bill_id) AS root_bill_id
FROM source.bill AS b
LEFT JOIN facts.bill_correction AS c ON c.correction_bill_id = b.bill_id AND c.is_root
