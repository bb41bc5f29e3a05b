---- flink

-- left
SELECT `t`, `user`, `n`, `__t`, `__w`, CAST(10 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `left input`;

-- select-a76a
SELECT CAST('left' AS STRING) AS `side`, `t`, `user`, `n`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS STRING) AS `name`,
  CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `at`, `name`, `m`, `__t`, `__w`, CAST(14 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `right input`;

-- select-5fa8
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `user`, CAST(NULL AS BIGINT) AS `n`,
  `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- top-2ea0 rows
SELECT COALESCE(`user`, `name`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `user` AS `__x2`, `n` AS `__x3`, `at` AS `__x4`,
  `name` AS `__x5`, `m` AS `__x6`, `side` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-2ea0 windows
SELECT *, MAX(`__z0`) OVER (PARTITION BY `__k0` ORDER BY `__t`) AS `window_start`,
  MIN(`__z1`) OVER (PARTITION BY `__k0` ORDER BY `__t` DESC) + 3000 AS `window_end`
FROM (
  SELECT *,
    CASE WHEN `__t` - LAG(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) - `__t` <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `top-2ea0 rows`
) AS x;

-- top-2ea0 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-2ea0 windows`;

-- top-2ea0
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `user`, `__x3` AS `n`,
  `__x4` AS `at`, `__x5` AS `name`, `__x6` AS `m`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`,
  CAST(23 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, CAST(`__r` AS BIGINT) AS `__n`
FROM `top-2ea0 ranked`;

-- select-0093
SELECT `window_start`, `window_end`, `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-2ea0`;

-- join-1d78 rows
SELECT COALESCE(`user`, `name`) AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`,
  (`side` = CAST('right' AS STRING)) AS `__a0`,
  (((COALESCE(`user`, `name`) IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`,
  `t` AS `__a2`, `user` AS `__a3`, `n` AS `__a4`, `at` AS `__a5`, `name` AS `__a6`, `m` AS `__a7`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `select-0093`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-1d78 numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-1d78 rows`;

-- join-1d78 calls
SELECT `__k0`, `__k1`, `__k2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__z5>` AS `__z5`
FROM (
  SELECT `__k0`, `__k1`, `__k2`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT, `__a6` STRING, `__a7` BIGINT>)) AS `__rows`
  FROM `join-1d78 numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__z5>`);

-- join-1d78
SELECT `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `t`, `__z1` AS `user`, `__z2` AS `n`, `__z3` AS `at`,
  `__z4` AS `name`, `__z5` AS `m`, `__t`, `__w`
FROM `join-1d78 calls`;

-- select-a76a-2
SELECT CAST('left' AS STRING) AS `side`, `t`, `user`, `n`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS STRING) AS `name`,
  CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- select-5fa8-2
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `user`, CAST(NULL AS BIGINT) AS `n`,
  `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-c457
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a-2`
UNION ALL
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8-2`;

-- top-4a20 rows
SELECT COALESCE(`user`, `name`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `user` AS `__x2`, `n` AS `__x3`, `at` AS `__x4`,
  `name` AS `__x5`, `m` AS `__x6`, `side` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-c457`;

-- top-4a20 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) - `__i` * 3000 AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) - `__i` * 3000 + 6000 AS `window_end`
  FROM `top-4a20 rows` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-4a20 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-4a20 windows`;

-- top-4a20
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `user`, `__x3` AS `n`,
  `__x4` AS `at`, `__x5` AS `name`, `__x6` AS `m`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`,
  CAST(25 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, CAST(`__r` AS BIGINT) AS `__n`
FROM `top-4a20 ranked`;

-- select-c46e
SELECT `window_start`, `window_end`, `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-4a20`;

-- hops rows
SELECT COALESCE(`user`, `name`) AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`,
  (`side` = CAST('right' AS STRING)) AS `__a0`,
  (((COALESCE(`user`, `name`) IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`,
  `n` AS `__a2`, `m` AS `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-c46e`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- hops numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `hops rows`;

-- hops calls
SELECT `__k0`, `__k1`, `__k2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`, `__k1`, `__k2`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT>)) AS `__rows`
  FROM `hops numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`);

-- hops
SELECT `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `n`, `__z1` AS `m`, `__t`, `__w` FROM `hops calls`;

-- select-a8f2
SELECT `window_start`, `n`, `m`, `__t`, `__w` FROM `hops`;

---- spark

-- left
SELECT `t`, `user`, `n`, `__t`, `__w`, 10 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `left input`;

-- select-a76a
SELECT 'left' AS `side`, `t`, `user`, `n`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS STRING) AS `name`, CAST(NULL AS BIGINT) AS `m`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `at`, `name`, `m`, `__t`, `__w`, 14 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `right input`;

-- select-5fa8
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `user`, CAST(NULL AS BIGINT) AS `n`, `at`, `name`, `m`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- top-2ea0 rows
SELECT coalesce(`user`, `name`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `user` AS `__x2`, `n` AS `__x3`, `at` AS `__x4`,
  `name` AS `__x5`, `m` AS `__x6`, `side` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-2ea0 windows
SELECT *, MAX(`__z0`) OVER (PARTITION BY `__k0` ORDER BY `__t`) AS `window_start`,
  MIN(`__z1`) OVER (PARTITION BY `__k0` ORDER BY `__t` DESC) + 3000 AS `window_end`
FROM (
  SELECT *,
    CASE WHEN `__t` - LAG(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z0`,
    CASE WHEN LEAD(`__t`) OVER (PARTITION BY `__k0` ORDER BY `__t`) - `__t` <= 3000 THEN CAST(NULL AS BIGINT) ELSE `__t` END AS `__z1`
  FROM `top-2ea0 rows`
) AS x;

-- top-2ea0 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-2ea0 windows`;

-- top-2ea0
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `user`, `__x3` AS `n`,
  `__x4` AS `at`, `__x5` AS `name`, `__x6` AS `m`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 23 AS `__s`,
  0L AS `__p`, CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`,
  CAST(`__r` AS BIGINT) AS `__n`
FROM `top-2ea0 ranked`;

-- select-0093
SELECT `window_start`, `window_end`, `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-2ea0`;

-- join-1d78 rows
SELECT coalesce(`user`, `name`) AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`, (`side` = 'right') AS `__a0`,
  (((coalesce(`user`, `name`) IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`,
  `t` AS `__a2`, `user` AS `__a3`, `n` AS `__a4`, `at` AS `__a5`, `name` AS `__a6`, `m` AS `__a7`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `select-0093`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-1d78 numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-1d78 rows`;

-- join-1d78 calls
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`
FROM (
SELECT `__k0`, `__k1`, `__k2`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, `__k2`,
    COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`)) AS `__rows`
  FROM `join-1d78 numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__z5`;

-- join-1d78
SELECT `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `t`, `__z1` AS `user`, `__z2` AS `n`, `__z3` AS `at`,
  `__z4` AS `name`, `__z5` AS `m`, `__t`, `__w`
FROM `join-1d78 calls`;

-- select-a76a-2
SELECT 'left' AS `side`, `t`, `user`, `n`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS STRING) AS `name`, CAST(NULL AS BIGINT) AS `m`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- select-5fa8-2
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `user`, CAST(NULL AS BIGINT) AS `n`, `at`, `name`, `m`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-c457
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a-2`
UNION ALL
SELECT `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8-2`;

-- top-4a20 rows
SELECT coalesce(`user`, `name`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `user` AS `__x2`, `n` AS `__x3`, `at` AS `__x4`,
  `name` AS `__x5`, `m` AS `__x6`, `side` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-c457`;

-- top-4a20 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3000L) - `__i` * 3000 AS `window_start`, `__t` - pmod(`__t`, 3000L) - `__i` * 3000 + 6000 AS `window_end`
  FROM `top-4a20 rows` LATERAL VIEW explode(sequence(0L, 1L)) numbers AS `__i`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-4a20 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-4a20 windows`;

-- top-4a20
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `user`, `__x3` AS `n`,
  `__x4` AS `at`, `__x5` AS `name`, `__x6` AS `m`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 25 AS `__s`,
  0L AS `__p`, CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`,
  CAST(`__r` AS BIGINT) AS `__n`
FROM `top-4a20 ranked`;

-- select-c46e
SELECT `window_start`, `window_end`, `side`, `t`, `user`, `n`, `at`, `name`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-4a20`;

-- hops rows
SELECT coalesce(`user`, `name`) AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`, (`side` = 'right') AS `__a0`,
  (((coalesce(`user`, `name`) IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`,
  `n` AS `__a2`, `m` AS `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-c46e`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- hops numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `hops rows`;

-- hops calls
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, `__k1`, `__k2`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, `__k2`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `hops numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`;

-- hops
SELECT `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `n`, `__z1` AS `m`, `__t`, `__w` FROM `hops calls`;

-- select-a8f2
SELECT `window_start`, `n`, `m`, `__t`, `__w` FROM `hops`;

---- spark, over unbounded input

-- top-2ea0 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__x6`,
  NULL AS `__b0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `top-2ea0 rows`;

-- top-2ea0
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__row`.`__x0` AS `side`, `__row`.`__x1` AS `t`, `__row`.`__x2` AS `user`,
  `__row`.`__x3` AS `n`, `__row`.`__x4` AS `at`, `__row`.`__x5` AS `name`, `__row`.`__x6` AS `m`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`, 23 AS `__s`, 0L AS `__p`, struct(`window_end`, `__k0`, `window_start`) AS `__o`,
  CAST(`__i` + 1 AS BIGINT) AS `__n`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000001L AS `window_end`
  FROM (
    SELECT `__k0`, session_window(`__e`, '3000 milliseconds') AS `__sw`,
      array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN -1 ELSE 1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END) AS `__rows`
    FROM `top-2ea0 marked`
    GROUP BY `__k0`, session_window(`__e`, '3000 milliseconds')
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;

-- join-1d78 marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__k2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`,
  NULL AS `__a5`, NULL AS `__a6`, NULL AS `__a7`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__k2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-1d78 rows`;

-- join-1d78 stepped (walked by key)
SELECT `__k0`, `__k1`, `__k2`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__a6`, `__a7`, `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-1d78 marked`;

-- join-1d78 calls
SELECT u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__k2` AS `__k2`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__z5` AS `__z5`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `join-1d78 stepped` WHERE `made` <> ''
) AS x;

-- top-4a20 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__x6`,
  NULL AS `__b0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`,
  `window_end`, timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `top-4a20 windows`;

-- top-4a20
SELECT `__k0` AS `user = name`, `window_start`, `window_end`, `__row`.`__x0` AS `side`, `__row`.`__x1` AS `t`, `__row`.`__x2` AS `user`,
  `__row`.`__x3` AS `n`, `__row`.`__x4` AS `at`, `__row`.`__x5` AS `name`, `__row`.`__x6` AS `m`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`, 25 AS `__s`, 0L AS `__p`, struct(`window_end`, `__k0`, `window_start`) AS `__o`,
  CAST(`__i` + 1 AS BIGINT) AS `__n`
FROM (
  SELECT *, `window_start` + 6000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`,
      array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN -1 ELSE 1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END) AS `__rows`
    FROM `top-4a20 marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;

-- hops marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__k2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__k2`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `hops rows`;

-- hops stepped (walked by key)
SELECT `__k0`, `__k1`, `__k2`, `__e`,
  caudal_call_3(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `hops marked`;

-- hops calls
SELECT u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__k2` AS `__k2`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `hops stepped` WHERE `made` <> ''
) AS x;
