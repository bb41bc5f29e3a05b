---- spark, over unbounded input

-- events
SELECT `k`, `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events` WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(`__t` + 1, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e rows`;

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, unix_millis(`__sw`.start) - 4600000000000001L AS `window_start`, unix_millis(`__sw`.end) - 4600000000000001L AS `window_end`
  FROM (
    SELECT `__k0`, session_window(`__e`, '500 milliseconds') AS `__sw`, COUNT(*) AS `n`
    FROM `window-3c9e marked`
    GROUP BY `__k0`, session_window(`__e`, '500 milliseconds')
  ) AS x
) AS x;
