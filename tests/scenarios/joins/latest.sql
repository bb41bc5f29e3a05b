---- flink

-- flows
SELECT `t`, `ip`, `port`, `n`, `__t`, `__w`, CAST(8 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `flows input`;

-- select-a30b
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS STRING) AS `host`,
  CAST(NULL AS BIGINT) AS `n_table`, CAST(NULL AS BOOLEAN) AS `gone`, CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `flows`;

-- leases
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, CAST(16 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `leases input`;

-- filter-8ef6
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91
SELECT `ip`, `since`, `host`, `n` AS `n_table`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `filter-8ef6`;

-- punctual-1e6d
SELECT `ip`, `since`, `host`, `n_table`, `gone`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `select-6f91`;

-- select-078f
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`,
  CAST(NULL AS BIGINT) AS `n`, `since`, `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-1e6d`;

-- union-7549
SELECT `side`, `t`, `ip`, `port`, `n`, `since`, `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 0 AS `__n`
FROM `select-a30b`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `since`, `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 1 AS `__n`
FROM `select-078f`;

-- broadcast-435c rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  `since_1` AS `__a1`, `gone` AS `__a2`, `since` AS `__a3`, `host` AS `__a4`, `n_table` AS `__a5`,
  (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-7549`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- broadcast-435c numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `broadcast-435c rows`;

-- broadcast-435c calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` BIGINT, `__a4` STRING, `__a5` BIGINT>)) AS `__rows`
  FROM `broadcast-435c numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- broadcast-435c
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__z0` AS `since`, `__z1` AS `host`, `__z2` AS `n_table`, `__t`,
  `__w`
FROM `broadcast-435c calls`;

-- select-a30b-2
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS STRING) AS `host`, CAST(NULL AS BOOLEAN) AS `gone`,
  CAST(NULL AS BIGINT) AS `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- filter-618e
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91-2
SELECT `ip`, `host`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-618e`;

-- punctual-3c1e
SELECT `ip`, `host`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-6f91-2`;

-- select-4bd4
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`,
  CAST(NULL AS BIGINT) AS `n`, `host`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-3c1e`;

-- union-54b5
SELECT `side`, `t`, `ip`, `port`, `n`, `host`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-2`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `host`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-4bd4`;

-- known rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  `since` AS `__a1`, `gone` AS `__a2`, `host` AS `__a3`, (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `union-54b5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- known numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `known rows`;

-- known calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` STRING>)) AS `__rows`
  FROM `known numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`);

-- known
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__z0` AS `host`, `__t`, `__w` FROM `known calls`;

-- select-7e7f
SELECT `n`, `host`, `__t`, `__w` FROM `known`;

-- select-a30b-3
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS BOOLEAN) AS `gone`, CAST(NULL AS BIGINT) AS `since`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- filter-1532
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91-3
SELECT `ip`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-1532`;

-- punctual-0a9f
SELECT `ip`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-6f91-3`;

-- select-5a21
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`,
  CAST(NULL AS BIGINT) AS `n`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-0a9f`;

-- union-268d
SELECT `side`, `t`, `ip`, `port`, `n`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-3`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-5a21`;

-- unknown rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = CAST('right' AS STRING)) AS `__a0`,
  `since` AS `__a1`, `gone` AS `__a2`, (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-268d`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- unknown numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `unknown rows`;

-- unknown calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN>)) AS `__rows`
  FROM `unknown numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`);

-- unknown
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__t`, `__w` FROM `unknown calls`;

-- select-fc60
SELECT `n`, `__t`, `__w` FROM `unknown`;

-- with_columns-000d
SELECT `t`, `ip`, `port`, `n`,
  (CASE WHEN (`ip` = CAST('c' AS STRING)) THEN CAST('once' AS STRING) ELSE CAST('alpha' AS STRING) END) AS `who`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-99a0
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `port`, `n`, `who`, CAST(NULL AS STRING) AS `ip_table`,
  CAST(NULL AS BOOLEAN) AS `gone`, CAST(NULL AS BIGINT) AS `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-000d`;

-- filter-f05e
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`host` IS NOT NULL));

-- select-6f91-4
SELECT `host` AS `who`, `ip`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-f05e`;

-- select-cd12
SELECT `who`, `ip` AS `ip_table`, (`n` >= CAST(6 AS BIGINT)) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-6f91-4`;

-- punctual-1a38
SELECT `who`, `ip_table`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-cd12`;

-- select-9aa5
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `port`,
  CAST(NULL AS BIGINT) AS `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-1a38`;

-- union-04b5
SELECT `side`, `t`, `ip`, `port`, `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-99a0`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-9aa5`;

-- named rows
SELECT `who` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, `who` AS `__x4`,
  (`side` = CAST('right' AS STRING)) AS `__a0`, `since` AS `__a1`, `gone` AS `__a2`, `ip_table` AS `__a3`,
  (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-04b5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- named numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `named rows`;

-- named calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__x3` BIGINT, `__x4` STRING, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` STRING>)) AS `__rows`
  FROM `named numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_4(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- named
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__x4` AS `who`, `__z0` AS `ip_table`, `__t`, `__w`
FROM `named calls`;

-- select-a0d2
SELECT `n`, `ip_table`, `__t`, `__w` FROM `named`;

---- spark

-- flows
SELECT `t`, `ip`, `port`, `n`, `__t`, `__w`, 8 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `flows input`;

-- select-a30b
SELECT 'left' AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS STRING) AS `host`,
  CAST(NULL AS BIGINT) AS `n_table`, CAST(NULL AS BOOLEAN) AS `gone`, CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `flows`;

-- leases
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, 16 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `leases input`;

-- filter-8ef6
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91
SELECT `ip`, `since`, `host`, `n` AS `n_table`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `filter-8ef6`;

-- punctual-1e6d
SELECT `ip`, `since`, `host`, `n_table`, `gone`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `select-6f91`;

-- select-078f
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`, CAST(NULL AS BIGINT) AS `n`, `since`,
  `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-1e6d`;

-- union-7549
SELECT `side`, `t`, `ip`, `port`, `n`, `since`, `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 0 AS `__n`
FROM `select-a30b`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `since`, `host`, `n_table`, `gone`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`,
  `__n` * 2 + 1 AS `__n`
FROM `select-078f`;

-- broadcast-435c rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = 'right') AS `__a0`,
  `since_1` AS `__a1`, `gone` AS `__a2`, `since` AS `__a3`, `host` AS `__a4`, `n_table` AS `__a5`, (`side` = 'left') AS `__y0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-7549`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- broadcast-435c numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `broadcast-435c rows`;

-- broadcast-435c calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `broadcast-435c numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- broadcast-435c
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__z0` AS `since`, `__z1` AS `host`, `__z2` AS `n_table`, `__t`,
  `__w`
FROM `broadcast-435c calls`;

-- select-a30b-2
SELECT 'left' AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS STRING) AS `host`, CAST(NULL AS BOOLEAN) AS `gone`,
  CAST(NULL AS BIGINT) AS `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- filter-618e
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91-2
SELECT `ip`, `host`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-618e`;

-- punctual-3c1e
SELECT `ip`, `host`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-6f91-2`;

-- select-4bd4
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`, CAST(NULL AS BIGINT) AS `n`, `host`,
  `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-3c1e`;

-- union-54b5
SELECT `side`, `t`, `ip`, `port`, `n`, `host`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-2`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `host`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-4bd4`;

-- known rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = 'right') AS `__a0`, `since` AS `__a1`,
  `gone` AS `__a2`, `host` AS `__a3`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-54b5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- known numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `known rows`;

-- known calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `known numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`;

-- known
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__z0` AS `host`, `__t`, `__w` FROM `known calls`;

-- select-7e7f
SELECT `n`, `host`, `__t`, `__w` FROM `known`;

-- select-a30b-3
SELECT 'left' AS `side`, `t`, `ip`, `port`, `n`, CAST(NULL AS BOOLEAN) AS `gone`, CAST(NULL AS BIGINT) AS `since`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `flows`;

-- filter-1532
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`ip` IS NOT NULL));

-- select-6f91-3
SELECT `ip`, ((TRUE AND (`host` IS NULL)) AND (`n` IS NULL)) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-1532`;

-- punctual-0a9f
SELECT `ip`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-6f91-3`;

-- select-5a21
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `port`, CAST(NULL AS BIGINT) AS `n`, `gone`,
  `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-0a9f`;

-- union-268d
SELECT `side`, `t`, `ip`, `port`, `n`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a30b-3`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-5a21`;

-- unknown rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, (`side` = 'right') AS `__a0`, `since` AS `__a1`,
  `gone` AS `__a2`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-268d`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- unknown numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `unknown rows`;

-- unknown calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `unknown numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`;

-- unknown
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__t`, `__w` FROM `unknown calls`;

-- select-fc60
SELECT `n`, `__t`, `__w` FROM `unknown`;

-- with_columns-000d
SELECT `t`, `ip`, `port`, `n`, CASE WHEN (`ip` = 'c') THEN 'once' ELSE 'alpha' END AS `who`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- select-99a0
SELECT 'left' AS `side`, `t`, `ip`, `port`, `n`, `who`, CAST(NULL AS STRING) AS `ip_table`, CAST(NULL AS BOOLEAN) AS `gone`,
  CAST(NULL AS BIGINT) AS `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-000d`;

-- filter-f05e
SELECT `since`, `ip`, `host`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `leases` WHERE (TRUE AND (`host` IS NOT NULL));

-- select-6f91-4
SELECT `host` AS `who`, `ip`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-f05e`;

-- select-cd12
SELECT `who`, `ip` AS `ip_table`, (`n` >= 6L) AS `gone`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `select-6f91-4`;

-- punctual-1a38
SELECT `who`, `ip_table`, `gone`, `__t` AS `since`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `select-cd12`;

-- select-9aa5
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `port`,
  CAST(NULL AS BIGINT) AS `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-1a38`;

-- union-04b5
SELECT `side`, `t`, `ip`, `port`, `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-99a0`
UNION ALL
SELECT `side`, `t`, `ip`, `port`, `n`, `who`, `ip_table`, `gone`, `since`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-9aa5`;

-- named rows
SELECT `who` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `port` AS `__x2`, `n` AS `__x3`, `who` AS `__x4`, (`side` = 'right') AS `__a0`,
  `since` AS `__a1`, `gone` AS `__a2`, `ip_table` AS `__a3`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-04b5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- named numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `named rows`;

-- named calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_4(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `named numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- named
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `port`, `__x3` AS `n`, `__x4` AS `who`, `__z0` AS `ip_table`, `__t`, `__w`
FROM `named calls`;

-- select-a0d2
SELECT `n`, `ip_table`, `__t`, `__w` FROM `named`;

---- spark, over unbounded input

-- broadcast-435c marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`,
  NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`,
  NULL AS `__n`, NULL AS `__y0`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  `__y0`, timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `broadcast-435c rows`;

-- broadcast-435c stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `broadcast-435c marked`;

-- broadcast-435c calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `broadcast-435c stepped` WHERE `made` <> ''
) AS x;

-- known marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`,
  NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `__y0`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `known rows`;

-- known stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `known marked`;

-- known calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `known stepped` WHERE `made` <> ''
) AS x;

-- unknown marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`,
  NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `__y0`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `unknown rows`;

-- unknown stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_5(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `unknown marked`;

-- unknown calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__k0` AS `__k0`, u.`__t` AS `__t`,
  u.`__w` AS `__w`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `unknown stepped` WHERE `made` <> ''
) AS x;

-- named marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__a0`, NULL AS `__a1`,
  NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `__y0`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `named rows`;

-- named stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_7(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `named marked`;

-- named calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__k0` AS `__k0`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_8(`made`) AS `u` FROM `named stepped` WHERE `made` <> ''
) AS x;
