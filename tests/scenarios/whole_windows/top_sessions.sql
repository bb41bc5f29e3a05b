---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-52b9 windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 3000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `top-52b9 rows`
) AS x;

-- top-52b9 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`
WHERE `__r` <= 1;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-52b9 windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 3000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `top-52b9 rows`
) AS x;

-- top-52b9 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`
WHERE `__r` <= 1;

---- spark, over unbounded input

-- top-52b9 marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__b0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `top-52b9 rows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__row`.`__x0` AS `t`, `__row`.`__x1` AS `n`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__t` IS NULL AS `__one`, session_window(`__e`, '3000 milliseconds') AS `__sw`,
      slice(array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN 1 ELSE -1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END), 1, 1) AS `__rows`
    FROM `top-52b9 marked`
    GROUP BY `__t` IS NULL, session_window(`__e`, '3000 milliseconds')
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;
