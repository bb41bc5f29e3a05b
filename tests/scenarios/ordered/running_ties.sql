---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- running-431b rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__t>`, `__w>`, `__z0>`);

-- running-431b
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `all`, `__t`, `__w` FROM `running-431b calls`;

-- running-431b-2 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `n` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b-2 numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b-2 rows`;

-- running-431b-2 calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b-2 numbered`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__t>`, `__w>`, `__z0>`);

-- running-431b-2
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `total`, `__t`, `__w` FROM `running-431b-2 calls`;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- running-431b rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__x0`, `__x1`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__a0`)) AS `__rows` FROM `running-431b numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__t`, `__w`, `__z0`;

-- running-431b
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `all`, `__t`, `__w` FROM `running-431b calls`;

-- running-431b-2 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `n` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b-2 numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b-2 rows`;

-- running-431b-2 calls
SELECT `__x0`, `__x1`, `__t`, `__w`, `__z0`
FROM (
SELECT caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__a0`)) AS `__rows` FROM `running-431b-2 numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__t`, `__w`, `__z0`;

-- running-431b-2
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `total`, `__t`, `__w` FROM `running-431b-2 calls`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
