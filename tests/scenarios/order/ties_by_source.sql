---- flink

-- zebra
SELECT `t`, `n`, `__t`, `__w`, CAST(9 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `zebra input`;

-- ape
SELECT `t`, `n`, `__t`, `__w`, CAST(0 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `ape input`;

-- union-0ee5
SELECT `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `zebra`
UNION ALL
SELECT `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `ape`;

-- window-5081 rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `union-0ee5`;

-- window-5081 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-5081 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-5081 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-5081 windows`;

-- window-5081
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-5081 ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- zebra
SELECT `t`, `n`, `__t`, `__w`, 9 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `zebra input`;

-- ape
SELECT `t`, `n`, `__t`, `__w`, 0 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `ape input`;

-- union-0ee5
SELECT `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `zebra`
UNION ALL
SELECT `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `ape`;

-- window-5081 rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `union-0ee5`;

-- window-5081 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-5081 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-5081 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-5081 windows`;

-- window-5081
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-5081 ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- window-5081 marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-5081 windows`;

-- window-5081
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-5081 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
