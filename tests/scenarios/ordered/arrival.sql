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
SELECT `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e rows`;

-- window-3c9e calls
SELECT r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__w`, `__o`, `__a0`) AS ROW<`__r` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `window-3c9e numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- window-3c9e last row
SELECT `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `all`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e calls` CROSS JOIN `window-3c9e last row`;

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
SELECT `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e rows`;

-- window-3c9e calls
SELECT `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__w`, `__o`, `__a0`)) AS `__rows` FROM `window-3c9e numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- window-3c9e last row
SELECT `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `all`, CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e calls` CROSS JOIN `window-3c9e last row`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `n` AS `__x1`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `n`, `__w` FROM `deduplicate-5948 numbered` WHERE `__r` = 1;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
