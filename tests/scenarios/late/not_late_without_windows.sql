---- flink

-- events
SELECT `t`, `__t`, `__w` FROM `events input`;

-- filter-237a
SELECT `t`, `__t`, `__w` FROM `events` WHERE (`t` > CAST(0 AS BIGINT));

---- spark

-- events
SELECT `t`, `__t`, `__w` FROM `events input`;

-- filter-237a
SELECT `t`, `__t`, `__w` FROM `events` WHERE (`t` > CAST(0L AS BIGINT));

---- spark, over unbounded input

