---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- runs rows
SELECT `k` AS `__k0`, `n` AS `__x0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- runs numbered
SELECT `__k0`, `__x0`, `__t`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `runs rows`;

-- runs calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__t`, `__w`, `__o`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT>)) AS `__rows`
  FROM `runs numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__q>`, `__i>`);

-- runs
SELECT `__k0` AS `k`, `__x0` AS `n`, `__z0` AS `begun`, `__z1` AS `rows`, `__t`, `__w`, CAST(11 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `runs calls`;

-- order rows
SELECT `k` AS `__x0`, `n` AS `__x1`, `begun` AS `__x2`, `rows` AS `__x3`, `rows` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `runs`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `order numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`);

-- order
SELECT `__x0` AS `k`, `__x1` AS `n`, `__x2` AS `begun`, `__x3` AS `rows`, `__z0` AS `all`, `__t`, `__w` FROM `order calls`;

-- window-d3db rows
SELECT `rows` AS `__a0`, `begun` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `runs`;

-- window-d3db windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) + 2000 AS `window_end`
  FROM `window-d3db rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-d3db ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`
FROM `window-d3db windows`;

-- window-d3db
SELECT `window_start`, `window_end`, `rows`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    COALESCE(caudal_udf_3(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `rows`,
    FIRST_VALUE(CASE WHEN `__r1` = 1 THEN `__a1` END) AS `last`
  FROM `window-d3db ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- runs rows
SELECT `k` AS `__k0`, `n` AS `__x0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- runs numbered
SELECT `__k0`, `__x0`, `__t`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `runs rows`;

-- runs calls
SELECT `__k0`, `__x0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__t`, `__w`, `__o`)) AS `__rows` FROM `runs numbered` GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__q`, `__i`;

-- runs
SELECT `__k0` AS `k`, `__x0` AS `n`, `__z0` AS `begun`, `__z1` AS `rows`, `__t`, `__w`, 11 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `runs calls`;

-- order rows
SELECT `k` AS `__x0`, `n` AS `__x1`, `begun` AS `__x2`, `rows` AS `__x3`, `rows` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `runs`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- order numbered
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `order rows`;

-- order calls
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`)) AS `__rows` FROM `order numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`;

-- order
SELECT `__x0` AS `k`, `__x1` AS `n`, `__x2` AS `begun`, `__x3` AS `rows`, `__z0` AS `all`, `__t`, `__w` FROM `order calls`;

-- window-d3db rows
SELECT `rows` AS `__a0`, `begun` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `runs`;

-- window-d3db windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 2000L) AS `window_start`, `__t` - pmod(`__t`, 2000L) + 2000 AS `window_end` FROM `window-d3db rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-d3db ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`
FROM `window-d3db windows`;

-- window-d3db
SELECT `window_start`, `window_end`, `rows`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `rows`,
    FIRST(CASE WHEN `__r1` = 1 THEN `__a1` END, TRUE) AS `last`
  FROM `window-d3db ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- runs marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `runs rows`;

-- runs stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row` FROM `runs marked`;

-- runs calls
SELECT u.`__x0` AS `__x0`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`,
  u.`__n` AS `__n`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `runs stepped` WHERE `made` <> ''
) AS x;

-- runs
SELECT `__k0` AS `k`, `__x0` AS `n`, `__z0` AS `begun`, `__z1` AS `rows`, `__t`, `__w`, 11 AS `__s`, 0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `runs calls`;

-- order marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `order rows`;

-- order stepped (walked by key)
SELECT `__s` IS NULL AS `__one`, `__e`,
  caudal_call_3(`__x0`, `__x1`, `__x2`, `__x3`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `order marked`;

-- order calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__t` AS `__t`, u.`__w` AS `__w`,
  u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `order stepped` WHERE `made` <> ''
) AS x;

-- window-d3db marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-d3db windows`;

-- window-d3db
SELECT `window_start`, `window_end`, `rows`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 2000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `rows`,
      MAX_BY(`__a1`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a1` IS NOT NULL) AS `last`
    FROM `window-d3db marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
