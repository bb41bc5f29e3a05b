---- flink

-- events
SELECT `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- grown rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- grown windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(30000 AS BIGINT)) + CAST(30000 AS BIGINT), CAST(30000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(30000 AS BIGINT)) + CAST(30000 AS BIGINT), CAST(30000 AS BIGINT)) + (`__i` + 1) * 10000 AS `window_end`
  FROM `grown rows` CROSS JOIN UNNEST(ARRAY[CAST(0 AS BIGINT), CAST(1 AS BIGINT), CAST(2 AS BIGINT)]) AS numbers(`__i`)
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`) AND `__t` < `window_end`;

-- grown ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start`, `window_end` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `grown windows`;

-- grown
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` BIGINT>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS BIGINT)], CAST(NULL AS BIGINT))) AS `all`
  FROM `grown ranked`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark

-- events
SELECT `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- grown rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- grown windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 30000L) AS `window_start`, `__t` - pmod(`__t`, 30000L) + (`__i` + 1) * 10000 AS `window_end`
  FROM `grown rows` LATERAL VIEW explode(sequence(0L, 2L)) numbers AS `__i`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`) AND `__t` < `window_end`;

-- grown ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start`, `window_end` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `grown windows`;

-- grown
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `grown ranked`
  GROUP BY `window_start`, `window_end`
) AS x;

---- spark, over unbounded input

-- grown marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `grown windows`;

-- grown
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_end`,
    transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `grown marked`
  GROUP BY `window_start`, `window_end`, `__e`
) AS x;
