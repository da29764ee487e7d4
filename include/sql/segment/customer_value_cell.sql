/*
grain: one row per customer
key: [customer_id]
purpose: 'Value classification: current value by potential value, three bands each, with a name for each cell.'
columns:
  customer_id: {type: string, doc: The customer.}
  current_band: {type: string, doc: 'low, middle or high.'}
  potential_band: {type: string, doc: 'low, middle or high.'}
  segment: {type: string, doc: Name of the cell.}
params:
  current_middle: {type: number, default: 200, doc: Current value from which on it is middle.}
  current_high: {type: number, default: 10000, doc: Current value from which on it is high.}
  potential_middle: {type: number, default: 200, doc: Potential value from which on it is middle.}
  potential_high: {type: number, default: 10000, doc: Potential value from which on it is high.}
  names:
    type: rows
    columns: {current_band: string, potential_band: string, name: string}
    default:
      - [low, low, base]
      - [low, middle, seed]
      - [low, high, sleeper]
      - [middle, low, steady]
      - [middle, middle, builder]
      - [middle, high, climber]
      - [high, low, pillar]
      - [high, middle, anchor]
      - [high, high, star]
    doc: A name for each cell.
*/
WITH band AS (
  SELECT
    customer_value.customer_id,
    CASE
      WHEN customer_value.current_value_amount >= $current_high THEN 'high' WHEN
        customer_value.current_value_amount >= $current_middle
        THEN 'middle'
      ELSE 'low'
    END AS current_band,
    CASE
      WHEN customer_value.potential_value_amount >= $potential_high THEN 'high' WHEN
        customer_value.potential_value_amount >= $potential_middle
        THEN 'middle'
      ELSE 'low'
    END
      AS potential_band
  FROM segment.customer_value
)

SELECT
  band.customer_id,
  band.current_band,
  band.potential_band,
  COALESCE(names.name, CONCAT(band.current_band, '/', band.potential_band)) AS segment
FROM band
LEFT JOIN param.names
  ON names.current_band = band.current_band AND names.potential_band = band.potential_band
