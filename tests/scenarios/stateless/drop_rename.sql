---- flink

-- events
SELECT `a`, `c`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `c`, `__w` FROM `events`;

-- select-2662
SELECT `a`, `c` AS `z`, `__w` FROM `select-4176`;

---- spark

-- events
SELECT `a`, `c`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `c`, `__w` FROM `events`;

-- select-2662
SELECT `a`, `c` AS `z`, `__w` FROM `select-4176`;

---- spark, over unbounded input

