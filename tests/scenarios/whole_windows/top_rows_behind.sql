---- flink

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- best rows
SELECT `k` AS `__k0`, `t` AS `__a0`, `n` AS `__a1`, `x` AS `__a2`, `x` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- best numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `best rows`;

-- best calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BIGINT, `__a1` BIGINT, `__a2` DOUBLE, `__a3` DOUBLE, `__a4` BIGINT>)) AS `__rows`
  FROM `best numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__q>`, `__i>`);

-- best last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `best numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- best
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `t`, `__z3` AS `n`, `__z4` AS `x`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`,
  CAST(0 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, `__t`), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `best calls` CROSS JOIN `best last row`;

-- sorted rows
SELECT `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `x` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- sorted numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `sorted rows`;

-- sorted calls
SELECT r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__z5>` AS `__z5`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` BIGINT, `__a3` DOUBLE, `__a4` BIGINT>)) AS `__rows`
  FROM `sorted numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__z5>`, `__q>`, `__i>`);

-- sorted last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `sorted numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- sorted
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `k`, `__z3` AS `t`, `__z4` AS `n`, `__z5` AS `x`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `sorted calls` CROSS JOIN `sorted last row`;

-- list rows
SELECT `k` AS `__x0`, `window_start` AS `__x1`, `window_end` AS `__x2`, `t` AS `__x3`, `n` AS `__x4`, `x` AS `__x5`, `n` AS `__a0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `best`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- list numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `list rows`;

-- list calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__x5>` AS `__x5`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` BIGINT, `__x4` BIGINT, `__x5` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `list numbered`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__x5>`, `__t>`, `__w>`, `__z0>`);

-- list
SELECT `__x0` AS `k`, `__x1` AS `window_start`, `__x2` AS `window_end`, `__x3` AS `t`, `__x4` AS `n`, `__x5` AS `x`, `__z0` AS `all`,
  `__t`, `__w`
FROM `list calls`;

-- select-0f3f
SELECT `k`, `n`, `all`, `__t`, `__w` FROM `list`;

---- spark

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- best rows
SELECT `k` AS `__k0`, `t` AS `__a0`, `n` AS `__a1`, `x` AS `__a2`, `x` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- best numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `best rows`;

-- best calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `best numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__q`, `__i`;

-- best last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `best numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- best
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `t`, `__z3` AS `n`, `__z4` AS `x`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`,
  0 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, `__t`), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `best calls` CROSS JOIN `best last row`;

-- sorted rows
SELECT `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `x` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- sorted numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `sorted rows`;

-- sorted calls
SELECT `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__q`, `__i`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows` FROM `sorted numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__q`, `__i`;

-- sorted last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `sorted numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- sorted
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `k`, `__z3` AS `t`, `__z4` AS `n`, `__z5` AS `x`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `sorted calls` CROSS JOIN `sorted last row`;

-- list rows
SELECT `k` AS `__x0`, `window_start` AS `__x1`, `window_end` AS `__x2`, `t` AS `__x3`, `n` AS `__x4`, `x` AS `__x5`, `n` AS `__a0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `best`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- list numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `list rows`;

-- list calls
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `list numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__z0`;

-- list
SELECT `__x0` AS `k`, `__x1` AS `window_start`, `__x2` AS `window_end`, `__x3` AS `t`, `__x4` AS `n`, `__x5` AS `x`, `__z0` AS `all`,
  `__t`, `__w`
FROM `list calls`;

-- select-0f3f
SELECT `k`, `n`, `all`, `__t`, `__w` FROM `list`;

---- spark, over unbounded input

-- best marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `best rows`;

-- best stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `best marked`;

-- best marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `best stepped`;

-- best ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `best marked results`;

-- best calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__q` AS `__q`,
  u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `best ended` WHERE `made` <> ''
) AS x;

-- best
SELECT `__k0` AS `k`, `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `t`, `__z3` AS `n`, `__z4` AS `x`, `__t`, `__w`,
  0 AS `__s`, 0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `best calls`;

-- sorted marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `sorted rows`;

-- sorted stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_3(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `sorted marked`;

-- sorted marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `sorted stepped`;

-- sorted ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `sorted marked results`;

-- sorted calls
SELECT u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__z5` AS `__z5`, u.`__q` AS `__q`,
  u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `sorted ended` WHERE `made` <> ''
) AS x;

-- sorted
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `k`, `__z3` AS `t`, `__z4` AS `n`, `__z5` AS `x`, `__t`, `__w`
FROM `sorted calls`;

-- list marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__a0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `list rows`;

-- list stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_5(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `list marked`;

-- list calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__x5` AS `__x5`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `list stepped` WHERE `made` <> ''
) AS x;
