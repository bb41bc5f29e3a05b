---- flink

-- events
SELECT `k`, `__w` FROM `events input`;

-- filter-9434
SELECT `k`, `__w` FROM `events` WHERE (`k` = CAST('a' AS STRING));

---- spark

-- events
SELECT `k`, `__w` FROM `events input`;

-- filter-9434
SELECT `k`, `__w` FROM `events` WHERE (`k` = 'a');

---- spark, over unbounded input

