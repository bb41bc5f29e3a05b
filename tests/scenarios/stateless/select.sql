---- flink

-- events
SELECT `a`, `b`, `c`, `__w` FROM `events input`;

-- select-4176
SELECT `c`, `a`, `b` AS `d`, `__w` FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `c`, `__w` FROM `events input`;

-- select-4176
SELECT `c`, `a`, `b` AS `d`, `__w` FROM `events`;

---- spark, over unbounded input

