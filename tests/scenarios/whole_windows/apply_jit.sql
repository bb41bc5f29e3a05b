---- flink

-- events
SELECT `t`, `x`, `other`, `__t`, `__w`, CAST(5 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- apply-17cc rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- apply-17cc windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `apply-17cc rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- apply-17cc ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `apply-17cc windows`;

-- apply-17cc calls
SELECT `window_start`, `window_end`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`
FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` DOUBLE>)) AS `__rows`
  FROM `apply-17cc ranked`
  GROUP BY `window_start`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`, `window_start`, `window_end`)) AS r(`__i>`, `__x0>`, `__x1>`, `__reason>`, `__message>`, `__detail>`);

-- apply-17cc failing
SELECT *, `window_end` - 1 AS `__t` FROM `apply-17cc calls`;

-- apply-17cc
SELECT `window_start`, `window_end`, `__x0` AS `gap`, `__x1` AS `at`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM `apply-17cc calls`
WHERE `__reason` IS NULL;

---- spark

-- events
SELECT `t`, `x`, `other`, `__t`, `__w`, 5 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- apply-17cc rows
SELECT `t` AS `__x0`, `x` AS `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- apply-17cc windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end`
  FROM `apply-17cc rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- apply-17cc ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `apply-17cc windows`;

-- apply-17cc calls
SELECT `window_start`, `window_end`, `__i`, `__x0`, `__x1`, `__reason`, `__message`, `__detail`
FROM (
SELECT `window_start`, `window_end`, caudal_call_1(`__rows`, `window_start`, `window_end`) AS `__made` FROM (
  SELECT `window_start`, `window_start` + 10000 AS `window_end`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`)) AS `__rows`
  FROM `apply-17cc ranked`
  GROUP BY `window_start`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`, `__reason`, `__message`, `__detail`;

-- apply-17cc failing
SELECT *, `window_end` - 1 AS `__t` FROM `apply-17cc calls`;

-- apply-17cc
SELECT `window_start`, `window_end`, `__x0` AS `gap`, `__x1` AS `at`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM `apply-17cc calls`
WHERE `__reason` IS NULL;

---- spark, over unbounded input

-- apply-17cc marked
SELECT NULL AS `__x0`, NULL AS `__x1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__x0`, `__x1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `apply-17cc windows`;

-- apply-17cc calls
SELECT `window_start`, `window_end`, `__i`, `__x0`, `__x1`, `__reason`, `__message`, `__detail`
FROM (
SELECT `window_start`, `window_end`, caudal_call_1(`__rows`, `window_start`, `window_end`) AS `__made` FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS o, struct(`__x0`, `__x1`) AS v))), (x, i) -> struct(CAST(i + 1 AS BIGINT) AS `__r`, x.v.`__x0` AS `__x0`, x.v.`__x1` AS `__x1`)) AS `__rows`
    FROM `apply-17cc marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`, `__reason`, `__message`, `__detail`;
