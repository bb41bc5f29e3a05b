---- flink

-- events
SELECT `k`, `t`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- day rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- day windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(86400000 AS BIGINT)) + CAST(86400000 AS BIGINT), CAST(86400000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(86400000 AS BIGINT)) + CAST(86400000 AS BIGINT), CAST(86400000 AS BIGINT)) + 86400000 AS `window_end`
  FROM `day rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- day
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 86400000 AS `window_end`, COUNT(*) AS `n`
  FROM `day windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- sessions rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- sessions windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 36000000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 36000000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 36000000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `sessions rows`
) AS x;

-- sessions
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, COUNT(*) AS `n` FROM `sessions windows` GROUP BY `window_start`, `window_end`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- day rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- day windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 86400000L) AS `window_start`, `__t` - pmod(`__t`, 86400000L) + 86400000 AS `window_end`
  FROM `day rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- day
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 86400000 AS `window_end`, COUNT(*) AS `n`
  FROM `day windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- sessions rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- sessions windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 36000000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 36000000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 36000000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `sessions rows`
) AS x;

-- sessions
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, COUNT(*) AS `n` FROM `sessions windows` GROUP BY `window_start`, `window_end`
) AS x;

---- spark, over unbounded input

-- day marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `day windows`;

-- day
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 86400000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `day marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;

-- sessions marked
SELECT NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `sessions rows`;

-- sessions
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__t` IS NULL AS `__one`, session_window(`__e`, '36000000 milliseconds') AS `__sw`, COUNT(*) AS `n`
    FROM `sessions marked`
    GROUP BY `__t` IS NULL, session_window(`__e`, '36000000 milliseconds')
  ) AS x
) AS x;
