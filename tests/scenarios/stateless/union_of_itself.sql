---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- twice
SELECT `n`, `__w` FROM `events`
UNION ALL
SELECT `n`, `__w` FROM `events`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- twice
SELECT `n`, `__w` FROM `events`
UNION ALL
SELECT `n`, `__w` FROM `events`;

---- spark, over unbounded input

