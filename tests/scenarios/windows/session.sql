---- flink

-- events
SELECT `k`, `t`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e windows
SELECT *, MAX(`__z0`) OVER (PARTITION BY `__k0` ORDER BY `__t`) AS `window_start`,
  MIN(`__z1`) OVER (PARTITION BY `__k0` ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *,
    CASE WHEN `__t` - LAG(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-3c9e rows`
) AS x;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`, `window_end`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e windows
SELECT *, MAX(`__z0`) OVER (PARTITION BY `__k0` ORDER BY `__t`) AS `window_start`,
  MIN(`__z1`) OVER (PARTITION BY `__k0` ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *,
    CASE WHEN `__t` - LAG(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-3c9e rows`
) AS x;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`, `window_end`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__k0`, session_window(`__e`, '1000 milliseconds') AS `__sw`, COUNT(*) AS `n`
    FROM `window-3c9e marked`
    GROUP BY `__k0`, session_window(`__e`, '1000 milliseconds')
  ) AS x
) AS x;
