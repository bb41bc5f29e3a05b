---- flink

-- left
SELECT `t`, `k`, `n`, `__t`, `__w`, CAST(6 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `left input`;

-- select-a76a
SELECT CAST('left' AS STRING) AS `side`, `t`, `k`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `k`, `m`, `__t`, `__w`, CAST(9 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `right input`;

-- select-5fa8
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `k`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`, `m`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- top-2ea0 rows
SELECT `k` AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `t_right` AS `__x3`, `m` AS `__x4`, `side` AS `__b0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`;

-- top-2ea0 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `top-2ea0 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-2ea0 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-2ea0 windows`;

-- top-2ea0
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `t_right`, `__x4` AS `m`,
  `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, CAST(14 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, CAST(`__r` AS BIGINT) AS `__n`
FROM `top-2ea0 ranked`;

-- join-ede3 rows
SELECT `k` AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  (((`k` IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`, `n` AS `__a2`, `m` AS `__a3`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-2ea0`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ede3 numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ede3 rows`;

-- join-ede3 calls
SELECT `__k0`, `__k1`, `__k2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`, `__k1`, `__k2`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT>)) AS `__rows`
  FROM `join-ede3 numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`);

-- join-ede3
SELECT `__k0` AS `k`, `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `n`, `__z1` AS `m`, `__t`, `__w`
FROM `join-ede3 calls`;

-- select-c782
SELECT `n`, `m`, `__t`, `__w` FROM `join-ede3`;

---- spark

-- left
SELECT `t`, `k`, `n`, `__t`, `__w`, 6 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `left input`;

-- select-a76a
SELECT 'left' AS `side`, `t`, `k`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS BIGINT) AS `m`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `k`, `m`, `__t`, `__w`, 9 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `right input`;

-- select-5fa8
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `k`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`, `m`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `k`, `n`, `t_right`, `m`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-5fa8`;

-- top-2ea0 rows
SELECT `k` AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `t_right` AS `__x3`, `m` AS `__x4`, `side` AS `__b0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`;

-- top-2ea0 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end` FROM `top-2ea0 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- top-2ea0 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__b0`, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `top-2ea0 windows`;

-- top-2ea0
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__x0` AS `side`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `t_right`, `__x4` AS `m`,
  `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 14 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `window_end`, `__k0`, `window_start`) AS BIGINT) - 1 AS `__o`, CAST(`__r` AS BIGINT) AS `__n`
FROM `top-2ea0 ranked`;

-- join-ede3 rows
SELECT `k` AS `__k0`, `window_start` AS `__k1`, `window_end` AS `__k2`, (`side` = 'right') AS `__a0`,
  (((`k` IS NOT NULL) AND (`window_start` IS NOT NULL)) AND (`window_end` IS NOT NULL)) AS `__a1`, `n` AS `__a2`, `m` AS `__a3`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `top-2ea0`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- join-ede3 numbered
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1`, `__k2` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `join-ede3 rows`;

-- join-ede3 calls
SELECT `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, `__k1`, `__k2`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, `__k1`, `__k2`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `join-ede3 numbered`
  GROUP BY `__k0`, `__k1`, `__k2`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`;

-- join-ede3
SELECT `__k0` AS `k`, `__k1` AS `window_start`, `__k2` AS `window_end`, `__z0` AS `n`, `__z1` AS `m`, `__t`, `__w`
FROM `join-ede3 calls`;

-- select-c782
SELECT `n`, `m`, `__t`, `__w` FROM `join-ede3`;

---- spark, over unbounded input

-- top-2ea0 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__b0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `top-2ea0 windows`;

-- top-2ea0
SELECT `__k0` AS `k`, `window_start`, `window_end`, `__row`.`__x0` AS `side`, `__row`.`__x1` AS `t`, `__row`.`__x2` AS `n`,
  `__row`.`__x3` AS `t_right`, `__row`.`__x4` AS `m`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`, 14 AS `__s`,
  0L AS `__p`, struct(`window_end`, `__k0`, `window_start`) AS `__o`, CAST(`__i` + 1 AS BIGINT) AS `__n`
FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`,
      array_sort(COLLECT_LIST(struct(`__b0`, `__t`, `__s`, `__p`, `__o`, `__n`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`)), (a, b) -> CASE WHEN NOT (a.`__b0` <=> b.`__b0`) THEN CASE WHEN a.`__b0` IS NULL OR a.`__b0` < b.`__b0` THEN -1 ELSE 1 END WHEN NOT (a.`__t` <=> b.`__t`) THEN CASE WHEN a.`__t` IS NULL OR a.`__t` < b.`__t` THEN -1 ELSE 1 END WHEN NOT (a.`__s` <=> b.`__s`) THEN CASE WHEN a.`__s` IS NULL OR a.`__s` < b.`__s` THEN -1 ELSE 1 END WHEN NOT (a.`__p` <=> b.`__p`) THEN CASE WHEN a.`__p` IS NULL OR a.`__p` < b.`__p` THEN -1 ELSE 1 END WHEN NOT (a.`__o` <=> b.`__o`) THEN CASE WHEN a.`__o` IS NULL OR a.`__o` < b.`__o` THEN -1 ELSE 1 END WHEN NOT (a.`__n` <=> b.`__n`) THEN CASE WHEN a.`__n` IS NULL OR a.`__n` < b.`__n` THEN -1 ELSE 1 END ELSE 0 END) AS `__rows`
    FROM `top-2ea0 marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x LATERAL VIEW posexplode(`__rows`) items AS `__i`, `__row`;

-- join-ede3 marked
SELECT NULL AS `__k0`, NULL AS `__k1`, NULL AS `__k2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__k1`, `__k2`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `join-ede3 rows`;

-- join-ede3 stepped (walked by key)
SELECT `__k0`, `__k1`, `__k2`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__k1`, `__k2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `join-ede3 marked`;

-- join-ede3 calls
SELECT u.`__k0` AS `__k0`, u.`__k1` AS `__k1`, u.`__k2` AS `__k2`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `join-ede3 stepped` WHERE `made` <> ''
) AS x;
