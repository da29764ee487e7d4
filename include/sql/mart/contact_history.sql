/*
grain: one row per contact that was made
key: [campaign_id, list_date, customer_id, account_id]
purpose: Every contact a customer had with campaigns, and what came back.
columns:
  campaign_id: {type: string, doc: The campaign.}
  list_date: {type: date, doc: Date of the list.}
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: Empty text where the campaign speaks to customers.}
  channel: {type: string, doc: The channel.}
  cell: {type: string, doc: The test cell.}
  send_on: {type: date, doc: Day of the contact.}
  delivered: {type: boolean, doc: Arrived.}
  bounced: {type: boolean, doc: Came back.}
  responded: {type: boolean, doc: Was answered.}
  complained: {type: boolean, doc: Led to a complaint or was unsubscribed.}
  converted: {type: boolean, doc: Succeeded.}
*/
SELECT
  contact.campaign_id,
  contact.as_of AS list_date,
  contact.customer_id,
  contact.account_id,
  contact.channel,
  contact.cell,
  contact.send_on,
  contact.delivered,
  contact.bounced,
  contact.responded,
  contact.complained,
  contact.converted
FROM campaign.contact
WHERE contact.outcome = 'listed'
