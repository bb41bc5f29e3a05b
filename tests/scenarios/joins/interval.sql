---- flink

-- alerts
SELECT `t`, `ip`, `rule`, `__t`, `__w`, CAST(0 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `alerts input`;

-- select-4bce
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- flows
SELECT `at`, `ip`, `bytes`, `__t`, `__w`, CAST(6 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `flows input`;

-- select-a30b
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-faca
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b`;

-- inner rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `at` AS `__a4`, `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-faca`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- inner numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, CAST(10 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`,
  CAST(0 AS BIGINT) AS `__n`
FROM `inner rows`;

-- inner calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__s>` AS `__s`, r.`__p>` AS `__p`, r.`__o>` AS `__o`, r.`__n>` AS `__n`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__s` INT, `__p` BIGINT, `__o` BIGINT, `__n` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `inner numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__s>`, `__p>`, `__o>`, `__n>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`);

-- inner
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `inner calls`;

-- select-4bce-2
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-2
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-9929
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-2`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-2`;

-- left rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `at` AS `__a4`, `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-9929`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- left numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `left rows`;

-- left calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `left numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- left
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `left calls`;

-- select-4bce-3
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-3
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-b112
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-3`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-3`;

-- right rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `at` AS `__a4`, `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-b112`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- right numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `right rows`;

-- right calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `right numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- right
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `right calls`;

-- select-4bce-4
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-4
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-2228
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-4`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-4`;

-- full rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `at` AS `__a4`, `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-2228`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- full numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `full rows`;

-- full calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `full numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_4(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__q>`, `__i>`);

-- full
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `full calls`;

-- select-4bce-5
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-5
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-2436
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-5`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-5`;

-- semi rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-2436`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- semi numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `semi rows`;

-- semi calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING>)) AS `__rows`
  FROM `semi numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_5(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`);

-- semi
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__t`, `__w` FROM `semi calls`;

-- select-4bce-6
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-6
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-6b9c
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-6`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-6`;

-- anti rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-6b9c`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- anti numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `anti rows`;

-- anti calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING>)) AS `__rows`
  FROM `anti numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_6(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__q>`, `__i>`);

-- anti
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__t`, `__w` FROM `anti calls`;

-- select-4bce-7
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `alerts`;

-- select-a30b-7
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `flows`;

-- union-f826
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-7`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-7`;

-- nulls rows
SELECT `ip` AS `__k0`, (`side` = CAST('right' AS STRING)) AS `__a0`, TRUE AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`,
  `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-f826`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- nulls numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `nulls rows`;

-- nulls calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` STRING, `__a4` BIGINT, `__a5` BIGINT>)) AS `__rows`
  FROM `nulls numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_7(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`);

-- nulls
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `nulls calls`;

-- window-936b rows
SELECT `bytes` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `inner`;

-- window-936b windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `window-936b rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-936b ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-936b windows`;

-- window-936b
SELECT `window_start`, `window_end`, `bytes`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`,
    COALESCE(caudal_udf_8(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `bytes`
  FROM `window-936b ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- alerts
SELECT `t`, `ip`, `rule`, `__t`, `__w`, 0 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `alerts input`;

-- select-4bce
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- flows
SELECT `at`, `ip`, `bytes`, `__t`, `__w`, 6 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `flows input`;

-- select-a30b
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-faca
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b`;

-- inner rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`,
  `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-faca`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- inner numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, 10 AS `__s`, 0L AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM `inner rows`;

-- inner calls
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`, `__z1`, `__z2`, `__z3`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`,
    COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `inner numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`, `__z1`, `__z2`, `__z3`;

-- inner
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `inner calls`;

-- select-4bce-2
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-2
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-9929
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-2`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-2`;

-- left rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`,
  `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-9929`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- left numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `left rows`;

-- left calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `left numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- left
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `left calls`;

-- select-4bce-3
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-3
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-b112
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-3`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-3`;

-- right rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`,
  `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-b112`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- right numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `right rows`;

-- right calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `right numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- right
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `right calls`;

-- select-4bce-4
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-4
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-2228
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-4`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-4`;

-- full rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`,
  `bytes` AS `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-2228`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- full numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `full rows`;

-- full calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_4(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `full numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__q`, `__i`;

-- full
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `full calls`;

-- select-4bce-5
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-5
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-2436
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-5`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-5`;

-- semi rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `union-2436`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- semi numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `semi rows`;

-- semi calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_5(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `semi numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`;

-- semi
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__t`, `__w` FROM `semi calls`;

-- select-4bce-6
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-6
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-6b9c
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-6`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-6`;

-- anti rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, (`ip` IS NOT NULL) AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `union-6b9c`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- anti numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `anti rows`;

-- anti calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_6(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `anti numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`;

-- anti
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__t`, `__w` FROM `anti calls`;

-- select-4bce-7
SELECT 'left' AS `side`, `t`, `ip`, `rule`, CAST(NULL AS BIGINT) AS `at`, CAST(NULL AS BIGINT) AS `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `alerts`;

-- select-a30b-7
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, `ip`, CAST(NULL AS STRING) AS `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `flows`;

-- union-f826
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `select-4bce-7`
UNION ALL
SELECT `side`, `t`, `ip`, `rule`, `at`, `bytes`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `select-a30b-7`;

-- nulls rows
SELECT `ip` AS `__k0`, (`side` = 'right') AS `__a0`, TRUE AS `__a1`, `t` AS `__a2`, `rule` AS `__a3`, `at` AS `__a4`, `bytes` AS `__a5`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-f826`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- nulls numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `nulls rows`;

-- nulls calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`
FROM (
SELECT `__k0`, caudal_call_7(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`)) AS `__rows`
  FROM `nulls numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`, `__z3`;

-- nulls
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w` FROM `nulls calls`;

-- window-936b rows
SELECT `bytes` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `inner`;

-- window-936b windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end`
  FROM `window-936b rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-936b ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-936b windows`;

-- window-936b
SELECT `window_start`, `window_end`, `bytes`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `bytes`
  FROM `window-936b ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- inner marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `inner rows`;

-- inner stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `inner marked`;

-- inner calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `inner stepped` WHERE `made` <> ''
) AS x;

-- inner
SELECT `__z0` AS `t`, `__k0` AS `ip`, `__z1` AS `rule`, `__z2` AS `at`, `__z3` AS `bytes`, `__t`, `__w`, 10 AS `__s`, 0L AS `__p`,
  struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS `__o`, 0L AS `__n`
FROM `inner calls`;

-- left marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `left rows`;

-- left stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `left marked`;

-- left calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_3(`made`) AS `u` FROM `left stepped` WHERE `made` <> ''
) AS x;

-- right marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `right rows`;

-- right stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `right marked`;

-- right calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_3(`made`) AS `u` FROM `right stepped` WHERE `made` <> ''
) AS x;

-- full marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `full rows`;

-- full stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `full marked`;

-- full calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_3(`made`) AS `u` FROM `full stepped` WHERE `made` <> ''
) AS x;

-- semi marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `semi rows`;

-- semi stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_4(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `semi marked`;

-- semi calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_5(`made`) AS `u` FROM `semi stepped` WHERE `made` <> ''
) AS x;

-- anti marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `anti rows`;

-- anti stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_4(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `anti marked`;

-- anti calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__q` AS `__q`,
  u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_6(`made`) AS `u` FROM `anti stepped` WHERE `made` <> ''
) AS x;

-- nulls marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__a5`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `nulls rows`;

-- nulls stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_1(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__a5`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `nulls marked`;

-- nulls calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__z3` AS `__z3`
FROM (
  SELECT caudal_call_7(`made`) AS `u` FROM `nulls stepped` WHERE `made` <> ''
) AS x;

-- window-936b marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-936b windows`;

-- window-936b
SELECT `window_start`, `window_end`, `bytes`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `bytes`
    FROM `window-936b marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
