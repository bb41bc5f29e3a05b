---- flink

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, (`n` > CAST(1 AS BIGINT)) AS `__a1`, `n` AS `__a2`, `n` AS `__a3`, `x` AS `__a4`, `x` AS `__a5`, `n` AS `__a6`,
  `x` AS `__a7`, `n` AS `__a8`, `n` AS `__a9`, `n` AS `__a10`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start`, `__a2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__a2n`,
  AVG(CAST(`__a5` AS DOUBLE)) OVER (PARTITION BY `__k0`, `window_start`) AS `__a5m`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a8` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r8`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a9` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r9`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a10` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r10`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `rows`, `some`, `kinds`, `total`, `mean`, `spread`, `least`, `most`, `first`,
  `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `rows`, COUNT(CASE WHEN `__a1` THEN 1 END) AS `some`,
    COUNT(CASE WHEN `__a2n` = 1 THEN `__a2` END) AS `kinds`, SUM(CAST(`__a3` AS BIGINT)) AS `total`,
    AVG(CAST(`__a4` AS DOUBLE)) AS `mean`,
    (CASE WHEN COUNT(`__a5`) > 1 THEN SQRT(SUM((CAST(`__a5` AS DOUBLE) - `__a5m`) * (CAST(`__a5` AS DOUBLE) - `__a5m`)) / (COUNT(`__a5`) - 1)) END) AS `spread`,
    MIN(`__a6`) AS `least`,
    (CASE WHEN COUNT(`__a7`) > COUNT(IF(`__a7` <= CAST('Infinity' AS DOUBLE), `__a7`, CAST(NULL AS DOUBLE))) THEN CAST(CAST('NaN' AS DOUBLE) AS DOUBLE) ELSE MAX(IF(`__a7` <= CAST('Infinity' AS DOUBLE), `__a7`, CAST(NULL AS DOUBLE))) END) AS `most`,
    FIRST_VALUE(CASE WHEN `__r8` = 1 THEN `__a8` END) AS `first`, FIRST_VALUE(CASE WHEN `__r9` = 1 THEN `__a9` END) AS `last`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r10`, `__a10`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a10` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, (`n` > 1L) AS `__a1`, `n` AS `__a2`, `n` AS `__a3`, `x` AS `__a4`, `x` AS `__a5`, `n` AS `__a6`, `x` AS `__a7`,
  `n` AS `__a8`, `n` AS `__a9`, `n` AS `__a10`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a8` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r8`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a9` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r9`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a10` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r10`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `rows`, `some`, `kinds`, `total`, `mean`, `spread`, `least`, `most`, `first`,
  `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `rows`, COUNT(CASE WHEN `__a1` THEN 1 END) AS `some`,
    COUNT(DISTINCT `__a2`) AS `kinds`, SUM(CAST(`__a3` AS BIGINT)) AS `total`, AVG(CAST(`__a4` AS DOUBLE)) AS `mean`,
    STDDEV_SAMP(CAST(`__a5` AS DOUBLE)) AS `spread`, MIN(`__a6`) AS `least`, MAX(`__a7`) AS `most`,
    FIRST(CASE WHEN `__r8` = 1 THEN `__a8` END, TRUE) AS `first`, FIRST(CASE WHEN `__r9` = 1 THEN `__a9` END, TRUE) AS `last`,
    transform(array_sort(COLLECT_LIST(struct(`__r10` AS r, `__a10` AS v)) FILTER (WHERE `__a10` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__a6`, NULL AS `__a7`,
  NULL AS `__a8`, NULL AS `__a9`, NULL AS `__a10`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`, `__a10`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `rows`, `some`, `kinds`, `total`, `mean`, `spread`, `least`, `most`, `first`,
  `last`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `rows`, COUNT(CASE WHEN `__a1` THEN 1 END) AS `some`,
      CAST(size(COLLECT_SET(`__a2`)) AS BIGINT) AS `kinds`, SUM(CAST(`__a3` AS BIGINT)) AS `total`,
      AVG(CAST(`__a4` AS DOUBLE)) AS `mean`, STDDEV_SAMP(CAST(`__a5` AS DOUBLE)) AS `spread`, MIN(`__a6`) AS `least`,
      MAX(`__a7`) AS `most`, MIN_BY(`__a8`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a8` IS NOT NULL) AS `first`,
      MAX_BY(`__a9`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a9` IS NOT NULL) AS `last`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a10` AS v)) FILTER (WHERE `__a10` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-3c9e marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
