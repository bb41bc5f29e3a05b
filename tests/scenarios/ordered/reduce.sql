---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- fold rows
SELECT `k` AS `__k0`, `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- fold numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, `__s` AS `__os`, `__p` AS `__op`,
  `__o` AS `__oo`
FROM `fold rows`;

-- fold calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__os>` AS `__os`, r.`__op>` AS `__op`, r.`__oo>` AS `__oo`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__a0`, `__a1`, `__a2`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__os` INT, `__op` BIGINT, `__oo` BIGINT, `__a0` STRING, `__a1` BIGINT, `__a2` BIGINT>)) AS `__rows`
  FROM `fold numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__t>`, `__w>`, `__os>`, `__op>`, `__oo>`, `__z0>`, `__z1>`, `__reason>`, `__message>`, `__detail>`);

-- fold failing
SELECT `__t`, `__w`, `__reason`, `__message`, `__detail`, `__os` AS `__s`, `__op` AS `__p`, `__oo` AS `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `fold calls`;

-- fold
SELECT `__k0` AS `k`, `__z0` AS `total`, `__z1` AS `rows`, `__t`, `__w` FROM `fold calls` WHERE `__reason` IS NULL;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- fold rows
SELECT `k` AS `__k0`, `k` AS `__a0`, `t` AS `__a1`, `n` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- fold numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, `__s` AS `__os`, `__p` AS `__op`,
  `__o` AS `__oo`
FROM `fold rows`;

-- fold calls
SELECT `__k0`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__z0`, `__z1`, `__reason`, `__message`, `__detail`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__os`, `__op`, `__oo`, `__a0`, `__a1`, `__a2`)) AS `__rows`
  FROM `fold numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__os`, `__op`, `__oo`, `__z0`, `__z1`, `__reason`, `__message`, `__detail`;

-- fold failing
SELECT `__t`, `__w`, `__reason`, `__message`, `__detail`, `__os` AS `__s`, `__op` AS `__p`, `__oo` AS `__o`, 0L AS `__n`
FROM `fold calls`;

-- fold
SELECT `__k0` AS `k`, `__z0` AS `total`, `__z1` AS `rows`, `__t`, `__w` FROM `fold calls` WHERE `__reason` IS NULL;

---- spark, over unbounded input

-- fold marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `fold rows`;

-- fold stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__a0`, `__a1`, `__a2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `fold marked`;

-- fold calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__s` AS `__s`, u.`__p` AS `__p`, u.`__o` AS `__o`, u.`__z0` AS `__z0`,
  u.`__z1` AS `__z1`, u.`__reason` AS `__reason`, u.`__message` AS `__message`, u.`__detail` AS `__detail`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `fold stepped` WHERE `made` <> ''
) AS x;

-- fold failing
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__reason`, `__message`, `__detail` FROM `fold calls`;
