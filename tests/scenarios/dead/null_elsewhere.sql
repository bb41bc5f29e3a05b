---- flink

-- events
SELECT `n`, `__t`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `__t`, `__w` FROM `events`;

---- spark

-- events
SELECT `n`, `__t`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `__t`, `__w` FROM `events`;

---- spark, over unbounded input

