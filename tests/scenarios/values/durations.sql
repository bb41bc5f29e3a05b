---- flink

-- events
SELECT `a`, `b`, `__t`, `__w` FROM `events input`;

-- select-4176
SELECT (`b` - `a`) AS `took`, `__t`, `__w` FROM `events`;

---- spark

-- events
SELECT `a`, `b`, `__t`, `__w` FROM `events input`;

-- select-4176
SELECT (`b` - `a`) AS `took`, `__t`, `__w` FROM `events`;

---- spark, over unbounded input

