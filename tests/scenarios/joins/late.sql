---- flink

-- left
SELECT `t`, `k`, `n`, `__t`, `__w`, CAST(5 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `left input`;

-- select-a76a
SELECT CAST('left' AS STRING) AS `side`, `t`, `k`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `k`, `m`, `__t`, `__w`, CAST(8 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `right input`;

-- select-5fa8
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `k`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`, `m`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- join-ec03 rows
SELECT `k` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`k` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `n` AS `__a3`,
  `t_right` AS `__a4`, `m` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ec03 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ec03 rows`;

-- join-ec03 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `join-ec03 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`);

-- join-ec03
SELECT `__z0` AS `t`, `__k0` AS `k`, `__z1` AS `n`, `__z2` AS `t_right`, `__z3` AS `m`, `__t`, `__w` FROM `join-ec03 calls`;

---- spark

-- left
SELECT `t`, `k`, `n`, `__t`, `__w`, 5 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `left input`;

-- select-a76a
SELECT 'left' AS `side`, `t`, `k`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `k`, `m`, `__t`, `__w`, 8 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `right input`;

-- select-5fa8
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `k`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`, `m`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- join-ec03 rows
SELECT `k` AS `__k0`, (`side` = 'right') AS `__a0`, (`k` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `n` AS `__a3`, `t_right` AS `__a4`,
  `m` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ec03 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ec03 rows`;

-- join-ec03 calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `join-ec03 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`;

-- join-ec03
SELECT `__z0` AS `t`, `__k0` AS `k`, `__z1` AS `n`, `__z2` AS `t_right`, `__z3` AS `m`, `__t`, `__w` FROM `join-ec03 calls`;

---- spark, over unbounded input

-- join-ec03 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-ec03 rows`;

-- join-ec03 stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-ec03 marked`;

-- join-ec03 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `join-ec03 stepped` WHERE `made` <> ''
) AS x;
