---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(5 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- calls rows
SELECT `k` AS `__k0`, `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- calls numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, `__s` AS `__os`, `__p` AS `__op`,
  `__o` AS `__oo`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `calls rows`;

-- calls calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__os>` AS `__os`, r.`__op>` AS `__op`, r.`__oo>` AS `__oo`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__z3>` AS `__z3`, r.`__z4>` AS `__z4`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__os` INT, `__op` BIGINT, `__oo` BIGINT, `__o` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` BIGINT>)) AS `__rows`
  FROM `calls numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__os>`, `__op>`, `__oo>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__z3>`, `__z4>`, `__reason>`, `__message>`, `__detail>`, `__q>`, `__i>`);

-- calls failing
SELECT `__t`, `__w`, `__reason`, `__message`, `__detail`, `__os` AS `__s`, `__op` AS `__p`, `__oo` AS `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `calls calls`;

-- calls
SELECT `__k0` AS `k`, `__z0` AS `what`, `__z1` AS `rows`, `__z2` AS `last`, `__z3` AS `at`, `__z4` AS `next`, `__t`, `__w`,
  CAST(0 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `calls calls`
WHERE `__reason` IS NULL;

-- order rows
SELECT `k` AS `__x0`, `what` AS `__x1`, `rows` AS `__x2`, `last` AS `__x3`, `at` AS `__x4`, `next` AS `__x5`, `rows` AS `__a0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `calls`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__x5>` AS `__x5`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` STRING, `__x2` BIGINT, `__x3` ARRAY<BIGINT>, `__x4` BIGINT, `__x5` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `order numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__x5>`, `__t>`, `__w>`, `__z0>`);

-- order
SELECT `__x0` AS `k`, `__x1` AS `what`, `__x2` AS `rows`, `__x3` AS `last`, `__x4` AS `at`, `__x5` AS `next`, `__z0` AS `all`, `__t`,
  `__w`
FROM `order calls`;

-- select-0d13
SELECT `all`, `__t`, `__w` FROM `order`;

-- window-a33d rows
SELECT `what` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `calls`;

-- window-a33d windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) + 5000 AS `window_end`
  FROM `window-a33d rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-a33d ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-a33d windows`;

-- window-a33d
SELECT `window_start`, `window_end`, `what`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`,
    COALESCE(caudal_udf_3(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` STRING>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS STRING)], CAST(NULL AS STRING))) AS `what`
  FROM `window-a33d ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 5 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- calls rows
SELECT `k` AS `__k0`, `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- calls numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, `__s` AS `__os`, `__p` AS `__op`,
  `__o` AS `__oo`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `calls rows`;

-- calls calls
SELECT `__k0`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__reason`, `__message`, `__detail`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `calls numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__os`, `__op`, `__oo`, `__o`, `__z0`, `__z1`, `__z2`, `__z3`, `__z4`, `__reason`, `__message`, `__detail`, `__q`, `__i`;

-- calls failing
SELECT `__t`, `__w`, `__reason`, `__message`, `__detail`, `__os` AS `__s`, `__op` AS `__p`, `__oo` AS `__o`, 0L AS `__n`
FROM `calls calls`;

-- calls
SELECT `__k0` AS `k`, `__z0` AS `what`, `__z1` AS `rows`, `__z2` AS `last`, `__z3` AS `at`, `__z4` AS `next`, `__t`, `__w`, 0 AS `__s`,
  0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `calls calls`
WHERE `__reason` IS NULL;

-- order rows
SELECT `k` AS `__x0`, `what` AS `__x1`, `rows` AS `__x2`, `last` AS `__x3`, `at` AS `__x4`, `next` AS `__x5`, `rows` AS `__a0`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `calls`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `order numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__t`, `__w`, `__z0`;

-- order
SELECT `__x0` AS `k`, `__x1` AS `what`, `__x2` AS `rows`, `__x3` AS `last`, `__x4` AS `at`, `__x5` AS `next`, `__z0` AS `all`, `__t`,
  `__w`
FROM `order calls`;

-- select-0d13
SELECT `all`, `__t`, `__w` FROM `order`;

-- window-a33d rows
SELECT `what` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `calls`;

-- window-a33d windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 5000L) AS `window_start`, `__t` - pmod(`__t`, 5000L) + 5000 AS `window_end` FROM `window-a33d rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-a33d ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-a33d windows`;

-- window-a33d
SELECT `window_start`, `window_end`, `what`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `what`
  FROM `window-a33d ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- calls marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `calls rows`;

-- calls stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `calls marked`;

-- calls calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__z3` AS `__z3`, u.`__z4` AS `__z4`, u.`__reason` AS `__reason`,
  u.`__message` AS `__message`, u.`__detail` AS `__detail`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `calls stepped` WHERE `made` <> ''
) AS x;

-- calls failing
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__reason`, `__message`, `__detail` FROM `calls calls`;

-- calls
SELECT `__k0` AS `k`, `__z0` AS `what`, `__z1` AS `rows`, `__z2` AS `last`, `__z3` AS `at`, `__z4` AS `next`, `__t`, `__w`, 0 AS `__s`,
  0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `calls calls`
WHERE `__reason` IS NULL;

-- order marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__a0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `order rows`;

-- order stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_4(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `order marked`;

-- order calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__x5` AS `__x5`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_5(`made`) AS `u` FROM `order stepped` WHERE `made` <> ''
) AS x;

-- window-a33d marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-a33d windows`;

-- window-a33d
SELECT `window_start`, `window_end`, `what`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 5000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `what`
    FROM `window-a33d marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
