---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-3c9e rows`
) AS x;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, COUNT(*) AS `n`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r1`, `__a1`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a1` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-3c9e rows`
) AS x;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, COUNT(*) AS `n`,
    transform(array_sort(COLLECT_LIST(struct(`__r1` AS r, `__a1` AS v)) FILTER (WHERE `__a1` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__t` IS NULL AS `__one`, session_window(`__e`, '1000 milliseconds') AS `__sw`, COUNT(*) AS `n`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a1` AS v)) FILTER (WHERE `__a1` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-3c9e marked`
    GROUP BY `__t` IS NULL, session_window(`__e`, '1000 milliseconds')
  ) AS x
) AS x;
