/*
grain: one row per power-factor standard and band of power factors
key: [standard_points, from_points]
purpose: The percentage that a power factor adds to the charge. The default is the 1983 rule on power-factor adjustment of electricity charges; a utility may load another table.
view: true
columns:
  standard_points: {type: integer, doc: 'The standard in hundredths, 90 for 0.90.'}
  from_points: {type: integer, doc: 'Lowest power factor of the band, in hundredths.'}
  to_points: {type: integer, doc: 'Highest power factor of the band, in hundredths.'}
  base_points: {type: integer, doc: The power factor at which base_percent holds.}
  base_percent: {type: double, doc: 'Percent of the charge, positive adds.'}
  percent_per_point: {type: double, doc: Percent added for each hundredth that the power factor lies below base_points.}
params:
  rates:
    type: rows
    doc: 'Bands of power factors in hundredths, each with its percentage at one of them and the change for each hundredth down.'
    columns: {standard_points: integer, from_points: integer, to_points: integer, base_points: integer, base_percent: double, percent_per_point: double}
    default:
      - [90, 95, 100, 95, -0.75, 0]
      - [90, 90, 94, 90, 0, 0.15]
      - [90, 70, 89, 90, 0, 0.5]
      - [90, 65, 69, 70, 10, 1]
      - [90, 0, 64, 65, 15, 2]
      - [85, 94, 100, 94, -1.10, 0]
      - [85, 91, 93, 91, -0.65, 0.15]
      - [85, 85, 90, 85, 0, 0.1]
      - [85, 65, 84, 85, 0, 0.5]
      - [85, 60, 64, 65, 10, 1]
      - [85, 0, 59, 60, 15, 2]
      - [80, 92, 100, 92, -1.30, 0]
      - [80, 91, 91, 91, -1.15, 0]
      - [80, 80, 90, 80, 0, 0.1]
      - [80, 60, 79, 80, 0, 0.5]
      - [80, 55, 59, 60, 10, 1]
      - [80, 0, 54, 55, 15, 2]
*/
SELECT
  rates.standard_points,
  rates.from_points,
  rates.to_points,
  rates.base_points,
  rates.base_percent,
  rates.percent_per_point
FROM param.rates
