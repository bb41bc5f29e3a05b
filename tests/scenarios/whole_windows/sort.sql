---- flink

-- events
SELECT `t`, `x`, `k`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `k` AS `__x2`, `x` AS `__b0`, `k` AS `__b1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- top-52b9 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) + 3000 AS `window_end`
  FROM `top-52b9 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-52b9 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY IF(`__b0` IS NULL, 0, IF(`__b0` <= CAST('Infinity' AS DOUBLE), 1, 2)), IF(`__b0` <= CAST('Infinity' AS DOUBLE), `__b0`, CAST(NULL AS DOUBLE)), `__b1`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`;

-- select-2cf3
SELECT `x`, `k`, `__t`, `__w` FROM `top-52b9`;

-- top-52b9-2 rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `k` AS `__x2`, `x` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- top-52b9-2 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) + 3000 AS `window_end`
  FROM `top-52b9-2 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-52b9-2 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY IF(`__b0` IS NULL, 0, IF(`__b0` <= CAST('Infinity' AS DOUBLE), 1, 2)) DESC, IF(`__b0` <= CAST('Infinity' AS DOUBLE), `__b0`, CAST(NULL AS DOUBLE)) DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9-2 windows`;

-- top-52b9-2
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9-2 ranked`;

-- select-cd1d
SELECT `x`, `k`, `__t`, `__w` FROM `top-52b9-2`;

---- spark

-- events
SELECT `t`, `x`, `k`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `k` AS `__x2`, `x` AS `__b0`, `k` AS `__b1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- top-52b9 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3000L) AS `window_start`, `__t` - pmod(`__t`, 3000L) + 3000 AS `window_end` FROM `top-52b9 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-52b9 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__b0`, `__b1`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`;

-- select-2cf3
SELECT `x`, `k`, `__t`, `__w` FROM `top-52b9`;

-- top-52b9-2 rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `k` AS `__x2`, `x` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- top-52b9-2 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3000L) AS `window_start`, `__t` - pmod(`__t`, 3000L) + 3000 AS `window_end` FROM `top-52b9-2 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-52b9-2 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9-2 windows`;

-- top-52b9-2
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9-2 ranked`;

-- select-cd1d
SELECT `x`, `k`, `__t`, `__w` FROM `top-52b9-2`;

---- spark, over unbounded input

-- top-52b9 marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__b0`, NULL AS `__b1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__b0`, `__b1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__row`.`__x0` AS `t`, `__row`.`__x1` AS `x`, `__row`.`__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3000 AS `window_end`
  FROM (
    SELECT `window_start`,
      array_sort(COLLECT_LIST(struct(`__b0`, `__b1`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`, `__x2`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN -1 ELSE 1 END WHEN NOT (a.`__b1` <=> b.`__b1`) THEN CASE WHEN a.`__b1` IS NULL OR a.`__b1` < b.`__b1` THEN -1 ELSE 1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END) AS `__rows`
    FROM `top-52b9 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;

-- top-52b9-2 marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__b0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `top-52b9-2 windows`;

-- top-52b9-2
SELECT `window_start`, `window_end`, `__row`.`__x0` AS `t`, `__row`.`__x1` AS `x`, `__row`.`__x2` AS `k`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3000 AS `window_end`
  FROM (
    SELECT `window_start`,
      array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`, `__x2`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN 1 ELSE -1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END) AS `__rows`
    FROM `top-52b9-2 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;
