---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, (`n` + `n`) AS `more`, `__w` FROM `events`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, (`n` + `n`) AS `more`, `__w` FROM `events`;

---- spark, over unbounded input

