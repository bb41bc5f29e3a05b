---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-52b9 numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `top-52b9 rows`;

-- top-52b9 windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 3 THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` / CAST(3 AS BIGINT)) AS BIGINT) - `__i` AS `__g`
  FROM `top-52b9 numbered` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 3 + 3;

-- top-52b9 last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `top-52b9 numbered` WHERE `__q` = `__e`;

-- top-52b9 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  COUNT(*) OVER (PARTITION BY `__g`) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) OVER (PARTITION BY `__g`) AS `__lw`,
  MAX(`__q`) OVER (PARTITION BY `__g`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) OVER (PARTITION BY `__g`) AS `__lt`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT * FROM `top-52b9 ranked` WHERE `__r` <= 1
) AS x CROSS JOIN `top-52b9 last row`;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- top-52b9 rows
SELECT `t` AS `__x0`, `n` AS `__x1`, `n` AS `__b0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- top-52b9 numbered
SELECT *, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) - 1 AS `__h`,
  ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__q`, COUNT(*) OVER () AS `__m`, COUNT(*) OVER () AS `__e`
FROM `top-52b9 rows`;

-- top-52b9 windows
SELECT *, MAX(CASE WHEN `__h` = `__g` * 3 THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_start`,
  MAX(CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN `__t` END) OVER (PARTITION BY `__g`) AS `window_end`,
  CASE WHEN (`__h` = `__g` * 3 + 2 OR `__h` = `__m` - 1) THEN 1 ELSE 0 END AS `__l`
FROM (
  SELECT *, CAST((`__h` div 3L) AS BIGINT) - `__i` AS `__g`
  FROM `top-52b9 numbered` LATERAL VIEW explode(sequence(0L, 0L)) numbers AS `__i`
) AS x
WHERE `__g` >= 0 AND `__h` < `__g` * 3 + 3;

-- top-52b9 last row
SELECT `__t` AS `__et`, `__w` AS `__ew` FROM `top-52b9 numbered` WHERE `__q` = `__e`;

-- top-52b9 ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__g` ORDER BY `__b0` DESC, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  COUNT(*) OVER (PARTITION BY `__g`) = 3 AS `__v`, MAX(CASE WHEN `__l` = 1 THEN `__w` END) OVER (PARTITION BY `__g`) AS `__lw`,
  MAX(`__q`) OVER (PARTITION BY `__g`) AS `__lq`, MAX(CASE WHEN `__l` = 1 THEN `__t` END) OVER (PARTITION BY `__g`) AS `__lt`
FROM `top-52b9 windows`;

-- top-52b9
SELECT `window_start`, `window_end`, `__x0` AS `t`, `__x1` AS `n`, CASE WHEN `__v` THEN `__lt` ELSE `__et` END AS `__t`,
  CASE WHEN `__v` THEN `__lw` ELSE `__ew` END AS `__w`
FROM (
  SELECT * FROM `top-52b9 ranked` WHERE `__r` <= 1
) AS x CROSS JOIN `top-52b9 last row`;

---- spark, over unbounded input

-- refused: a window of rows over unbounded input is not known to spark
