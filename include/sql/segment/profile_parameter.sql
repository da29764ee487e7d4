/*
grain: one row
key: [one]
purpose: How load profiles are found and when one counts as a new one.
columns:
  one: {type: integer, doc: Always 1.}
  fewest: {type: integer, doc: Smallest number of load profiles tried.}
  most: {type: integer, doc: Largest number tried.}
  sample: {type: integer, doc: Accounts the centroids are fitted on.}
  silhouette_sample: {type: integer, doc: 'Of those, accounts the silhouette is measured on.'}
  keep_margin: {type: double, doc: A profile more must better the silhouette by this; the number changes only where another is better by as much.}
  rename_distance: {type: double, doc: A centroid further than this from the one it follows gets a number and name of its own.}
params:
  fewest: {type: integer, default: 3, minimum: 2, maximum: 20, doc: Smallest number of load profiles tried.}
  most: {type: integer, default: 12, minimum: 2, maximum: 20, doc: Largest number tried.}
  sample: {type: integer, default: 20000, minimum: 100, maximum: 200000, doc: Accounts the centroids are fitted on.}
  silhouette_sample: {type: integer, default: 3000, minimum: 100, maximum: 10000, doc: Accounts the silhouette is measured on.}
  keep_margin: {type: number, default: 0.02, minimum: 0, maximum: 1, doc: By how much another number must be better.}
  rename_distance: {type: number, default: 0.16, minimum: 0, maximum: 2, doc: Largest distance over which a number and name are kept.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($fewest AS BIGINT) AS fewest,
  CAST($most AS BIGINT) AS most,
  CAST($sample AS BIGINT) AS sample,
  CAST($silhouette_sample AS BIGINT) AS silhouette_sample,
  CAST($keep_margin AS DOUBLE) AS keep_margin,
  CAST($rename_distance AS DOUBLE) AS rename_distance
