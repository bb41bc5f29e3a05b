---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `__w` FROM `events` WHERE (`n` < CAST(6 AS BIGINT));

-- filter-237a-2
SELECT `n`, `__w`
FROM `events`
WHERE ((NOT COALESCE((`n` < CAST(6 AS BIGINT)), FALSE)) AND (MOD(`n`, CAST(2 AS BIGINT)) = CAST(1 AS BIGINT)));

-- filter-237a-3
SELECT `n`, `__w`
FROM `events`
WHERE ((NOT COALESCE((`n` < CAST(6 AS BIGINT)), FALSE)) AND (NOT COALESCE((MOD(`n`, CAST(2 AS BIGINT)) = CAST(1 AS BIGINT)), FALSE)));

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `__w` FROM `events` WHERE (`n` < 6L);

-- filter-237a-2
SELECT `n`, `__w` FROM `events` WHERE ((NOT coalesce((`n` < 6L), FALSE)) AND ((`n` % 2L) = 1L));

-- filter-237a-3
SELECT `n`, `__w` FROM `events` WHERE ((NOT coalesce((`n` < 6L), FALSE)) AND (NOT coalesce(((`n` % 2L) = 1L), FALSE)));

---- spark, over unbounded input

