/*
grain: one row
key: [one]
purpose: How value clusters are found, and when one counts as a new one.
columns:
  one: {type: integer, doc: Always 1.}
  fewest: {type: integer, doc: Smallest number of clusters tried.}
  most: {type: integer, doc: Largest number tried.}
  sample: {type: integer, doc: Customers the centroids are fitted on.}
  silhouette_sample: {type: integer, doc: 'Of those, customers the silhouette is measured on.'}
  keep_margin: {type: double, doc: A cluster more must better the silhouette by this; the number changes only where another is better by as much.}
  rename_distance: {type: double, doc: A centroid further than this from the one it follows gets a number and name of its own.}
  resamples: {type: integer, doc: Samples drawn again to see whether the same clusters come out.}
  full_current_amount: {type: double, doc: Current value that counts 1.}
  full_potential_amount: {type: double, doc: Potential value that counts 1.}
  current_middle: {type: double, doc: 'Current value from which on a cluster is called middle.'}
  current_high: {type: double, doc: 'Current value from which on it is called high.'}
  potential_middle: {type: double, doc: 'Potential value from which on it is called middle.'}
  potential_high: {type: double, doc: 'Potential value from which on it is called high.'}
params:
  fewest: {type: integer, default: 3, minimum: 2, maximum: 20, doc: Smallest number of clusters tried.}
  most: {type: integer, default: 9, minimum: 2, maximum: 20, doc: Largest number tried.}
  sample: {type: integer, default: 20000, minimum: 100, maximum: 200000, doc: Customers the centroids are fitted on.}
  silhouette_sample: {type: integer, default: 3000, minimum: 100, maximum: 10000, doc: Customers the silhouette is measured on.}
  keep_margin: {type: number, default: 0.02, minimum: 0, maximum: 1, doc: By how much another number must be better.}
  rename_distance: {type: number, default: 0.10, minimum: 0, maximum: 2, doc: 'Largest distance over which a number and name are kept, on the scale of 0 to 1.'}
  resamples: {type: integer, default: 10, minimum: 1, maximum: 100, doc: Samples drawn again.}
  full_current_amount: {same_as: segment.customer_value.full_current_amount}
  full_potential_amount: {same_as: segment.customer_value.full_potential_amount}
  current_middle: {same_as: segment.customer_value_cell.current_middle}
  current_high: {same_as: segment.customer_value_cell.current_high}
  potential_middle: {same_as: segment.customer_value_cell.potential_middle}
  potential_high: {same_as: segment.customer_value_cell.potential_high}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($fewest AS BIGINT) AS fewest,
  CAST($most AS BIGINT) AS most,
  CAST($sample AS BIGINT) AS sample,
  CAST($silhouette_sample AS BIGINT) AS silhouette_sample,
  CAST($keep_margin AS DOUBLE) AS keep_margin,
  CAST($rename_distance AS DOUBLE) AS rename_distance,
  CAST($resamples AS BIGINT) AS resamples,
  CAST($full_current_amount AS DOUBLE) AS full_current_amount,
  CAST($full_potential_amount AS DOUBLE) AS full_potential_amount,
  CAST($current_middle AS DOUBLE) AS current_middle,
  CAST($current_high AS DOUBLE) AS current_high,
  CAST($potential_middle AS DOUBLE) AS potential_middle,
  CAST($potential_high AS DOUBLE) AS potential_high
