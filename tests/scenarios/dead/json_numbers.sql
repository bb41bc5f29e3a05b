---- flink

-- events
SELECT `n`, `x`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `x`, `__w` FROM `events`;

---- spark

-- events
SELECT `n`, `x`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `x`, `__w` FROM `events`;

---- spark, over unbounded input

