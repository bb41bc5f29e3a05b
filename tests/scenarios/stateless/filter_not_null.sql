---- flink

-- events
SELECT `b`, `__w` FROM `events input`;

-- filter-237a
SELECT `b`, `__w` FROM `events` WHERE `b`;

-- filter-237a-2
SELECT `b`, `__w` FROM `events` WHERE (NOT `b`);

-- filter-237a-3
SELECT `b`, `__w` FROM `events` WHERE (`b` IS NULL);

---- spark

-- events
SELECT `b`, `__w` FROM `events input`;

-- filter-237a
SELECT `b`, `__w` FROM `events` WHERE `b`;

-- filter-237a-2
SELECT `b`, `__w` FROM `events` WHERE (NOT `b`);

-- filter-237a-3
SELECT `b`, `__w` FROM `events` WHERE (`b` IS NULL);

---- spark, over unbounded input

