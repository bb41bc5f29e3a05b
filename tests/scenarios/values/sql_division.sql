---- flink

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`,
  (CASE WHEN CAST(`b` AS DOUBLE) <> 0E0 THEN (CAST(`a` AS DOUBLE) / CAST(`b` AS DOUBLE)) ELSE CAST(NULL AS DOUBLE) END) AS `quotient`,
  (CASE WHEN `b` <> 0 THEN (`a` / `b`) ELSE CAST(NULL AS BIGINT) END) AS `truncated`,
  (CASE WHEN `b` <> 0 THEN MOD(`a`, `b`) ELSE CAST(NULL AS BIGINT) END) AS `rest`, `__w`
FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`, (CAST(`a` AS DOUBLE) / CAST(`b` AS DOUBLE)) AS `quotient`, (`a` div `b`) AS `truncated`, (`a` % `b`) AS `rest`, `__w`
FROM `events`;

---- spark, over unbounded input

