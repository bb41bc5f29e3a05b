---- flink

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- half rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- half numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, CAST(4 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`,
  CAST(0 AS BIGINT) AS `__n`
FROM `half rows`;

-- half calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__s>` AS `__s`, r.`__p>` AS `__p`, r.`__o>` AS `__o`, r.`__n>` AS `__n`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__s` INT, `__p` BIGINT, `__o` BIGINT, `__n` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `half numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__s>`, `__p>`, `__o>`, `__n>`, `__z0>`);

-- half
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `usual`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `half calls`;

-- span rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, (`x` * 2.0E0) AS `__a0`, `n` AS `__a1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- span numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `span rows`;

-- span calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__a0` DOUBLE, `__a1` BIGINT>)) AS `__rows`
  FROM `span numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- span
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `y`, `__z1` AS `z`, `__t`, `__w` FROM `span calls`;

-- times rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `n` AS `__a0`, `x` AS `__a1`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- times numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `times rows`;

-- times calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT, `__a1` DOUBLE>)) AS `__rows`
  FROM `times numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- times
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `usual`, `__z1` AS `y`, `__t`, `__w`
FROM `times calls`;

-- lag-aaaa rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `usual` AS `__x4`, `usual` AS `__a0`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `half`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- lag-aaaa numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `lag-aaaa rows`;

-- lag-aaaa calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__x4` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__a0` DOUBLE>)) AS `__rows`
  FROM `lag-aaaa numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_4(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- lag-aaaa
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `usual`, `__z0` AS `before`, `__t`, `__w`
FROM `lag-aaaa calls`;

-- filter-35e1
SELECT `k`, `t`, `n`, `x`, `usual`, `before`, `__t`, `__w`
FROM `lag-aaaa`
WHERE IF(`before` < CAST(`n` AS DOUBLE), TRUE, IF(`before` >= CAST(`n` AS DOUBLE), FALSE, IF(`before` IS NULL OR CAST(`n` AS DOUBLE) IS NULL, CAST(NULL AS BOOLEAN), (NOT IF(`before` >= 0E0, FALSE, IF(`before` < 0E0, FALSE, IF(`before` IS NULL, CAST(NULL AS BOOLEAN), TRUE)))))));

-- select-49bf
SELECT `k`, `t`, `n`, `before`, `__t`, `__w` FROM `filter-35e1`;

---- spark

-- events
SELECT `k`, `t`, `n`, `x`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- half rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- half numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, 4 AS `__s`, 0L AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM `half rows`;

-- half calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`)) AS `__rows`
  FROM `half numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`;

-- half
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `usual`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `half calls`;

-- span rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, (`x` * 2.0D) AS `__a0`, `n` AS `__a1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- span numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `span rows`;

-- span calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`)) AS `__rows`
  FROM `span numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`;

-- span
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `y`, `__z1` AS `z`, `__t`, `__w` FROM `span calls`;

-- times rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `n` AS `__a0`, `x` AS `__a1`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- times numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `times rows`;

-- times calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`)) AS `__rows`
  FROM `times numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`;

-- times
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `usual`, `__z1` AS `y`, `__t`, `__w`
FROM `times calls`;

-- lag-aaaa rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `usual` AS `__x4`, `usual` AS `__a0`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `half`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- lag-aaaa numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `lag-aaaa rows`;

-- lag-aaaa calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_4(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `lag-aaaa numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- lag-aaaa
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `usual`, `__z0` AS `before`, `__t`, `__w`
FROM `lag-aaaa calls`;

-- filter-35e1
SELECT `k`, `t`, `n`, `x`, `usual`, `before`, `__t`, `__w` FROM `lag-aaaa` WHERE (CAST(`n` AS DOUBLE) > `before`);

-- select-49bf
SELECT `k`, `t`, `n`, `before`, `__t`, `__w` FROM `filter-35e1`;

---- spark, over unbounded input

-- half marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `half rows`;

-- half stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `half marked`;

-- half calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `half stepped` WHERE `made` <> ''
) AS x;

-- half
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__z0` AS `usual`, `__t`, `__w`, 4 AS `__s`, 0L AS `__p`,
  struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS `__o`, 0L AS `__n`
FROM `half calls`;

-- span marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `span rows`;

-- span stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `span marked`;

-- span calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `span stepped` WHERE `made` <> ''
) AS x;

-- times marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `times rows`;

-- times stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_5(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `times marked`;

-- times calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `times stepped` WHERE `made` <> ''
) AS x;

-- lag-aaaa marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__a0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `lag-aaaa rows`;

-- lag-aaaa stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_6(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `lag-aaaa marked`;

-- lag-aaaa calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__k0` AS `__k0`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_7(`made`) AS `u` FROM `lag-aaaa stepped` WHERE `made` <> ''
) AS x;
