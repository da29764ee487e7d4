/*
grain: one row a customer who has not left the source
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
SELECT c.customer_id,
       c.name,
       c.id_number,
       c.contact_name,
       c.mobile,
       c.phone,
       c.email,
       c.postal_address,
       c.postcode,
       c.born_on,
       c.language,
       c.tax_id
FROM source.customer AS c
LEFT JOIN core.gone_customer AS g ON g.customer_id = c.customer_id
WHERE g.customer_id IS NULL
