---- spark, over unbounded input

-- left
SELECT `n`, `t`, `__t`, `__w`, 5 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `left input`;

-- right
SELECT `n`, `t`, `__t`, `__w`, 8 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `right input`;

-- union-f8f5
SELECT `n`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `left`
UNION ALL
SELECT `n`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `right`;

-- counts rows
SELECT `n` AS `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `union-f8f5`;

-- counts windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `counts rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- counts marked
SELECT NULL AS `__a0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__a0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `counts windows`;

-- counts
SELECT `window_start`, `window_end`, `all`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `window_start`,
      transform(array_sort(COLLECT_LIST(struct(struct(`__t`, `__s`, `__p`, `__o`, `__n`) AS r, `__a0` AS v)) FILTER (WHERE `__a0` IS NOT NULL)), x -> x.v) AS `all`
    FROM `counts marked`
    GROUP BY `window_start`, `__e`
  ) AS x
) AS x;
