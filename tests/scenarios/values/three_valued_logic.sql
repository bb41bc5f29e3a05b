---- flink

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`, (`a` AND `b`) AS `both`, (`a` OR `b`) AS `either`, (NOT (`a` OR `b`)) AS `neither`, `__w` FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__w` FROM `events input`;

-- select-4176
SELECT `a`, `b`, (`a` AND `b`) AS `both`, (`a` OR `b`) AS `either`, (NOT (`a` OR `b`)) AS `neither`, `__w` FROM `events`;

---- spark, over unbounded input

