---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `n` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r2`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `first`, `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, FIRST_VALUE(CASE WHEN `__r0` = 1 THEN `__a0` END) AS `first`,
    FIRST_VALUE(CASE WHEN `__r1` = 1 THEN `__a1` END) AS `last`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r2`, `__a2`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a2` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `n` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r2`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `first`, `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, FIRST(CASE WHEN `__r0` = 1 THEN `__a0` END, TRUE) AS `first`,
    FIRST(CASE WHEN `__r1` = 1 THEN `__a1` END, TRUE) AS `last`,
    transform(array_sort(COLLECT_LIST(struct(`__r2` AS r, `__a2` AS v)) FILTER (WHERE `__a2` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `first`, `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`, MIN_BY(`__a0`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a0` IS NOT NULL) AS `first`,
      MAX_BY(`__a1`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a1` IS NOT NULL) AS `last`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a2` AS v)) FILTER (WHERE `__a2` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-3c9e marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
