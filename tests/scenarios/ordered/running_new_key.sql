---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- running-431b rows
SELECT MOD(MOD(`n`, CAST(2 AS BIGINT)) + CAST(2 AS BIGINT), CAST(2 AS BIGINT)) AS `__k0`, `t` AS `__x0`, `n` AS `__x1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__t`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` BIGINT, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__t>`, `__w>`, `__z0>`);

-- running-431b
SELECT `__x0` AS `t`, `__x1` AS `n`, `__k0` AS `odd`, `__z0` AS `c`, `__t`, `__w` FROM `running-431b calls`;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- running-431b rows
SELECT pmod(`n`, 2L) AS `__k0`, `t` AS `__x0`, `n` AS `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__t`, `__w`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__t`, `__w`)) AS `__rows` FROM `running-431b numbered` GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__t`, `__w`, `__z0`;

-- running-431b
SELECT `__x0` AS `t`, `__x1` AS `n`, `__k0` AS `odd`, `__z0` AS `c`, `__t`, `__w` FROM `running-431b calls`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
