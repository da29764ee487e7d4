/*
grain: one row per live account billed by time of use
key: [account_id]
purpose: What an account would save in a year by moving a share of its peak energy to the valley.
columns:
  account_id: {type: string, doc: The supply account.}
  peak_kwh: {type: double, doc: Sharp and peak energy billed in 12 periods.}
  shifted_kwh: {type: double, doc: The share that is moved.}
  saving_amount: {type: decimal, doc: What the account would save and the utility would lose in a year.}
  relieved_kw: {type: double, doc: Mean power taken off the peak.}
*/
SELECT
  peak_shift.account_id,
  peak_shift.peak_kwh,
  peak_shift.shifted_kwh,
  peak_shift.saving_amount,
  peak_shift.relieved_kw
FROM segment.peak_shift
