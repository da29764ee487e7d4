/*
grain: one row a composite segment
key: [segment]
purpose: The composite segments, what they are and how the utility deals with them. The same names as in customer_composite.
columns:
  segment: {type: string, doc: Name.}
  description: {type: string, doc: Who is in it.}
  relationship_level: {type: string, doc: 'basic, reactive, accountable, proactive or partnership.'}
  treatment: {type: string, doc: What to do.}
params:
  segments:
    type: rows
    columns: {segment: string, description: string, relationship_level: string, treatment: string}
    default:
      - [without supply, Holds no live account, basic, Keep the record; ask back only with consent]
      - [key at risk, Key account that may leave, partnership, Visit within a week; look at tariff and supply quality]
      - [key partner, Key account, partnership, Account manager; quarterly visit; yearly review]
      - [payment rescue, Very likely not to pay, reactive, Call; payment plan; no new credit]
      - [payment watch, Likely not to pay, proactive, Remind before the due date; offer bank debit]
      - [leaving, May leave soon, proactive, Ask for the cause; tariff advice]
      - [rising star, Emerging key account, accountable, Account manager; capacity advice]
      - [core business, Business of grade C or better, accountable, Yearly call; tariff and demand advice]
      - [growing business, Business whose potential exceeds its value, proactive, Advice on capacity and services]
      - [night business, Business that uses energy at night, reactive, Time-of-use and storage advice]
      - [small business, Other businesses, reactive, Digital service; tariff check once a year]
      - [newcomer, Household in its first year, proactive, Welcome; offer bank debit and e-bill]
      - [service prospect, Household with a service it would likely take up, proactive, Offer that service]
      - [digital home, Household that pays by itself, basic, Digital channels only]
      - [home, Other households, basic, Standard service]
      - [unassigned, No row of the decision table fits, basic, Mend the decision table]
    doc: One row a segment.
*/
SELECT s.segment, s.description, s.relationship_level, s.treatment
FROM param.segments AS s
