---- flink

-- events
SELECT `t`, `x`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- select-4176
SELECT (`x` = 0.0E0) AS `same`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e rows
SELECT (CASE WHEN `x` = 0.0E0 THEN 0.0E0 ELSE `x` END) AS `__k0`, `x` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
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
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY IF(`__k0` IS NULL, 0, IF(`__k0` <= CAST('Infinity' AS DOUBLE), 1, 2)), IF(`__k0` <= CAST('Infinity' AS DOUBLE), `__k0`, CAST(NULL AS DOUBLE)), `window_start`, IF(`__a1` IS NULL, 0, IF(`__a1` <= CAST('Infinity' AS DOUBLE), 1, 2)), IF(`__a1` <= CAST('Infinity' AS DOUBLE), `__a1`, CAST(NULL AS DOUBLE)) ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__a1n`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `x`, `window_start`, `window_end`, `n`, `kinds`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`,
    COUNT(CASE WHEN `__a1n` = 1 THEN `__a1` END) AS `kinds`
  FROM `window-3c9e ranked`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `x`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- select-4176
SELECT (`x` = 0.0D) AS `same`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e rows
SELECT `x` AS `__k0`, `x` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `x`, `window_start`, `window_end`, `n`, `kinds`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`, COUNT(DISTINCT `__a1`) AS `kinds`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `x`, `window_start`, `window_end`, `n`, `kinds`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n`,
      CAST(size(COLLECT_SET(CAST(CASE WHEN isnan(`__a1`) THEN CAST('NaN' AS DOUBLE) ELSE `__a1` + 0 END AS DOUBLE))) AS BIGINT) AS `kinds`
    FROM `window-3c9e marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
