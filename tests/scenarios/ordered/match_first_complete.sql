---- flink

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`e` = CAST('x' AS STRING)) AS `__a0`, (`e` = CAST('y' AS STRING)) AS `__a1`, `n` AS `__a2`, `n` AS `__a3`,
  `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `match-5806 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806 calls`;

-- match-5806-2 rows
SELECT `k` AS `__k0`, (`e` = CAST('x' AS STRING)) AS `__a0`, (`e` = CAST('y' AS STRING)) AS `__a1`, `n` AS `__a2`, `n` AS `__a3`,
  `n` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-2 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-2 rows`;

-- match-5806-2 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `match-5806-2 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- match-5806-2
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806-2 calls`;

---- spark

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`e` = 'x') AS `__a0`, (`e` = 'y') AS `__a1`, `n` AS `__a2`, `n` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `match-5806 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806 calls`;

-- match-5806-2 rows
SELECT `k` AS `__k0`, (`e` = 'x') AS `__a0`, (`e` = 'y') AS `__a1`, `n` AS `__a2`, `n` AS `__a3`, `n` AS `__a4`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-2 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-2 rows`;

-- match-5806-2 calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `match-5806-2 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- match-5806-2
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806-2 calls`;

---- spark, over unbounded input

-- match-5806 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5806 rows`;

-- match-5806 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5806 marked`;

-- match-5806 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `match-5806 stepped` WHERE `made` <> ''
) AS x;

-- match-5806-2 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5806-2 rows`;

-- match-5806-2 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5806-2 marked`;

-- match-5806-2 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_3(`made`) AS `u` FROM `match-5806-2 stepped` WHERE `made` <> ''
) AS x;
