---- flink

-- events
SELECT `t`, `k`, `recs`, `tags`, `__t`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `events input`;

-- apart elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`recs`)) AS r(`__i>`, `__x0>`, `__x1>`);

-- apart
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `apart elements`;

-- select-4f25
SELECT `t`, `k`, `e`, `n`, `__t`, `__w` FROM `apart`;

-- explode-f237 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`
FROM `events`, LATERAL TABLE(caudal_udtf_2(`recs`)) AS r(`__i>`, `__x0>`);

-- explode-f237
SELECT `t`, `k`, `tags`, `__x0` AS `rec`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237 elements`;

-- select-649c
SELECT `k`, `rec`.`e` AS `e`, `__t`, `__w` FROM `explode-f237`;

-- explode-f237-2 elements
SELECT `t`, `k`, `recs`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`
FROM `events`, LATERAL TABLE(caudal_udtf_3(`tags`)) AS r(`__i>`, `__x0>`);

-- explode-f237-2
SELECT `t`, `k`, `recs`, `__x0` AS `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-2 elements`;

-- select-8652
SELECT `t`, `tags`, `__t`, `__w` FROM `explode-f237-2`;

-- explode-f237-3 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`recs`)) AS r(`__i>`, `__x0>`, `__x1>`);

-- explode-f237-3
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-3 elements`;

-- explode-518a elements
SELECT `t`, `k`, `e`, `n`, `__t`, `__w`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`
FROM `explode-f237-3`, LATERAL TABLE(caudal_udtf_3(`tags`)) AS r(`__i>`, `__x0>`);

-- explode-518a
SELECT `t`, `k`, `e`, `n`, `__x0` AS `tag`, `__t`, `__w` FROM `explode-518a elements`;

-- select-dccf
SELECT `e`, `tag`, `__t`, `__w` FROM `explode-518a`;

-- explode-f237-4 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`recs`)) AS r(`__i>`, `__x0>`, `__x1>`);

-- explode-f237-4
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-4 elements`;

-- window-8465 rows
SELECT `n` AS `__a0`, `e` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `explode-f237-4`;

-- window-8465 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) + 2000 AS `window_end`
  FROM `window-8465 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-8465 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`
FROM `window-8465 windows`;

-- window-8465
SELECT `window_start`, `window_end`, `all`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    COALESCE(caudal_udf_4(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`,
    FIRST_VALUE(CASE WHEN `__r1` = 1 THEN `__a1` END) AS `last`
  FROM `window-8465 ranked`
  GROUP BY `window_start`
) AS x;

-- explode-f237-5 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`recs`)) AS r(`__i>`, `__x0>`, `__x1>`);

-- explode-f237-5
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-5 elements`;

-- lag-aa06 rows
SELECT `k` AS `__k0`, `t` AS `__x0`, `k` AS `__x1`, `tags` AS `__x2`, `e` AS `__x3`, `n` AS `__x4`, `n` AS `__a0`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `explode-f237-5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- lag-aa06 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `lag-aa06 rows`;

-- lag-aa06 calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` ARRAY<STRING>, `__x3` STRING, `__x4` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `lag-aa06 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_5(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- lag-aa06
SELECT `__x0` AS `t`, `__x1` AS `k`, `__x2` AS `tags`, `__x3` AS `e`, `__x4` AS `n`, `__z0` AS `before`, `__t`, `__w`
FROM `lag-aa06 calls`;

-- select-de36
SELECT `k`, `n`, `before`, `__t`, `__w` FROM `lag-aa06`;

---- spark

-- events
SELECT `t`, `k`, `recs`, `tags`, `__t`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- apart elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__x1`
FROM (
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`recs`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`;

-- apart
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `apart elements`;

-- select-4f25
SELECT `t`, `k`, `e`, `n`, `__t`, `__w` FROM `apart`;

-- explode-f237 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`
FROM (
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_2(`recs`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`;

-- explode-f237
SELECT `t`, `k`, `tags`, `__x0` AS `rec`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237 elements`;

-- select-649c
SELECT `k`, (`rec`).`e` AS `e`, `__t`, `__w` FROM `explode-f237`;

-- explode-f237-2 elements
SELECT `t`, `k`, `recs`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`
FROM (
SELECT `t`, `k`, `recs`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_3(`tags`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`;

-- explode-f237-2
SELECT `t`, `k`, `recs`, `__x0` AS `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-2 elements`;

-- select-8652
SELECT `t`, `tags`, `__t`, `__w` FROM `explode-f237-2`;

-- explode-f237-3 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__x1`
FROM (
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`recs`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`;

-- explode-f237-3
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-3 elements`;

-- explode-518a elements
SELECT `t`, `k`, `e`, `n`, `__t`, `__w`, `__i`, `__x0`
FROM (
SELECT `t`, `k`, `e`, `n`, `__t`, `__w`, caudal_call_3(`tags`) AS `__made` FROM `explode-f237-3`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`;

-- explode-518a
SELECT `t`, `k`, `e`, `n`, `__x0` AS `tag`, `__t`, `__w` FROM `explode-518a elements`;

-- select-dccf
SELECT `e`, `tag`, `__t`, `__w` FROM `explode-518a`;

-- explode-f237-4 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__x1`
FROM (
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`recs`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`;

-- explode-f237-4
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-4 elements`;

-- window-8465 rows
SELECT `n` AS `__a0`, `e` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `explode-f237-4`;

-- window-8465 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 2000L) AS `window_start`, `__t` - pmod(`__t`, 2000L) + 2000 AS `window_end` FROM `window-8465 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-8465 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r1`
FROM `window-8465 windows`;

-- window-8465
SELECT `window_start`, `window_end`, `all`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`,
    FIRST(CASE WHEN `__r1` = 1 THEN `__a1` END, TRUE) AS `last`
  FROM `window-8465 ranked`
  GROUP BY `window_start`
) AS x;

-- explode-f237-5 elements
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__x1`
FROM (
SELECT `t`, `k`, `tags`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`recs`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`;

-- explode-f237-5
SELECT `t`, `k`, `tags`, `__x0` AS `e`, `__x1` AS `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `explode-f237-5 elements`;

-- lag-aa06 rows
SELECT `k` AS `__k0`, `t` AS `__x0`, `k` AS `__x1`, `tags` AS `__x2`, `e` AS `__x3`, `n` AS `__x4`, `n` AS `__a0`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `explode-f237-5`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- lag-aa06 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `lag-aa06 rows`;

-- lag-aa06 calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_4(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `lag-aa06 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- lag-aa06
SELECT `__x0` AS `t`, `__x1` AS `k`, `__x2` AS `tags`, `__x3` AS `e`, `__x4` AS `n`, `__z0` AS `before`, `__t`, `__w`
FROM `lag-aa06 calls`;

-- select-de36
SELECT `k`, `n`, `before`, `__t`, `__w` FROM `lag-aa06`;

---- spark, over unbounded input

-- window-8465 marked
SELECT NULL AS `__a0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-8465 windows`;

-- window-8465
SELECT `window_start`, `window_end`, `all`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 2000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`,
      MAX_BY(`__a1`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a1` IS NOT NULL) AS `last`
    FROM `window-8465 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;

-- lag-aa06 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__a0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `lag-aa06 rows`;

-- lag-aa06 stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_4(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `lag-aa06 marked`;

-- lag-aa06 calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__k0` AS `__k0`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_5(`made`) AS `u` FROM `lag-aa06 stepped` WHERE `made` <> ''
) AS x;
