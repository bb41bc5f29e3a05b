---- flink

-- web
SELECT `ip`, `t`, `__t`, `__w`, CAST(7 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `web input`;

-- ssh
SELECT `ip`, `t`, `__t`, `__w`, CAST(4 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `ssh input`;

-- union-a102
SELECT `ip`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `web`
UNION ALL
SELECT `ip`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `ssh`;

-- window-a2cb rows
SELECT `ip` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `union-a102`;

-- window-a2cb windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) + 3000 AS `window_end`
  FROM `window-a2cb rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-a2cb
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 3000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-a2cb windows`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark

-- web
SELECT `ip`, `t`, `__t`, `__w`, 7 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `web input`;

-- ssh
SELECT `ip`, `t`, `__t`, `__w`, 4 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `ssh input`;

-- union-a102
SELECT `ip`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 0 AS `__n` FROM `web`
UNION ALL
SELECT `ip`, `t`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` * 2 + 1 AS `__n` FROM `ssh`;

-- window-a2cb rows
SELECT `ip` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `union-a102`;

-- window-a2cb windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3000L) AS `window_start`, `__t` - pmod(`__t`, 3000L) + 3000 AS `window_end` FROM `window-a2cb rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-a2cb
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 3000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-a2cb windows`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark, over unbounded input

-- window-a2cb marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-a2cb windows`;

-- window-a2cb
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `window-a2cb marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
