---- flink

-- events
SELECT `x`, `__w` FROM `events input`;

-- select-4176
SELECT `x`,
  IF(`x` = `x`, TRUE, IF(`x` IS NULL OR `x` IS NULL, CAST(NULL AS BOOLEAN), IF(IF(`x` >= 0E0, FALSE, IF(`x` < 0E0, FALSE, IF(`x` IS NULL, CAST(NULL AS BOOLEAN), TRUE))), IF(`x` >= 0E0, FALSE, IF(`x` < 0E0, FALSE, IF(`x` IS NULL, CAST(NULL AS BOOLEAN), TRUE))), FALSE))) AS `same`,
  IF(`x` <= 1E+300, FALSE, IF(`x` IS NULL, CAST(NULL AS BOOLEAN), TRUE)) AS `above`,
  IF(`x` >= 0E0, FALSE, IF(`x` < 0E0, FALSE, IF(`x` IS NULL, CAST(NULL AS BOOLEAN), TRUE))) AS `nan`, `__w`
FROM `events`;

---- spark

-- events
SELECT `x`, `__w` FROM `events input`;

-- select-4176
SELECT `x`, (`x` = `x`) AS `same`, (`x` > 1e+300D) AS `above`, (`x` = CAST('NaN' AS DOUBLE)) AS `nan`, `__w` FROM `events`;

---- spark, over unbounded input

