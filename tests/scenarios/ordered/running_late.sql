---- flink

-- events
SELECT `k`, `t`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- run rows
SELECT `k` AS `__x0`, `t` AS `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r` FROM `run rows`;

-- run calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `run numbered`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__t>`, `__w>`, `__z0>`);

-- run
SELECT `__x0` AS `k`, `__x1` AS `t`, `__z0` AS `c`, `__t`, `__w` FROM `run calls`;

---- spark

-- events
SELECT `k`, `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- run rows
SELECT `k` AS `__x0`, `t` AS `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r` FROM `run rows`;

-- run calls
SELECT `__x0`, `__x1`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__t`, `__w`)) AS `__rows` FROM `run numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__t`, `__w`, `__z0`;

-- run
SELECT `__x0` AS `k`, `__x1` AS `t`, `__z0` AS `c`, `__t`, `__w` FROM `run calls`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
