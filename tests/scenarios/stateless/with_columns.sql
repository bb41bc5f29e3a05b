---- flink

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- with_columns-0e01
SELECT `b` AS `a`, `a` AS `b`, (`a` + `b`) AS `c`, `__w` FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- with_columns-0e01
SELECT `b` AS `a`, `a` AS `b`, (`a` + `b`) AS `c`, `__w` FROM `events`;

---- spark, over unbounded input

