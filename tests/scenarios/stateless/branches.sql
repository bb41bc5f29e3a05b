---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- small
SELECT `n`, `__w` FROM `events` WHERE (`n` < CAST(2 AS BIGINT));

-- large
SELECT `n`, `__w` FROM `events` WHERE (`n` > CAST(2 AS BIGINT));

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- small
SELECT `n`, `__w` FROM `events` WHERE (`n` < 2L);

-- large
SELECT `n`, `__w` FROM `events` WHERE (`n` > 2L);

---- spark, over unbounded input

