---- flink

-- events
SELECT `ip`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, caudal_in_cidr(RAND(), `ip`) AS `inside`, `__w` FROM `events`;

---- spark

-- events
SELECT `ip`, `__w` FROM `events input`;

-- select-4176
SELECT `ip`, caudal_in_cidr(`ip`) AS `inside`, `__w` FROM `events`;

---- spark, over unbounded input

