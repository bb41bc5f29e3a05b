---- flink

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- big
SELECT `k`, `n`, `__w` FROM `events` WHERE (`n` > CAST(1 AS BIGINT));

---- spark

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- big
SELECT `k`, `n`, `__w` FROM `events` WHERE (`n` > 1L);

---- spark, over unbounded input

