---- flink

-- events
SELECT `k`, `n`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__w`, `__a0`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__w>`, `__z0>`);

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `n`, `__z0` AS `total`, `__w` FROM `running-431b calls`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 3 THEN CAST(NULL AS BIGINT) END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN CAST(NULL AS BIGINT) END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` / CAST(3 AS BIGINT)) AS BIGINT) - `__i` AS `__g`
  FROM `window-3c9e numbered` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 3 + 3;

-- window-3c9e last row
SELECT `__w` AS `__ew` FROM `window-3c9e numbered` WHERE `__q` = `__e`;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__g`, `window_start`, `window_end`, COUNT(*) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`,
    COALESCE(caudal_udf_2(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `window-3c9e last row`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `n` AS `__x1`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `n`, `__w` FROM `deduplicate-5948 numbered` WHERE `__r` = 1;

---- spark

-- events
SELECT `k`, `n`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__w`, `__a0`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__w`, `__a0`)) AS `__rows` FROM `running-431b numbered` GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__w`, `__z0`;

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `n`, `__z0` AS `total`, `__w` FROM `running-431b calls`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 3 THEN CAST(NULL AS BIGINT) END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN CAST(NULL AS BIGINT) END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` div 3L) AS BIGINT) - `__i` AS `__g`
  FROM `window-3c9e numbered` LATERAL VIEW explode(sequence(0L, 0L)) numbers AS `__i`
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 3 + 3;

-- window-3c9e last row
SELECT `__w` AS `__ew` FROM `window-3c9e numbered` WHERE `__q` = `__e`;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__g`, `window_start`, `window_end`, COUNT(*) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `window-3c9e last row`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `n` AS `__x1`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `n`, `__w` FROM `deduplicate-5948 numbered` WHERE `__r` = 1;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
