---- flink

-- flows
SELECT `t`, `src`, `dst`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `flows input`;

-- select-a30b
SELECT CAST('left' AS STRING) AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t_next`, CAST(NULL AS STRING) AS `src_next`,
  CAST(NULL AS STRING) AS `dst_next`, CAST(NULL AS BIGINT) AS `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-2
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `src`, CAST(NULL AS STRING) AS `dst`,
  CAST(NULL AS BIGINT) AS `n`, `t` AS `t_next`, `src` AS `src_next`, `dst` AS `dst_next`, `n` AS `n_next`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `flows`;

-- union-4a8e
SELECT `side`, `t`, `src`, `dst`, `n`, `t_next`, `src_next`, `dst_next`, `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 0 AS `__n`
FROM `select-a30b`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t_next`, `src_next`, `dst_next`, `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 1 AS `__n`
FROM `select-a30b-2`;

-- join-ad86 rows
SELECT COALESCE(`dst`, `src_next`) AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  (COALESCE(`dst`, `src_next`) IS NOT NULL) AS `__a1`, `t` AS `__a2`, `src` AS `__a3`, `dst` AS `__a4`, `n` AS `__a5`,
  `t_next` AS `__a6`, `src_next` AS `__a7`, `dst_next` AS `__a8`, `n_next` AS `__a9`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-4a8e`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ad86 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ad86 rows`;

-- join-ad86 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__z5>` AS `__z5`, r.`__z6>` AS `__z6`, r.`__z7>` AS `__z7`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` STRING, `__a5` BIGINT, `__a6` BIGINT, `__a7` STRING, `__a8` STRING, `__a9` BIGINT>)) AS `__rows`
  FROM `join-ad86 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__z5>`, `__z6>`, `__z7>`);

-- join-ad86
SELECT `__z0` AS `t`, `__z1` AS `src`, `__z2` AS `dst`, `__z3` AS `n`, `__z4` AS `t_next`, `__z5` AS `src_next`, `__z6` AS `dst_next`,
  `__z7` AS `n_next`, `__t`, `__w`
FROM `join-ad86 calls`;

-- select-a30b-3
SELECT CAST('left' AS STRING) AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `n_right`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-4
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `src`, `dst`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`,
  `n` AS `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-2f7a
SELECT `side`, `t`, `src`, `dst`, `n`, `t_right`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-3`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t_right`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-a30b-4`;

-- join-a652 rows
SELECT `src` AS `__k0`, `dst` AS `__k1`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  ((`src` IS NOT NULL) AND (`dst` IS NOT NULL)) AS `__a1`, `n` AS `__a2`, `t_right` AS `__a3`, `n_right` AS `__a4`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `union-2f7a`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-a652 numbered
SELECT `__k0`, `__k1`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-a652 rows`;

-- join-a652 calls
SELECT `__k0`, `__k1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`, `__k1`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `join-a652 numbered`
  GROUP BY `__k0`, `__k1`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- join-a652
SELECT `__k0` AS `src`, `__k1` AS `dst`, `__z0` AS `n`, `__z1` AS `t_right`, `__z2` AS `n_right`, `__t`, `__w`
FROM `join-a652 calls`;

-- select-52b6
SELECT `src`, `n`, `n_right`, `t_right`, `__t`, `__w` FROM `join-a652`;

-- select-a30b-5
SELECT CAST('left' AS STRING) AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t2`, CAST(NULL AS STRING) AS `dst2`,
  CAST(NULL AS BIGINT) AS `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-6
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `src`, CAST(NULL AS STRING) AS `dst`,
  CAST(NULL AS BIGINT) AS `n`, `t` AS `t2`, `dst` AS `dst2`, `n` AS `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-d53b
SELECT `side`, `t`, `src`, `dst`, `n`, `t2`, `dst2`, `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-5`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t2`, `dst2`, `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-a30b-6`;

-- join-cee4 rows
SELECT `src` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`src` IS NOT NULL) AS `__a1`, `n` AS `__a2`, `n2` AS `__a3`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-d53b`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-cee4 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `join-cee4 rows`;

-- join-cee4 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT>)) AS `__rows`
  FROM `join-cee4 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__q>`, `__i>`);

-- join-cee4
SELECT `__k0` AS `src`, `__z0` AS `n`, `__z1` AS `n2`, `__t`, `__w` FROM `join-cee4 calls`;

-- select-edf6
SELECT `n`, `n2`, `__t`, `__w` FROM `join-cee4`;

---- spark

-- flows
SELECT `t`, `src`, `dst`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `flows input`;

-- select-a30b
SELECT 'left' AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t_next`, CAST(NULL AS STRING) AS `src_next`,
  CAST(NULL AS STRING) AS `dst_next`, CAST(NULL AS BIGINT) AS `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-2
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `src`, CAST(NULL AS STRING) AS `dst`,
  CAST(NULL AS BIGINT) AS `n`, `t` AS `t_next`, `src` AS `src_next`, `dst` AS `dst_next`, `n` AS `n_next`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `flows`;

-- union-4a8e
SELECT `side`, `t`, `src`, `dst`, `n`, `t_next`, `src_next`, `dst_next`, `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 0 AS `__n`
FROM `select-a30b`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t_next`, `src_next`, `dst_next`, `n_next`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 1 AS `__n`
FROM `select-a30b-2`;

-- join-ad86 rows
SELECT coalesce(`dst`, `src_next`) AS `__k0`, (`side` = 'right') AS `__a0`, (coalesce(`dst`, `src_next`) IS NOT NULL) AS `__a1`,
  `t` AS `__a2`, `src` AS `__a3`, `dst` AS `__a4`, `n` AS `__a5`, `t_next` AS `__a6`, `src_next` AS `__a7`, `dst_next` AS `__a8`,
  `n_next` AS `__a9`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-4a8e`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ad86 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ad86 rows`;

-- join-ad86 calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__z6`, `__z7`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`)) AS `__rows`
  FROM `join-ad86 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`, `__z6`, `__z7`;

-- join-ad86
SELECT `__z0` AS `t`, `__z1` AS `src`, `__z2` AS `dst`, `__z3` AS `n`, `__z4` AS `t_next`, `__z5` AS `src_next`, `__z6` AS `dst_next`,
  `__z7` AS `n_next`, `__t`, `__w`
FROM `join-ad86 calls`;

-- select-a30b-3
SELECT 'left' AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `n_right`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-4
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `src`, `dst`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`, `n` AS `n_right`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-2f7a
SELECT `side`, `t`, `src`, `dst`, `n`, `t_right`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-3`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t_right`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-a30b-4`;

-- join-a652 rows
SELECT `src` AS `__k0`, `dst` AS `__k1`, (`side` = 'right') AS `__a0`, ((`src` IS NOT NULL) AND (`dst` IS NOT NULL)) AS `__a1`,
  `n` AS `__a2`, `t_right` AS `__a3`, `n_right` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-2f7a`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-a652 numbered
SELECT `__k0`, `__k1`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-a652 rows`;

-- join-a652 calls
SELECT `__k0`, `__k1`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, `__k1`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `join-a652 numbered`
  GROUP BY `__k0`, `__k1`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- join-a652
SELECT `__k0` AS `src`, `__k1` AS `dst`, `__z0` AS `n`, `__z1` AS `t_right`, `__z2` AS `n_right`, `__t`, `__w`
FROM `join-a652 calls`;

-- select-52b6
SELECT `src`, `n`, `n_right`, `t_right`, `__t`, `__w` FROM `join-a652`;

-- select-a30b-5
SELECT 'left' AS `side`, `t`, `src`, `dst`, `n`, CAST(NULL AS BIGINT) AS `t2`, CAST(NULL AS STRING) AS `dst2`,
  CAST(NULL AS BIGINT) AS `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-a30b-6
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `src`, CAST(NULL AS STRING) AS `dst`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t2`,
  `dst` AS `dst2`, `n` AS `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-d53b
SELECT `side`, `t`, `src`, `dst`, `n`, `t2`, `dst2`, `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-5`
UNION ALL
SELECT `side`, `t`, `src`, `dst`, `n`, `t2`, `dst2`, `n2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-a30b-6`;

-- join-cee4 rows
SELECT `src` AS `__k0`, (`side` = 'right') AS `__a0`, (`src` IS NOT NULL) AS `__a1`, `n` AS `__a2`, `n2` AS `__a3`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `union-d53b`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-cee4 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `join-cee4 rows`;

-- join-cee4 calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `join-cee4 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`;

-- join-cee4
SELECT `__k0` AS `src`, `__z0` AS `n`, `__z1` AS `n2`, `__t`, `__w` FROM `join-cee4 calls`;

-- select-edf6
SELECT `n`, `n2`, `__t`, `__w` FROM `join-cee4`;

---- spark, over unbounded input

-- join-ad86 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__a6`,
  NULL AS `__a7`, NULL AS `__a8`, NULL AS `__a9`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-ad86 rows`;

-- join-ad86 stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__a8`, `__a9`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-ad86 marked`;

-- join-ad86 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__z5` AS `__z5`, u.`__z6` AS `__z6`, u.`__z7` AS `__z7`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `join-ad86 stepped` WHERE `made` <> ''
) AS x;

-- join-a652 marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-a652 rows`;

-- join-a652 stepped (walked by key)
SELECT `__k0`, `__k1`, `__e`,
  caudal_call_3(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__k1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-a652 marked`;

-- join-a652 calls
SELECT u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`,
  u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `join-a652 stepped` WHERE `made` <> ''
) AS x;

-- join-cee4 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-cee4 rows`;

-- join-cee4 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_5(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-cee4 marked`;

-- join-cee4 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__q` AS `__q`,
  u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `join-cee4 stepped` WHERE `made` <> ''
) AS x;
