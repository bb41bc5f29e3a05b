---- flink

-- events
SELECT `k`, `t`, `n`, `s`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `s` AS `__x3`, `s` AS `__a0`, `n` AS `__a1`, `s` AS `__a2`,
  `n` AS `__a3`, `s` AS `__a4`, `n` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` STRING, `__t` BIGINT, `__w` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` STRING, `__a3` BIGINT, `__a4` STRING, `__a5` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `s`, `__z0` AS `first`, `__z1` AS `last`, `__z2` AS `all`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `s`, `first`, `last`, `all`, `__t`, `__w` FROM `running-431b`;

-- window-3c9e rows
SELECT `s` AS `__a0`, `n` AS `__a1`, `s` AS `__a2`, `n` AS `__a3`, `s` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e rows`;

-- window-3c9e calls
SELECT r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` STRING, `__a3` BIGINT, `__a4` STRING>)) AS `__rows`
  FROM `window-3c9e numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- window-3c9e last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e calls` CROSS JOIN `window-3c9e last row`;

---- spark

-- events
SELECT `k`, `t`, `n`, `s`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `s` AS `__x3`, `s` AS `__a0`, `n` AS `__a1`, `s` AS `__a2`,
  `n` AS `__a3`, `s` AS `__a4`, `n` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `s`, `__z0` AS `first`, `__z1` AS `last`, `__z2` AS `all`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `s`, `first`, `last`, `all`, `__t`, `__w` FROM `running-431b`;

-- window-3c9e rows
SELECT `s` AS `__a0`, `n` AS `__a1`, `s` AS `__a2`, `n` AS `__a3`, `s` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e numbered
SELECT `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e rows`;

-- window-3c9e calls
SELECT `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `window-3c9e numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- window-3c9e last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`,
  CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e calls` CROSS JOIN `window-3c9e last row`;

---- spark, over unbounded input

-- running-431b marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`,
  NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `running-431b rows`;

-- running-431b stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `running-431b marked`;

-- running-431b calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `running-431b stepped` WHERE `made` <> ''
) AS x;

-- window-3c9e marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_3(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `window-3c9e marked`;

-- window-3c9e marked results
SELECT NULL AS `made`, `e` AS `__e` FROM `marks` WHERE `e` IS NULL
UNION ALL
SELECT `made`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-3c9e stepped`;

-- window-3c9e ended (walked by key)
SELECT `made` IS NULL AS `__one`, `__e`, `made` AS `row` FROM `window-3c9e marked results`;

-- window-3c9e calls
SELECT u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `window-3c9e ended` WHERE `made` <> ''
) AS x;

-- window-3c9e
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `first`, `__z3` AS `all`, `__t`, `__w` FROM `window-3c9e calls`;
