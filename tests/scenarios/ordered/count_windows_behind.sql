---- flink

-- events
SELECT `k`, `t`, `n`, `s`, `f`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `f` AS `__a1`, `s` AS `__a2`, `s` AS `__a3`, `n` AS `__a4`, `s` AS `__a5`, `n` AS `__a6`,
  `n` AS `__a7`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `pairs rows`;

-- pairs calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__z5>` AS `__z5`, r.`__z6>` AS `__z6`, r.`__z7>` AS `__z7`, r.`__z8>` AS `__z8`, r.`__z9>` AS `__z9`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BIGINT, `__a1` DOUBLE, `__a2` STRING, `__a3` STRING, `__a4` BIGINT, `__a5` STRING, `__a6` BIGINT, `__a7` BIGINT>)) AS `__rows`
  FROM `pairs numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__z5>`, `__z6>`, `__z7>`, `__z8>`, `__z9>`, `__q>`, `__i>`);

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `pairs numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `c`, `__z3` AS `total`, `__z4` AS `mean`,
  `__z5` AS `smallest`, `__z6` AS `kinds`, `__z7` AS `middle`, `__z8` AS `by_n`, `__z9` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`,
  CAST(11 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, `__t`), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `pairs calls` CROSS JOIN `pairs last row`;

-- running-3d75 rows
SELECT `k` AS `__x0`, `window_start` AS `__x1`, `window_end` AS `__x2`, `c` AS `__x3`, `total` AS `__x4`, `mean` AS `__x5`,
  `smallest` AS `__x6`, `kinds` AS `__x7`, `middle` AS `__x8`, `by_n` AS `__x9`, `all` AS `__x10`, `window_start` AS `__y0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `pairs`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-3d75 numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-3d75 rows`;

-- running-3d75 calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__x5>` AS `__x5`, r.`__x6>` AS `__x6`, r.`__x7>` AS `__x7`, r.`__x8>` AS `__x8`, r.`__x9>` AS `__x9`, r.`__x10>` AS `__x10`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` BIGINT, `__x4` BIGINT, `__x5` DOUBLE, `__x6` STRING, `__x7` BIGINT, `__x8` BIGINT, `__x9` STRING, `__x10` ARRAY<BIGINT>, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `running-3d75 numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__x5>`, `__x6>`, `__x7>`, `__x8>`, `__x9>`, `__x10>`, `__t>`, `__w>`, `__z0>`);

-- running-3d75
SELECT `__x0` AS `k`, `__x1` AS `window_start`, `__x2` AS `window_end`, `__x3` AS `c`, `__x4` AS `total`, `__x5` AS `mean`,
  `__x6` AS `smallest`, `__x7` AS `kinds`, `__x8` AS `middle`, `__x9` AS `by_n`, `__x10` AS `all`, `__z0` AS `i`, `__t`, `__w`
FROM `running-3d75 calls`;

-- select-25f5
SELECT `i`, `k`, `window_start`, `window_end`, `c`, `__t`, `__w` FROM `running-3d75`;

-- window-798b rows
SELECT `c` AS `__a1`, `k` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `pairs`;

-- window-798b windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) + 5000 AS `window_end`
  FROM `window-798b rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-798b ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r2`
FROM `window-798b windows`;

-- window-798b
SELECT `window_start`, `window_end`, `windows`, `rows`, `keys`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`, COUNT(*) AS `windows`, SUM(CAST(`__a1` AS BIGINT)) AS `rows`,
    COALESCE(caudal_udf_3(ARRAY_AGG(CAST(ROW(`__r2`, `__a2`) AS ROW<`r` BIGINT, `v` STRING>)) FILTER (WHERE `__a2` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS STRING)], CAST(NULL AS STRING))) AS `keys`
  FROM `window-798b ranked`
  GROUP BY `window_start`
) AS x;

-- threes rows
SELECT `s` AS `__a0`, `n` AS `__a1`, `s` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- threes numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `threes rows`;

-- threes calls
SELECT r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT>)) AS `__rows`
  FROM `threes numbered`
) AS x, LATERAL TABLE(caudal_udtf_4(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- threes last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `threes numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- threes
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `threes calls` CROSS JOIN `threes last row`;

---- spark

-- events
SELECT `k`, `t`, `n`, `s`, `f`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `f` AS `__a1`, `s` AS `__a2`, `s` AS `__a3`, `n` AS `__a4`, `s` AS `__a5`, `n` AS `__a6`,
  `n` AS `__a7`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `pairs rows`;

-- pairs calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__z6`, `__z7`, `__z8`, `__z9`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`)) AS `__rows`
  FROM `pairs numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__z6`, `__z7`, `__z8`, `__z9`, `__q`, `__i`;

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `pairs numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `c`, `__z3` AS `total`, `__z4` AS `mean`,
  `__z5` AS `smallest`, `__z6` AS `kinds`, `__z7` AS `middle`, `__z8` AS `by_n`, `__z9` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`,
  11 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, `__t`), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `pairs calls` CROSS JOIN `pairs last row`;

-- running-3d75 rows
SELECT `k` AS `__x0`, `window_start` AS `__x1`, `window_end` AS `__x2`, `c` AS `__x3`, `total` AS `__x4`, `mean` AS `__x5`,
  `smallest` AS `__x6`, `kinds` AS `__x7`, `middle` AS `__x8`, `by_n` AS `__x9`, `all` AS `__x10`, `window_start` AS `__y0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `pairs`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-3d75 numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-3d75 rows`;

-- running-3d75 calls
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`)) AS `__rows`
  FROM `running-3d75 numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`, `__z0`;

-- running-3d75
SELECT `__x0` AS `k`, `__x1` AS `window_start`, `__x2` AS `window_end`, `__x3` AS `c`, `__x4` AS `total`, `__x5` AS `mean`,
  `__x6` AS `smallest`, `__x7` AS `kinds`, `__x8` AS `middle`, `__x9` AS `by_n`, `__x10` AS `all`, `__z0` AS `i`, `__t`, `__w`
FROM `running-3d75 calls`;

-- select-25f5
SELECT `i`, `k`, `window_start`, `window_end`, `c`, `__t`, `__w` FROM `running-3d75`;

-- window-798b rows
SELECT `c` AS `__a1`, `k` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `pairs`;

-- window-798b windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 5000L) AS `window_start`, `__t` - pmod(`__t`, 5000L) + 5000 AS `window_end` FROM `window-798b rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-798b ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r2`
FROM `window-798b windows`;

-- window-798b
SELECT `window_start`, `window_end`, `windows`, `rows`, `keys`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`, COUNT(*) AS `windows`, SUM(CAST(`__a1` AS BIGINT)) AS `rows`,
    transform(array_sort(COLLECT_LIST(struct(`__r2` AS r, `__a2` AS v)) FILTER (WHERE `__a2` IS NOT NULL)), x -> x.v) AS `keys`
  FROM `window-798b ranked`
  GROUP BY `window_start`
) AS x;

-- threes rows
SELECT `s` AS `__a0`, `n` AS `__a1`, `s` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- threes numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `threes rows`;

-- threes calls
SELECT `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`)) AS `__rows` FROM `threes numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- threes last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `threes numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- threes
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `threes calls` CROSS JOIN `threes last row`;

---- spark, over unbounded input

-- pairs marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__a6`,
  NULL AS `__a7`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `pairs rows`;

-- pairs stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `pairs marked`;

-- pairs marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `pairs stepped`;

-- pairs ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `pairs marked results`;

-- pairs calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__z5` AS `__z5`,
  u.`__z6` AS `__z6`, u.`__z7` AS `__z7`, u.`__z8` AS `__z8`, u.`__z9` AS `__z9`, u.`__q` AS `__q`, u.`__i` AS `__i`,
  u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `pairs ended` WHERE `made` <> ''
) AS x;

-- pairs
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `c`, `__z3` AS `total`, `__z4` AS `mean`,
  `__z5` AS `smallest`, `__z6` AS `kinds`, `__z7` AS `middle`, `__z8` AS `by_n`, `__z9` AS `all`, `__t`, `__w`, 11 AS `__s`,
  0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `pairs calls`;

-- running-3d75 marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__x6`, NULL AS `__x7`,
  NULL AS `__x8`, NULL AS `__x9`, NULL AS `__x10`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, NULL AS `__y0`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n`, `__y0`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `running-3d75 rows`;

-- running-3d75 stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__x7`, `__x8`, `__x9`, `__x10`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `running-3d75 marked`;

-- running-3d75 calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__x5` AS `__x5`,
  u.`__x6` AS `__x6`, u.`__x7` AS `__x7`, u.`__x8` AS `__x8`, u.`__x9` AS `__x9`, u.`__x10` AS `__x10`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `running-3d75 stepped` WHERE `made` <> ''
) AS x;

-- window-798b marked
SELECT NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-798b windows`;

-- window-798b
SELECT `window_start`, `window_end`, `windows`, `rows`, `keys`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 5000 AS `window_end`
  FROM (
    SELECT `window_start`, COUNT(*) AS `windows`, SUM(CAST(`__a1` AS BIGINT)) AS `rows`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a2` AS v)) FILTER (WHERE `__a2` IS NOT NULL)), x -> x.v) AS `keys`
    FROM `window-798b marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;

-- threes marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `__y0`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `threes rows`;

-- threes stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`, caudal_call_5(`__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `threes marked`;

-- threes marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `threes stepped`;

-- threes ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `threes marked results`;

-- threes calls
SELECT u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__y0` AS `__y0`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`,
  u.`__at` AS `__at`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `threes ended` WHERE `made` <> ''
) AS x;

-- threes
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`, `__t`, `__w` FROM `threes calls`;
