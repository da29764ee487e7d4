/*
grain: one row per customer who has not left the source
key: [customer_id]
purpose: The personal data of customers whom the source still knows, readable only by the role wattmark_pii.
columns:
  customer_id: {type: string, doc: The customer.}
  name: {type: string, doc: Name of the person or organisation.}
  id_number: {type: string, doc: Identity card or unified social credit code.}
  contact_name: {type: string, doc: Whom to ask for.}
  mobile: {type: string, doc: Mobile number as recorded.}
  phone: {type: string, doc: Fixed line as recorded.}
  email: {type: string, doc: E-mail address.}
  postal_address: {type: string, doc: Postal address.}
  postcode: {type: string, doc: Postcode.}
  born_on: {type: date, doc: Date of birth.}
  language: {type: string, doc: Language the customer is written to in.}
  tax_id: {type: string, doc: Tax number.}
*/
SELECT
  customer.customer_id,
  customer.name,
  customer.id_number,
  customer.contact_name,
  customer.mobile,
  customer.phone,
  customer.email,
  customer.postal_address,
  customer.postcode,
  customer.born_on,
  customer.language,
  customer.tax_id
FROM source.customer
LEFT JOIN core.gone_customer ON gone_customer.customer_id = customer.customer_id
WHERE gone_customer.customer_id IS NULL
