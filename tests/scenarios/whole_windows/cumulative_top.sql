---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `k` AS `__k0`, `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- top-52b9 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t` - 3000, CAST(4000 AS BIGINT)) + CAST(4000 AS BIGINT), CAST(4000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t` - 3000, CAST(4000 AS BIGINT)) + CAST(4000 AS BIGINT), CAST(4000 AS BIGINT)) + (`__i` + 1) * 2000 AS `window_end`
  FROM `top-52b9 rows` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`) AND `__t` < `window_end`;

-- top-52b9 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start`, `window_end` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`
WHERE `__r` <= 1;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `k` AS `__k0`, `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- top-52b9 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t` - 3000, 4000L) AS `window_start`, `__t` - pmod(`__t` - 3000, 4000L) + (`__i` + 1) * 2000 AS `window_end`
  FROM `top-52b9 rows` LATERAL VIEW explode(sequence(0L, 1L)) numbers AS `__i`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`) AND `__t` < `window_end`;

-- top-52b9 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start`, `window_end` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `top-52b9 ranked`
WHERE `__r` <= 1;

---- spark, over unbounded input

-- top-52b9 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__b0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__row`.`__x0` AS `t`, `__row`.`__x1` AS `n`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_end`,
    slice(array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN 1 ELSE -1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END), 1, 1) AS `__rows`
  FROM `top-52b9 marked`
  GROUP BY `__k0`, `window_start`, `window_end`, `__e`
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;
