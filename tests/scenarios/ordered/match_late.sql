---- flink

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- match rows
SELECT `k` AS `__k0`, (`e` = CAST('x' AS STRING)) AS `__a0`, (`e` = CAST('y' AS STRING)) AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match rows`;

-- match calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT>)) AS `__rows`
  FROM `match numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- match
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w`, CAST(7 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `match calls`;

-- behind rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `match`;

-- behind windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `behind rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- behind
SELECT `window_start`, `window_end`, `c`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `c` FROM `behind windows` GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- match rows
SELECT `k` AS `__k0`, (`e` = 'x') AS `__a0`, (`e` = 'y') AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match rows`;

-- match calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `match numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- match
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w`, 7 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `match calls`;

-- behind rows
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `match`;

-- behind windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `behind rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- behind
SELECT `window_start`, `window_end`, `c`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `c` FROM `behind windows` GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- match marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match rows`;

-- match stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match marked`;

-- match calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `match stepped` WHERE `made` <> ''
) AS x;

-- match
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w`, 7 AS `__s`, 0L AS `__p`,
  CAST(NULL AS BIGINT) AS `__o`, `__i` AS `__n`
FROM `match calls`;

-- behind marked
SELECT NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `behind windows`;

-- behind
SELECT `window_start`, `window_end`, `c`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`, COUNT(*) AS `c` FROM `behind marked` GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
