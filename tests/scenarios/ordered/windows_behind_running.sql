---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- run rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(8 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `run rows`;

-- run calls
SELECT r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__s>` AS `__s`, r.`__p>` AS `__p`, r.`__o>` AS `__o`, r.`__n>` AS `__n`, r.`__z0>` AS `__z0`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` BIGINT, `__t` BIGINT, `__w` BIGINT, `__s` INT, `__p` BIGINT, `__o` BIGINT, `__n` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `run numbered`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__t>`, `__w>`, `__s>`, `__p>`, `__o>`, `__n>`, `__z0>`);

-- run
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `total`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `run calls`;

-- behind rows
SELECT `total` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `run`;

-- behind windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(2000 AS BIGINT)) + CAST(2000 AS BIGINT), CAST(2000 AS BIGINT)) + 2000 AS `window_end`
  FROM `behind rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- behind ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `behind windows`;

-- behind
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    COALESCE(caudal_udf_2(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `behind ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- run rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- run numbered
SELECT `__x0`, `__x1`, `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`, 8 AS `__s`,
  0L AS `__p`, CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`, 0L AS `__n`
FROM `run rows`;

-- run calls
SELECT `__x0`, `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`
FROM (
SELECT caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__a0`)) AS `__rows`
  FROM `run numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__z0`;

-- run
SELECT `__x0` AS `t`, `__x1` AS `n`, `__z0` AS `total`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `run calls`;

-- behind rows
SELECT `total` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `run`;

-- behind windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 2000L) AS `window_start`, `__t` - pmod(`__t`, 2000L) + 2000 AS `window_end` FROM `behind rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- behind ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `behind windows`;

-- behind
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 2000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `behind ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
