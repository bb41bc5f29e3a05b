---- flink

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`,
  (CASE WHEN CAST(`b` AS DOUBLE) <> 0E0 THEN (CAST(`a` AS DOUBLE) / CAST(`b` AS DOUBLE)) ELSE CAST(NULL AS DOUBLE) END) AS `quotient`,
  (CASE WHEN `b` <> 0 THEN (`a` / `b` - (CASE WHEN MOD(`a`, `b`) <> 0 AND (`a` < 0) <> (`b` < 0) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)) ELSE CAST(NULL AS BIGINT) END) AS `floored`,
  (CASE WHEN `b` <> 0 THEN (MOD(`a`, `b`) + (CASE WHEN MOD(`a`, `b`) <> 0 AND (MOD(`a`, `b`) < 0) <> (`b` < 0) THEN `b` ELSE CAST(0 AS BIGINT) END)) ELSE CAST(NULL AS BIGINT) END) AS `rest`,
  `__w`
FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`, (CAST(`a` AS DOUBLE) / CAST(`b` AS DOUBLE)) AS `quotient`, caudal_floor_div(`a`, `b`) AS `floored`,
  caudal_floor_mod(`a`, `b`) AS `rest`, `__w`
FROM `events`;

---- spark, over unbounded input

