---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT (`n` + CAST(1 AS BIGINT)) AS `more`, (`n` - CAST(1 AS BIGINT)) AS `less`, (`n` * CAST(2 AS BIGINT)) AS `twice`,
  (- `n`) AS `minus`, `__w`
FROM `events`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT (`n` + 1L) AS `more`, (`n` - 1L) AS `less`, (`n` * 2L) AS `twice`, negative(`n`) AS `minus`, `__w` FROM `events`;

---- spark, over unbounded input

