---- flink

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT COALESCE(`a`, `b`, CAST(0 AS BIGINT)) AS `first`,
  (CASE WHEN (`a` > CAST(1 AS BIGINT)) THEN CAST('a' AS STRING) WHEN (`b` > CAST(0 AS BIGINT)) THEN CAST('b' AS STRING) ELSE CAST('none' AS STRING) END) AS `which`,
  `__w`
FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT coalesce(`a`, `b`, 0L) AS `first`, CASE WHEN (`a` > 1L) THEN 'a' WHEN (`b` > 0L) THEN 'b' ELSE 'none' END AS `which`, `__w`
FROM `events`;

---- spark, over unbounded input

