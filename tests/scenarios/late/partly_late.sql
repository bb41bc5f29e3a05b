---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- sums rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- sums windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) - `__i` * 1000 AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) - `__i` * 1000 + 3000 AS `window_end`
  FROM `sums rows` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT), CAST(2 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- sums
SELECT `window_start`, `window_end`, `total`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 3000 AS `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `total`
  FROM `sums windows`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- sums rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- sums windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) - `__i` * 1000 AS `window_start`, `__t` - pmod(`__t`, 1000L) - `__i` * 1000 + 3000 AS `window_end`
  FROM `sums rows` LATERAL VIEW explode(sequence(0L, 2L)) numbers AS `__i`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- sums
SELECT `window_start`, `window_end`, `total`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 3000 AS `window_end`, SUM(CAST(`__a0` AS BIGINT)) AS `total`
  FROM `sums windows`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

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
SELECT `window_start`, `window_end`, `total`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3000 AS `window_end`
  FROM (
    SELECT `window_start`, SUM(CAST(`__a0` AS BIGINT)) AS `total` FROM `sums marked` GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
