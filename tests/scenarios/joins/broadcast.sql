---- flink

-- rows
SELECT `t`, `ip`, `n`, `__t`, `__w`, CAST(18 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `rows input`;

-- select-6a33
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS STRING) AS `ip_right`,
  CAST(NULL AS BIGINT) AS `most`, CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- rules
SELECT `since`, `ip`, `most`, `__t`, `__w`, CAST(20 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `rules input`;

-- punctual-4c33
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-1d9e
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `n`,
  `since`, `ip` AS `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33`;

-- union-544f
SELECT `side`, `t`, `ip`, `n`, `since`, `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-1d9e`;

-- broadcast-163a rows
SELECT `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = CAST('right' AS STRING)) AS `__a0`, `since_1` AS `__a1`, FALSE AS `__a2`,
  `since` AS `__a3`, `ip_right` AS `__a4`, `most` AS `__a5`, (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `union-544f`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- broadcast-163a numbered
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `broadcast-163a rows`;

-- broadcast-163a calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` BIGINT, `__a4` STRING, `__a5` BIGINT>)) AS `__rows`
  FROM `broadcast-163a numbered`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- broadcast-163a
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `ip_right`, `__z2` AS `most`, `__t`, `__w`
FROM `broadcast-163a calls`;

-- select-6a33-2
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS BIGINT) AS `most`,
  CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- punctual-4c33-2
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-6047
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `n`, `since`, `most`, `since_1`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33-2`;

-- union-b474
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33-2`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-6047`;

-- own rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = CAST('right' AS STRING)) AS `__a0`, `since_1` AS `__a1`,
  FALSE AS `__a2`, `since` AS `__a3`, `most` AS `__a4`, (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `union-b474`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- own numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `own rows`;

-- own calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `own numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- own
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `most`, `__t`, `__w` FROM `own calls`;

-- select-6a33-3
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS BIGINT) AS `most`,
  CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- punctual-4c33-3
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-3277
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `n`, `since`, `most`, `since_1`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33-3`;

-- union-a079
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33-3`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-3277`;

-- known rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = CAST('right' AS STRING)) AS `__a0`, `since_1` AS `__a1`,
  FALSE AS `__a2`, `since` AS `__a3`, `most` AS `__a4`, (`side` = CAST('left' AS STRING)) AS `__y0`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `union-a079`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- known numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `known rows`;

-- known calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT, `__a2` BOOLEAN, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `known numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- known
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `most`, `__t`, `__w` FROM `known calls`;

-- filter-4f0c
SELECT `t`, `ip`, `n`, `since`, `most`, `__t`, `__w` FROM `known` WHERE (`n` < `most`);

---- spark

-- rows
SELECT `t`, `ip`, `n`, `__t`, `__w`, 18 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `rows input`;

-- select-6a33
SELECT 'left' AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS STRING) AS `ip_right`,
  CAST(NULL AS BIGINT) AS `most`, CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- rules
SELECT `since`, `ip`, `most`, `__t`, `__w`, 20 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `rules input`;

-- punctual-4c33
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-1d9e
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `n`, `since`,
  `ip` AS `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33`;

-- union-544f
SELECT `side`, `t`, `ip`, `n`, `since`, `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `ip_right`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-1d9e`;

-- broadcast-163a rows
SELECT `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = 'right') AS `__a0`, `since_1` AS `__a1`, FALSE AS `__a2`,
  `since` AS `__a3`, `ip_right` AS `__a4`, `most` AS `__a5`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-544f`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- broadcast-163a numbered
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `broadcast-163a rows`;

-- broadcast-163a calls
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `broadcast-163a numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- broadcast-163a
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `ip_right`, `__z2` AS `most`, `__t`, `__w`
FROM `broadcast-163a calls`;

-- select-6a33-2
SELECT 'left' AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS BIGINT) AS `most`,
  CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- punctual-4c33-2
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-6047
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `n`, `since`, `most`, `since_1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33-2`;

-- union-b474
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33-2`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-6047`;

-- own rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = 'right') AS `__a0`, `since_1` AS `__a1`, FALSE AS `__a2`,
  `since` AS `__a3`, `most` AS `__a4`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-b474`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- own numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `own rows`;

-- own calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `own numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`;

-- own
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `most`, `__t`, `__w` FROM `own calls`;

-- select-6a33-3
SELECT 'left' AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `since`, CAST(NULL AS BIGINT) AS `most`,
  CAST(NULL AS BIGINT) AS `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rows`;

-- punctual-4c33-3
SELECT `since`, `ip`, `most`, `__t` AS `since_1`, GREATEST(`__t`, COALESCE(`__w`, `__t`)) AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `rules`;

-- select-3277
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS BIGINT) AS `n`, `since`, `most`, `since_1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `punctual-4c33-3`;

-- union-a079
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-6a33-3`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `since`, `most`, `since_1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-3277`;

-- known rows
SELECT `ip` AS `__k0`, `t` AS `__x0`, `ip` AS `__x1`, `n` AS `__x2`, (`side` = 'right') AS `__a0`, `since_1` AS `__a1`, FALSE AS `__a2`,
  `since` AS `__a3`, `most` AS `__a4`, (`side` = 'left') AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-a079`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- known numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `known rows`;

-- known calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `known numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`;

-- known
SELECT `__x0` AS `t`, `__x1` AS `ip`, `__x2` AS `n`, `__z0` AS `since`, `__z1` AS `most`, `__t`, `__w` FROM `known calls`;

-- filter-4f0c
SELECT `t`, `ip`, `n`, `since`, `most`, `__t`, `__w` FROM `known` WHERE (`n` < `most`);

---- spark, over unbounded input

-- broadcast-163a marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`,
  NULL AS `__a5`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `__y0`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `broadcast-163a rows`;

-- broadcast-163a stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_1(`__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `broadcast-163a marked`;

-- broadcast-163a calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`, u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `broadcast-163a stepped` WHERE `made` <> ''
) AS x;

-- own marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`,
  NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `__y0`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `own rows`;

-- own stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `own marked`;

-- own calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `own stepped` WHERE `made` <> ''
) AS x;

-- known marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`,
  NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `__y0`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `known rows`;

-- known stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__y0`) AS `row`
FROM `known marked`;

-- known calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `known stepped` WHERE `made` <> ''
) AS x;
