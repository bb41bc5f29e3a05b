---- flink

-- events
SELECT `k`, `t`, `x`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `x` AS `__x2`, `x` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` DOUBLE, `__t` BIGINT, `__w` BIGINT, `__a0` DOUBLE>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `x`, `__z0` AS `c`, `__z1` AS `low`, `__t`, `__w` FROM `running-431b calls`;

---- spark

-- events
SELECT `k`, `t`, `x`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `x` AS `__x2`, `x` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`;

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `x`, `__z0` AS `c`, `__z1` AS `low`, `__t`, `__w` FROM `running-431b calls`;

---- spark, over unbounded input

-- running-431b marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`,
  NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `running-431b rows`;

-- running-431b stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__a0`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `running-431b marked`;

-- running-431b calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`,
  u.`__z0` AS `__z0`, u.`__z1` AS `__z1`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `running-431b stepped` WHERE `made` <> ''
) AS x;
