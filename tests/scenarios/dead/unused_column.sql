---- flink

-- events
SELECT `k`, `__w` FROM `events input`;

-- select-4176
SELECT `k`, `__w` FROM `events`;

---- spark

-- events
SELECT `k`, `__w` FROM `events input`;

-- select-4176
SELECT `k`, `__w` FROM `events`;

---- spark, over unbounded input

