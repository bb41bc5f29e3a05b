---- flink

-- events
SELECT `ip`, `agent`, `f`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, `agent`, `f`, `__w` FROM `events`;

---- spark

-- events
SELECT `ip`, `agent`, `f`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, `agent`, `f`, `__w` FROM `events`;

---- spark, over unbounded input

