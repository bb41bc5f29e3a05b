---- flink

-- left
SELECT `t`, `ip`, `n`, `__t`, `__w`, CAST(7 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `left input`;

-- select-a76a
SELECT CAST('left' AS STRING) AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS STRING) AS `src`,
  CAST(NULL AS BIGINT) AS `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `src`, `n`, `__t`, `__w`, CAST(10 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `right input`;

-- select-5fa8
SELECT CAST('right' AS STRING) AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `n`,
  `t` AS `t_right`, `src`, `n` AS `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `ip`, `n`, `t_right`, `src`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `t_right`, `src`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-5fa8`;

-- both rows
SELECT COALESCE(`ip`, `src`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `ip` AS `__x2`, `n` AS `__x3`, `t_right` AS `__x4`,
  `src` AS `__x5`, `n_right` AS `__x6`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`;

-- both windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(5000 AS BIGINT)) + CAST(5000 AS BIGINT), CAST(5000 AS BIGINT)) + 5000 AS `window_end`
  FROM `both rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- both ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `both windows`;

-- both calls
SELECT `__k0`, `window_start`, `window_end`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 5000 AS `window_end`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` STRING, `__x3` BIGINT, `__x4` BIGINT, `__x5` STRING, `__x6` BIGINT>)) AS `__rows`
  FROM `both ranked`
  GROUP BY `__k0`, `window_start`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`, `window_start`, `window_end`)) AS r(`__i>`, `__x0>`, `__x1>`, `__x2>`, `__reason>`, `__message>`, `__detail>`);

-- both failing
SELECT *, `window_end` - 1 AS `__t` FROM `both calls`;

-- both
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `__x0` AS `mine`, `__x1` AS `theirs`, `__x2` AS `end`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `both calls`
WHERE `__reason` IS NULL;

---- spark

-- left
SELECT `t`, `ip`, `n`, `__t`, `__w`, 7 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `left input`;

-- select-a76a
SELECT 'left' AS `side`, `t`, `ip`, `n`, CAST(NULL AS BIGINT) AS `t_right`, CAST(NULL AS STRING) AS `src`,
  CAST(NULL AS BIGINT) AS `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `left`;

-- right
SELECT `t`, `src`, `n`, `__t`, `__w`, 10 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `right input`;

-- select-5fa8
SELECT 'right' AS `side`, CAST(NULL AS BIGINT) AS `t`, CAST(NULL AS STRING) AS `ip`, CAST(NULL AS BIGINT) AS `n`, `t` AS `t_right`,
  `src`, `n` AS `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `right`;

-- union-19d6
SELECT `side`, `t`, `ip`, `n`, `t_right`, `src`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n`
FROM `select-a76a`
UNION ALL
SELECT `side`, `t`, `ip`, `n`, `t_right`, `src`, `n_right`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n`
FROM `select-5fa8`;

-- both rows
SELECT coalesce(`ip`, `src`) AS `__k0`, `side` AS `__x0`, `t` AS `__x1`, `ip` AS `__x2`, `n` AS `__x3`, `t_right` AS `__x4`,
  `src` AS `__x5`, `n_right` AS `__x6`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `union-19d6`;

-- both windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 5000L) AS `window_start`, `__t` - pmod(`__t`, 5000L) + 5000 AS `window_end` FROM `both rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- both ranked
SELECT *, ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `both windows`;

-- both calls
SELECT `__k0`, `window_start`, `window_end`, `__i`, `__x0`, `__x1`, `__x2`, `__reason`, `__message`, `__detail`
FROM (
SELECT `__k0`, `window_start`, `window_end`, caudal_call_1(`__rows`, `window_start`, `window_end`) AS `__made` FROM (
  SELECT `__k0`, `window_start`, `window_start` + 5000 AS `window_end`,
    COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`)) AS `__rows`
  FROM `both ranked`
  GROUP BY `__k0`, `window_start`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`, `__x2`, `__reason`, `__message`, `__detail`;

-- both failing
SELECT *, `window_end` - 1 AS `__t` FROM `both calls`;

-- both
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `__x0` AS `mine`, `__x1` AS `theirs`, `__x2` AS `end`, `window_end` - 1 AS `__t`,
  CAST(NULL AS BIGINT) AS `__w`
FROM `both calls`
WHERE `__reason` IS NULL;

---- spark, over unbounded input

-- both marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__x3`, NULL AS `__x4`, NULL AS `__x5`, NULL AS `__x6`,
  NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`,
  `window_end`, timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `both windows`;

-- both calls
SELECT `__k0`, `window_start`, `window_end`, `__i`, `__x0`, `__x1`, `__x2`, `__reason`, `__message`, `__detail`
FROM (
SELECT `__k0`, `window_start`, `window_end`, caudal_call_1(`__rows`, `window_start`, `window_end`) AS `__made` FROM (
  SELECT *, `window_start` + 5000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS o, struct(`__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__x5`, `__x6`) AS v))), (x, i) -> struct(CAST(i + 1 AS BIGINT) AS `__r`, x.v.`__x0` AS `__x0`, x.v.`__x1` AS `__x1`, x.v.`__x2` AS `__x2`, x.v.`__x3` AS `__x3`, x.v.`__x4` AS `__x4`, x.v.`__x5` AS `__x5`, x.v.`__x6` AS `__x6`)) AS `__rows`
    FROM `both marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__x1`, `__x2`, `__reason`, `__message`, `__detail`;
