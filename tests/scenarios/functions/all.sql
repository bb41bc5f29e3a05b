---- flink

-- events
SELECT `k`, `__w` FROM `events input`;

-- copies
SELECT `k`, `__i` AS `worker`, `__w`
FROM `events` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT)]) AS numbers(`__i`);

---- spark

-- events
SELECT `k`, `__w` FROM `events input`;

-- copies
SELECT `k`, `__i` AS `worker`, `__w` FROM `events` LATERAL VIEW explode(sequence(0L, 1L)) numbers AS `__i`;

---- spark, over unbounded input

