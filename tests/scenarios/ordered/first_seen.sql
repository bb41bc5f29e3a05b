---- flink

-- events
SELECT `k`, `v`, `t`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 calls
SELECT `__k0`, `__k1`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`
FROM (
  SELECT `__k0`, `__k1`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` STRING, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `deduplicate-5948 numbered`
  GROUP BY `__k0`, `__k1`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`);

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `deduplicate-5948 calls`;

-- ever rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- ever numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `ever rows`;

-- ever
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `ever numbered` WHERE `__r` = 1;

-- same rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- same numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `same rows`;

-- same calls
SELECT `__k0`, `__k1`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`
FROM (
  SELECT `__k0`, `__k1`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` STRING, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `same numbered`
  GROUP BY `__k0`, `__k1`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`);

-- same
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `same calls`;

---- spark

-- events
SELECT `k`, `v`, `t`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 calls
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`
FROM (
SELECT `__k0`, `__k1`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`)) AS `__rows`
  FROM `deduplicate-5948 numbered`
  GROUP BY `__k0`, `__k1`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `deduplicate-5948 calls`;

-- ever rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- ever numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `ever rows`;

-- ever
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `ever numbered` WHERE `__r` = 1;

-- same rows
SELECT `k` AS `__k0`, `v` AS `__k1`, `k` AS `__x0`, `v` AS `__x1`, `t` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- same numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `same rows`;

-- same calls
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`
FROM (
SELECT `__k0`, `__k1`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`)) AS `__rows`
  FROM `same numbered`
  GROUP BY `__k0`, `__k1`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`;

-- same
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `same calls`;

---- spark, over unbounded input

-- deduplicate-5948 marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 stepped (walked by key)
SELECT `__k0`, `__k1`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__k1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `deduplicate-5948 marked`;

-- deduplicate-5948 calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__t` AS `__t`,
  u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `deduplicate-5948 stepped` WHERE `made` <> ''
) AS x;

-- ever marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `ever rows`;

-- ever stepped (walked by key)
SELECT `__k0`, `__k1`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__k1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `ever marked`;

-- ever calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__t` AS `__t`,
  u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `ever stepped` WHERE `made` <> ''
) AS x;

-- ever
SELECT `__x0` AS `k`, `__x1` AS `v`, `__x2` AS `t`, `__t`, `__w` FROM `ever calls`;

-- same marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `same rows`;

-- same stepped (walked by key)
SELECT `__k0`, `__k1`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__k1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `same marked`;

-- same calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__t` AS `__t`,
  u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `same stepped` WHERE `made` <> ''
) AS x;
