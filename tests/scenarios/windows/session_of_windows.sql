---- flink

-- events
SELECT `t`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, CAST(7 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `window_start`) AS BIGINT) - 1 AS `__o`,
  CAST(0 AS BIGINT) AS `__n`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n` FROM `window-3c9e windows` GROUP BY `window_start`
) AS x;

-- filter-af01
SELECT `window_start`, `window_end`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `window-3c9e`
WHERE (`n` > CAST(0 AS BIGINT));

-- window-72cb rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-af01` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-72cb windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-72cb rows`
) AS x;

-- window-72cb
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `n`
  FROM `window-72cb windows`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark

-- events
SELECT `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 7 AS `__s`, 0L AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `window_end`, `window_start`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n` FROM `window-3c9e windows` GROUP BY `window_start`
) AS x;

-- filter-af01
SELECT `window_start`, `window_end`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `window-3c9e` WHERE (`n` > 0L);

-- window-72cb rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-af01` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-72cb windows
SELECT *, MAX(`__z0`) OVER (ORDER BY `__t`) AS `window_start`, MIN(`__z1`) OVER (ORDER BY `__t` DESC) + 1000 AS `window_end`
FROM (
  SELECT *, CASE WHEN `__t` - LAG(`__t`) OVER (ORDER BY `__t`) <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (ORDER BY `__t`) - `__t` <= 1000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `window-72cb rows`
) AS x;

-- window-72cb
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `n`
  FROM `window-72cb windows`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 7 AS `__s`, 0L AS `__p`,
  struct(`window_end`, `window_start`) AS `__o`, 0L AS `__n`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`, COUNT(*) AS `n` FROM `window-3c9e marked` GROUP BY `window_start`, `__e`
  ) AS x
) AS x;

-- window-72cb marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-72cb rows`;

-- window-72cb
SELECT `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__t` IS NULL AS `__one`, session_window(`__e`, '1000 milliseconds') AS `__sw`, SUM(CAST(`__a0` AS BIGINT)) AS `n`
    FROM `window-72cb marked`
    GROUP BY `__t` IS NULL, session_window(`__e`, '1000 milliseconds')
  ) AS x
) AS x;
