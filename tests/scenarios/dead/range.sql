---- flink

-- events
SELECT `i`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `i`, `n`, `__w` FROM `events`;

---- spark

-- events
SELECT `i`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `i`, `n`, `__w` FROM `events`;

---- spark, over unbounded input

