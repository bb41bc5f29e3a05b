---- flink

-- events
SELECT `n`, `t`, `k`, `m`, `__t`, `__w`, CAST(6 AS INT) AS `__s`, `__p`, `__o`, `__n` FROM `events input`;

-- seconds rows
SELECT `k` AS `__a1`, `m` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- seconds windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `seconds rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- seconds ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r2`
FROM `seconds windows`;

-- seconds
SELECT `window_start`, `window_end`, `n`, `all`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`,
    COALESCE(caudal_udf_1(ARRAY_AGG(CAST(ROW(`__r1`, `__a1`) AS ROW<`r` BIGINT, `v` STRING>)) FILTER (WHERE `__a1` IS NOT NULL)), ARRAY_REMOVE(ARRAY[CAST(NULL AS STRING)], CAST(NULL AS STRING))) AS `all`,
    FIRST_VALUE(CASE WHEN `__r2` = 1 THEN `__a2` END) AS `last`
  FROM `seconds ranked`
  GROUP BY `window_start`
) AS x;

-- before rows
SELECT `k` AS `__k0`, `n` AS `__x0`, `t` AS `__x1`, `k` AS `__x2`, `m` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- before numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `before rows`;

-- before calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` STRING, `__x2` STRING, `__x3` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `before numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__t>`, `__w>`, `__z0>`);

-- before
SELECT `__x0` AS `n`, `__x1` AS `t`, `__x2` AS `k`, `__x3` AS `m`, `__z0` AS `before`, `__t`, `__w` FROM `before calls`;

-- select-205a
SELECT `k`, `t`, `before`, `__t`, `__w` FROM `before`;

-- select-ecc5
SELECT `n`, `k`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

---- spark

-- events
SELECT `n`, `t`, `k`, `m`, `__t`, `__w`, 6 AS `__s`, `__p`, `__o`, `__n` FROM `events input`;

-- seconds rows
SELECT `k` AS `__a1`, `m` AS `__a2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- seconds windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `seconds rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- seconds ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`,
  ROW_NUMBER() OVER (PARTITION BY `window_start` ORDER BY CASE WHEN `__a2` IS NULL THEN 1 ELSE 0 END, `__t` DESC, `__s` DESC, `__p` DESC, `__o` DESC, `__n` DESC) AS `__r2`
FROM `seconds windows`;

-- seconds
SELECT `window_start`, `window_end`, `n`, `all`, `last`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`,
    transform(array_sort(COLLECT_LIST(struct(`__r1` AS r, `__a1` AS v)) FILTER (WHERE `__a1` IS NOT NULL)), x -> x.v) AS `all`,
    FIRST(CASE WHEN `__r2` = 1 THEN `__a2` END, TRUE) AS `last`
  FROM `seconds ranked`
  GROUP BY `window_start`
) AS x;

-- before rows
SELECT `k` AS `__k0`, `n` AS `__x0`, `t` AS `__x1`, `k` AS `__x2`, `m` AS `__x3`, `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- before numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `before rows`;

-- before calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `before numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__t`, `__w`, `__z0`;

-- before
SELECT `__x0` AS `n`, `__x1` AS `t`, `__x2` AS `k`, `__x3` AS `m`, `__z0` AS `before`, `__t`, `__w` FROM `before calls`;

-- select-205a
SELECT `k`, `t`, `before`, `__t`, `__w` FROM `before`;

-- select-ecc5
SELECT `n`, `k`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

---- spark, over unbounded input

-- refused: with_event_time over unbounded input is not known to spark
