---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER (PARTITION BY `__k0`) AS `__m`,
  COUNT(*) OVER () AS `__e`
FROM `pairs rows`;

-- pairs windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 2 THEN `__t` END) OVER (PARTITION BY `__k0`, `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 2 + 1 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__k0`, `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 2 + 1 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` / CAST(2 AS BIGINT)) AS BIGINT) - `__i` AS `__g`
  FROM `pairs numbered` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 2 + 2;

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `pairs numbered` WHERE `__q` = `__e`;

-- pairs ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `pairs windows`;

-- pairs
SELECT `__k0` AS `k`, `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__k0`, `__g`, `window_start`, `window_end`, COUNT(*) = 2 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) AS `__lt`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `pairs ranked`
  GROUP BY `__k0`, `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `pairs last row`;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- pairs rows
SELECT `k` AS `__k0`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- pairs numbered
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER (PARTITION BY `__k0`) AS `__m`,
  COUNT(*) OVER () AS `__e`
FROM `pairs rows`;

-- pairs windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 2 THEN `__t` END) OVER (PARTITION BY `__k0`, `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 2 + 1 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__k0`, `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 2 + 1 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` div 2L) AS BIGINT) - `__i` AS `__g`
  FROM `pairs numbered` LATERAL VIEW explode(sequence(0L, 0L)) numbers AS `__i`
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 2 + 2;

-- pairs last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `pairs numbered` WHERE `__q` = `__e`;

-- pairs ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `pairs windows`;

-- pairs
SELECT `__k0` AS `k`, `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__k0`, `__g`, `window_start`, `window_end`, COUNT(*) = 2 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) AS `__lt`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `pairs ranked`
  GROUP BY `__k0`, `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `pairs last row`;

---- spark, over unbounded input

-- refused: a window of rows over unbounded input is not known to spark
