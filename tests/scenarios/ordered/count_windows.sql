---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `pairs rows`;

-- pairs calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `pairs numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `pairs numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `pairs calls` CROSS JOIN `pairs last row`;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `pairs rows`;

-- pairs calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`)) AS `__rows` FROM `pairs numbered` GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `pairs numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `pairs calls` CROSS JOIN `pairs last row`;

---- spark, over unbounded input

-- pairs marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `pairs rows`;

-- pairs stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row` FROM `pairs marked`;

-- pairs marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `pairs stepped`;

-- pairs ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `pairs marked results`;

-- pairs calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `pairs ended` WHERE `made` <> ''
) AS x;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `all`, `__t`, `__w` FROM `pairs calls`;
