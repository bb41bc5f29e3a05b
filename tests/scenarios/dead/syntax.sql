---- flink

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `k`, `n`, `__w` FROM `events` WHERE (`n` > CAST(0 AS BIGINT));

---- spark

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `k`, `n`, `__w` FROM `events` WHERE (`n` > 0L);

---- spark, over unbounded input

