---- flink

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`e` = CAST('login' AS STRING)) AS `__a0`, (`e` = CAST('logout' AS STRING)) AS `__a1`, `n` AS `__a2`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT>)) AS `__rows`
  FROM `match-5806 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `n`, `__t`, `__w`, CAST(7 AS INT) AS `__s`,
  CAST(0 AS BIGINT) AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `match-5806 calls`;

-- match-5806-2 rows
SELECT `k` AS `__k0`, (`e` = CAST('login' AS STRING)) AS `__a0`, (`e` = CAST('logout' AS STRING)) AS `__a1`, `n` AS `__a2`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-2 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-2 rows`;

-- match-5806-2 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT>)) AS `__rows`
  FROM `match-5806-2 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- match-5806-2
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `n`, `__t`, `__w` FROM `match-5806-2 calls`;

-- match-5806-3 rows
SELECT `k` AS `__k0`, (`e` = CAST('login' AS STRING)) AS `__a0`, (`e` = CAST('work' AS STRING)) AS `__a1`,
  (`e` = CAST('logout' AS STRING)) AS `__a2`, `n` AS `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-3 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-3 rows`;

-- match-5806-3 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BOOLEAN, `__a3` BIGINT>)) AS `__rows`
  FROM `match-5806-3 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- match-5806-3
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806-3 calls`;

-- window-e5f5 rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `match-5806`;

-- window-e5f5 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) + 5000 AS `window_end`
  FROM `window-e5f5 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-e5f5 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-e5f5 windows`;

-- window-e5f5
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`,
    COALESCE(caudal_udf_4(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-e5f5 ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `k`, `t`, `e`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`e` = 'login') AS `__a0`, (`e` = 'logout') AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `match-5806 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `n`, `__t`, `__w`, 7 AS `__s`, 0L AS `__p`,
  CAST(DENSE_RANK() OVER (ORDER BY `__t`, CASE WHEN `__o` IS NULL THEN 1 ELSE 0 END, COALESCE(`__o`, 0), `__k0`, `__q`) AS BIGINT) - 1 AS `__o`,
  `__i` AS `__n`
FROM `match-5806 calls`;

-- match-5806-2 rows
SELECT `k` AS `__k0`, (`e` = 'login') AS `__a0`, (`e` = 'logout') AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-2 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-2 rows`;

-- match-5806-2 calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `match-5806-2 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- match-5806-2
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `n`, `__t`, `__w` FROM `match-5806-2 calls`;

-- match-5806-3 rows
SELECT `k` AS `__k0`, (`e` = 'login') AS `__a0`, (`e` = 'work') AS `__a1`, (`e` = 'logout') AS `__a2`, `n` AS `__a3`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806-3 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `match-5806-3 rows`;

-- match-5806-3 calls
SELECT `__k0`, `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`, `__a1`, `__a2`, `__a3`)) AS `__rows`
  FROM `match-5806-3 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- match-5806-3
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5806-3 calls`;

-- window-e5f5 rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `match-5806`;

-- window-e5f5 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 5000L) AS `window_start`, `__t` - pmod(`__t`, 5000L) + 5000 AS `window_end` FROM `window-e5f5 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-e5f5 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-e5f5 windows`;

-- window-e5f5
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 5000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-e5f5 ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- match-5806 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5806 rows`;

-- match-5806 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5806 marked`;

-- match-5806 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__n` AS `__n`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`, u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `match-5806 stepped` WHERE `made` <> ''
) AS x;

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `n`, `__t`, `__w`, 7 AS `__s`, 0L AS `__p`,
  struct(CASE WHEN `__at` IS NULL THEN 0L ELSE 1L END AS `__u`, CASE WHEN `__at` IS NULL THEN `__t` END AS `__t`, CASE WHEN `__at` IS NULL THEN `__s` END AS `__s`, CASE WHEN `__at` IS NULL THEN `__p` END AS `__p`, CASE WHEN `__at` IS NULL THEN `__o` END AS `__o`, CASE WHEN `__at` IS NULL THEN `__n` END AS `__n`, `__at` AS `__at`, `__k0` AS `__k0`, `__q` AS `__q`) AS `__o`,
  `__i` AS `__n`
FROM `match-5806 calls`;

-- match-5806-2 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5806-2 rows`;

-- match-5806-2 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5806-2 marked`;

-- match-5806-2 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_3(`made`) AS `u` FROM `match-5806-2 stepped` WHERE `made` <> ''
) AS x;

-- match-5806-3 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5806-3 rows`;

-- match-5806-3 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_4(`__a0`, `__a1`, `__a2`, `__a3`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5806-3 marked`;

-- match-5806-3 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`,
  u.`__q` AS `__q`, u.`__i` AS `__i`, u.`__at` AS `__at`
FROM (
  SELECT caudal_call_5(`made`) AS `u` FROM `match-5806-3 stepped` WHERE `made` <> ''
) AS x;

-- window-e5f5 marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-e5f5 windows`;

-- window-e5f5
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 5000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-e5f5 marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
