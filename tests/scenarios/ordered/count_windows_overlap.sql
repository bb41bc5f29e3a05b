---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 2 THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 2 + 2 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 2 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` / CAST(2 AS BIGINT)) AS BIGINT) - `__i` AS `__g`
  FROM `window-3c9e numbered` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 2 + 3;

-- window-3c9e last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `window-3c9e numbered` WHERE `__q` = `__e`;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__g`, `window_start`, `window_end`, COUNT(*) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) AS `__lt`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `window-3c9e last row`;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 2 THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 2 + 2 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 2 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` div 2L) AS BIGINT) - `__i` AS `__g`
  FROM `window-3c9e numbered` LATERAL VIEW explode(sequence(0L, 1L)) numbers AS `__i`
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 2 + 3;

-- window-3c9e last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `window-3c9e numbered` WHERE `__q` = `__e`;

-- window-3c9e ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `window_start`, `window_end`, `all`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT `__g`, `window_start`, `window_end`, COUNT(*) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) AS `__lw`,
    MAX(`__q`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) AS `__lt`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-3c9e ranked`
  GROUP BY `__g`, `window_start`, `window_end`
) AS x CROSS JOIN `window-3c9e last row`;

---- spark, over unbounded input

-- refused: a window of rows over unbounded input is not known to spark
