---- flink

-- events
SELECT `t`, `k`, `__t`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- words calls
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`t`, `k`)) AS r(`__i>`, `__x0>`, `__reason>`, `__message>`, `__detail>`);

-- words
SELECT `__x0` AS `word`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `words calls`
WHERE `__reason` IS NULL;

-- window-fc2a rows
SELECT `word` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `words`;

-- window-fc2a windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `window-fc2a rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-fc2a ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-fc2a windows`;

-- window-fc2a
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`,
    COALESCE(caudal_udf_2(ARRAY_AGG(CAST(ROW(`__r0`, `__a0`) AS ROW<`r` BIGINT, `v` STRING>)) FILTER (WHERE `__a0` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS STRING)], CAST(NULL AS STRING))) AS `all`
  FROM `window-fc2a ranked`
  GROUP BY `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `k`, `__t`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- words calls
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__reason`, `__message`, `__detail`
FROM (
SELECT `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`t`, `k`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__reason`, `__message`, `__detail`;

-- words
SELECT `__x0` AS `word`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n`
FROM `words calls`
WHERE `__reason` IS NULL;

-- window-fc2a rows
SELECT `word` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `words`;

-- window-fc2a windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end`
  FROM `window-fc2a rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-fc2a ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a0` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r0`
FROM `window-fc2a windows`;

-- window-fc2a
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`,
    transform(array_sort(COLLECT_LIST(struct(`__r0` AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
  FROM `window-fc2a ranked`
  GROUP BY `window_start`
) AS x;

---- spark, over unbounded input

-- window-fc2a marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-fc2a windows`;

-- window-fc2a
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
    FROM `window-fc2a marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
