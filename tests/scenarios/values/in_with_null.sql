---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, ((`n` IN (CAST(1 AS BIGINT), CAST(3 AS BIGINT)))) AS `among`, `__w` FROM `events`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, (`n` IN (1L, 3L)) AS `among`, `__w` FROM `events`;

---- spark, over unbounded input

