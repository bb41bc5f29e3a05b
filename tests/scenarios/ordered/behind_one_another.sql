---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `n` AS `__k1`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(1 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__t`, `__w`, `__s`, `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__o`) AS BIGINT) - 1 AS `__o`, `__n`
FROM `deduplicate-5948 numbered`
WHERE `__r` = 1;

-- running-d975 rows
SELECT `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `deduplicate-5948`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-d975 numbered
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-d975 rows`;

-- running-d975 calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-d975 numbered`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`, `__z0>`, `__z1>`);

-- running-d975
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__z0` AS `c`, `__z1` AS `all`, `__t`, `__w` FROM `running-d975 calls`;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT `k` AS `__k0`, `n` AS `__k1`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__y0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__k1`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__k1` ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS `__r`, 1 AS `__s`,
  0L AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__y0`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__t`, `__w`, `__s`, `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__o`) AS BIGINT) - 1 AS `__o`, `__n`
FROM `deduplicate-5948 numbered`
WHERE `__r` = 1;

-- running-d975 rows
SELECT `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `deduplicate-5948`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-d975 numbered
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-d975 rows`;

-- running-d975 calls
SELECT `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`
FROM (
SELECT caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__a0`)) AS `__rows` FROM `running-d975 numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__z0`, `__z1`;

-- running-d975
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__z0` AS `c`, `__z1` AS `all`, `__t`, `__w` FROM `running-d975 calls`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
