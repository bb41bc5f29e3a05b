---- flink

-- events
SELECT `k`, `t`, `n`, `x`, `s`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `n` AS `__a1`, `n` AS `__a2`, `x` AS `__a3`, `s` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `half`, `most`, `least`, `x`, `s`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`,
    caudal_udf_1(ARRAY_AGG(`__a0`) FILTER (WHERE `__a0` IS NOT NULL)) AS `half`,
    caudal_udf_2(ARRAY_AGG(`__a1`) FILTER (WHERE `__a1` IS NOT NULL)) AS `most`,
    caudal_udf_3(ARRAY_AGG(`__a2`) FILTER (WHERE `__a2` IS NOT NULL)) AS `least`,
    caudal_udf_4(ARRAY_AGG(`__a3`) FILTER (WHERE `__a3` IS NOT NULL)) AS `x`,
    caudal_udf_5(ARRAY_AGG(`__a4`) FILTER (WHERE `__a4` IS NOT NULL)) AS `s`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`, `n` AS `__a0`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__x4` STRING, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_6(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `m`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `k`, `t`, `m`, `__t`, `__w` FROM `running-431b`;

---- spark

-- events
SELECT `k`, `t`, `n`, `x`, `s`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `n` AS `__a1`, `n` AS `__a2`, `x` AS `__a3`, `s` AS `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `half`, `most`, `least`, `x`, `s`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, caudal_call_1(COLLECT_LIST(`__a0`)) AS `half`,
    caudal_call_2(COLLECT_LIST(`__a1`)) AS `most`, caudal_call_3(COLLECT_LIST(`__a2`)) AS `least`,
    caudal_call_4(COLLECT_LIST(`__a3`)) AS `x`, caudal_call_5(COLLECT_LIST(`__a4`)) AS `s`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`, `n` AS `__a0`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_6(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `m`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `k`, `t`, `m`, `__t`, `__w` FROM `running-431b`;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `half`, `most`, `least`, `x`, `s`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, caudal_call_1(COLLECT_LIST(`__a0`)) AS `half`, caudal_call_2(COLLECT_LIST(`__a1`)) AS `most`,
      caudal_call_3(COLLECT_LIST(`__a2`)) AS `least`, caudal_call_4(COLLECT_LIST(`__a3`)) AS `x`,
      caudal_call_5(COLLECT_LIST(`__a4`)) AS `s`
    FROM `window-3c9e marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;

-- running-431b marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__a0`, NULL AS `__t`,
  NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `running-431b rows`;

-- running-431b stepped (walked by key)
SELECT `__k0`, `__e`,
  caudal_call_6(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `running-431b marked`;

-- running-431b calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__x3` AS `__x3`, u.`__x4` AS `__x4`, u.`__k0` AS `__k0`,
  u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`
FROM (
  SELECT caudal_call_7(`made`) AS `u` FROM `running-431b stepped` WHERE `made` <> ''
) AS x;
