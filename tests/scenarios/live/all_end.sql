---- spark, over unbounded input

-- events
SELECT `k`, `t`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- counts rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- counts windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `counts rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- counts marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `counts windows`;

-- counts
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `counts marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
