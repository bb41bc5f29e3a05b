---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- run rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__a0`, `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `run rows`;

-- run calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT, `__a1` BIGINT>)) AS `__rows`
  FROM `run numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- run
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__z0` AS `total`, `__z1` AS `all`, `__t`, `__w` FROM `run calls`;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- run rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__a0`, `n` AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `run rows`;

-- run calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, `__a1`)) AS `__rows`
  FROM `run numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`;

-- run
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__z0` AS `total`, `__z1` AS `all`, `__t`, `__w` FROM `run calls`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
