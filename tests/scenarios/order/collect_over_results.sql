---- flink

-- events
SELECT `k`, `t`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`,
  CAST(6 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, CAST(0 AS BIGINT) AS `__n`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- window-db1c rows
SELECT `k` AS `__a0`, `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `window-3c9e`;

-- window-db1c windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) + 2000 AS `window_end`
  FROM `window-db1c rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-db1c ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-db1c windows`;

-- window-db1c
SELECT `window_start`, `window_end`, `keys`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` STRING>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS STRING)], CAST(NULL AS STRING))) AS `keys`,
    COALESCE(caudal_udf_2(ARRAY_AGG(CAST(ROW(`__r1`, `__a1`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a1` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-db1c ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 6 AS `__s`,
  0L AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- window-db1c rows
SELECT `k` AS `__a0`, `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `window-3c9e`;

-- window-db1c windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 2000L) AS `window_start`, `__t` - pmod(`__t`, 2000L) + 2000 AS `window_end` FROM `window-db1c rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-db1c ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-db1c windows`;

-- window-db1c
SELECT `window_start`, `window_end`, `keys`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `keys`,
    transform(array_sort(COLLECT_LIST(struct(`__r1` AS r, `__a1` AS v)) FILTER (WHERE `__a1` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-db1c ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 6 AS `__s`,
  0L AS `__p`, struct(`window_end`, `__k0`, `window_start`) AS `__o`, 0L AS `__n`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `window-3c9e marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;

-- window-db1c marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-db1c windows`;

-- window-db1c
SELECT `window_start`, `window_end`, `keys`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 2000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `keys`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a1` AS v)) FILTER (WHERE `__a1` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-db1c marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
