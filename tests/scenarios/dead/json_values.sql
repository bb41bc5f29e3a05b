---- flink

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `k`, `n`, `__w` FROM `events`;

---- spark

-- events
SELECT `k`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `k`, `n`, `__w` FROM `events`;

---- spark, over unbounded input

