---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `__w` FROM `events` WHERE (`n` <> CAST(1 AS BIGINT));

-- with_columns-32f9
SELECT `n`, (`n` * CAST(10 AS BIGINT)) AS `m`, `__w` FROM `filter-237a`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `__w` FROM `events` WHERE (`n` <> 1L);

-- with_columns-32f9
SELECT `n`, (`n` * 10L) AS `m`, `__w` FROM `filter-237a`;

---- spark, over unbounded input

