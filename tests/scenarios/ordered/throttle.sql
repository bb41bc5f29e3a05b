---- flink

-- alerts
SELECT `ip`, `t`, `n`, `__t`, `__w`, CAST(0 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `alerts input`;

-- few rows
SELECT `ip` AS `__k0`, `ip` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `alerts`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- few numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `few rows`;

-- few calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` BIGINT>)) AS `__rows`
  FROM `few numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- few
SELECT `__z0` AS `ip`, `__z1` AS `t`, `__z2` AS `n`, `__z3` AS `held_back`, `__t`, `__w`, CAST(3 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `few calls`;

-- order rows
SELECT `ip` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `held_back` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `few`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `order numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`);

-- order
SELECT `__x0` AS `ip`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `held_back`, `__z0` AS `all`, `__t`, `__w` FROM `order calls`;

-- select-0d13
SELECT `all`, `__t`, `__w` FROM `order`;

-- window-3156 rows
SELECT `held_back` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `few`;

-- window-3156 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) + 3600000 AS `window_end`
  FROM `window-3156 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3156
SELECT `window_start`, `window_end`, `rows`, `held`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 3600000 AS `window_end`, COUNT(*) AS `rows`, SUM(CAST(`__a1` AS BIGINT)) AS `held`
  FROM `window-3156 windows`
  GROUP BY `window_start`
) AS x;

-- throttle-6eac rows
SELECT `ip` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `alerts`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- throttle-6eac numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `throttle-6eac rows`;

-- throttle-6eac calls
SELECT r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` BIGINT>)) AS `__rows`
  FROM `throttle-6eac numbered`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- throttle-6eac
SELECT `__z0` AS `ip`, `__z1` AS `t`, `__z2` AS `n`, `__z3` AS `suppressed`, `__t`, `__w` FROM `throttle-6eac calls`;

-- select-6164
SELECT `n`, `suppressed`, `__t`, `__w` FROM `throttle-6eac`;

---- spark

-- alerts
SELECT `ip`, `t`, `n`, `__t`, `__w`, 0 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `alerts input`;

-- few rows
SELECT `ip` AS `__k0`, `ip` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `alerts`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- few numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `few rows`;

-- few calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `few numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- few
SELECT `__z0` AS `ip`, `__z1` AS `t`, `__z2` AS `n`, `__z3` AS `held_back`, `__t`, `__w`, 3 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `few calls`;

-- order rows
SELECT `ip` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `held_back` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `few`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`)) AS `__rows` FROM `order numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`;

-- order
SELECT `__x0` AS `ip`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `held_back`, `__z0` AS `all`, `__t`, `__w` FROM `order calls`;

-- select-0d13
SELECT `all`, `__t`, `__w` FROM `order`;

-- window-3156 rows
SELECT `held_back` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `few`;

-- window-3156 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3600000L) AS `window_start`, `__t` - pmod(`__t`, 3600000L) + 3600000 AS `window_end`
  FROM `window-3156 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3156
SELECT `window_start`, `window_end`, `rows`, `held`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 3600000 AS `window_end`, COUNT(*) AS `rows`, SUM(CAST(`__a1` AS BIGINT)) AS `held`
  FROM `window-3156 windows`
  GROUP BY `window_start`
) AS x;

-- throttle-6eac rows
SELECT `ip` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `alerts`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- throttle-6eac numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `throttle-6eac rows`;

-- throttle-6eac calls
SELECT `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows` FROM `throttle-6eac numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- throttle-6eac
SELECT `__z0` AS `ip`, `__z1` AS `t`, `__z2` AS `n`, `__z3` AS `suppressed`, `__t`, `__w` FROM `throttle-6eac calls`;

-- select-6164
SELECT `n`, `suppressed`, `__t`, `__w` FROM `throttle-6eac`;

---- spark, over unbounded input

-- few marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `few rows`;

-- few stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `few marked`;

-- few calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`,
  u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `few stepped` WHERE `made` <> ''
) AS x;

-- few
SELECT `__z0` AS `ip`, `__z1` AS `t`, `__z2` AS `n`, `__z3` AS `held_back`, `__t`, `__w`, 3 AS `__s`, 0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `few calls`;

-- order marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `order rows`;

-- order stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `order marked`;

-- order calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__t` AS `__t`, u.`__w` AS `__w`,
  u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `order stepped` WHERE `made` <> ''
) AS x;

-- window-3156 marked
SELECT NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-3156 windows`;

-- window-3156
SELECT `window_start`, `window_end`, `rows`, `held`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3600000 AS `window_end`
  FROM (
    SELECT `window_start`, COUNT(*) AS `rows`, SUM(CAST(`__a1` AS BIGINT)) AS `held`
    FROM `window-3156 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;

-- throttle-6eac marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `throttle-6eac rows`;

-- throttle-6eac stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`, caudal_call_5(`__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `throttle-6eac marked`;

-- throttle-6eac calls
SELECT u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`,
  u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `throttle-6eac stepped` WHERE `made` <> ''
) AS x;
