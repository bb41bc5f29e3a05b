---- flink

-- events
SELECT `ip`, `method`, `path`, `status`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, `method`, `path`, `status`, `__w` FROM `events`;

---- spark

-- events
SELECT `ip`, `method`, `path`, `status`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, `method`, `path`, `status`, `__w` FROM `events`;

---- spark, over unbounded input

