---- flink

-- events
SELECT `s`, `n`, `x`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `s`, `n`, `x`, `b`, `__w` FROM `events`;

---- spark

-- events
SELECT `s`, `n`, `x`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `s`, `n`, `x`, `b`, `__w` FROM `events`;

---- spark, over unbounded input

