---- flink

-- events
SELECT `x`, `__w` FROM `events input`;

-- select-4176
SELECT `x`, (CASE WHEN ABS(`x`) <= 1.7976931348623157E308 THEN ROUND(`x`, 0) ELSE `x` END) AS `rounded`, `__w` FROM `events`;

---- spark

-- events
SELECT `x`, `__w` FROM `events input`;

-- select-4176
SELECT `x`, round(`x`, 0) AS `rounded`, `__w` FROM `events`;

---- spark, over unbounded input

