---- flink

-- events
SELECT `t`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- counts rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- counts windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `counts rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- counts
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, CAST(0 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `window_start`) AS BIGINT) - 1 AS `__o`,
  CAST(0 AS BIGINT) AS `__n`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n` FROM `counts windows` GROUP BY `window_start`
) AS x;

-- sums rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `counts`;

-- sums windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `sums rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- sums
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `n`
  FROM `sums windows`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- counts rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- counts windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `counts rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- counts
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 0 AS `__s`, 0L AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `window_start`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n` FROM `counts windows` GROUP BY `window_start`
) AS x;

-- sums rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `counts`;

-- sums windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end` FROM `sums rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- sums
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `n`
  FROM `sums windows`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- counts marked
SELECT NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `counts windows`;

-- counts
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 0 AS `__s`, 0L AS `__p`,
  struct(`window_end`, `window_start`) AS `__o`, 0L AS `__n`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`, COUNT(*) AS `n` FROM `counts marked` GROUP BY `window_start`, `__e`
  ) AS x
) AS x;

-- sums marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `sums windows`;

-- sums
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `window_start`, SUM(CAST(`__a0` AS BIGINT)) AS `n` FROM `sums marked` GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
