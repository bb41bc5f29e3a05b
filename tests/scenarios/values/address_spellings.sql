---- flink

-- events
SELECT `t`, `ip`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- filter-237a
SELECT `t`, `ip`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE ((NOT caudal_in_cidr(RAND(), `ip`)) OR (caudal_in_cidr_2(RAND(), `ip`) IS NULL));

-- window-2b83 rows
SELECT caudal_canonical(RAND(), `ip`) AS `__k0`, caudal_ip_prefix(RAND(), `ip`) AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-237a`;

-- window-2b83 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-2b83 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-2b83 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-2b83 windows`;

-- window-2b83
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `net`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`,
    FIRST_VALUE(CASE WHEN `__r1` = 1 THEN `__a1` END) AS `net`
  FROM `window-2b83 ranked`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark

-- events
SELECT `t`, `ip`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- filter-237a
SELECT `t`, `ip`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE ((NOT caudal_in_cidr(`ip`)) OR (caudal_in_cidr_2(`ip`) IS NULL));

-- window-2b83 rows
SELECT caudal_canonical(`ip`) AS `__k0`, caudal_ip_prefix(`ip`) AS `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `filter-237a`;

-- window-2b83 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-2b83 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-2b83 ranked
SELECT *,
  ROW_NUMBER() OVER (PARTITION BY `__k0`, `window_start` ORDER BY CASE WHEN `__a1` IS NULL THEN 1 ELSE 0 END, `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r1`
FROM `window-2b83 windows`;

-- window-2b83
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `net`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, COUNT(*) AS `n`,
    FIRST(CASE WHEN `__r1` = 1 THEN `__a1` END, TRUE) AS `net`
  FROM `window-2b83 ranked`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark, over unbounded input

-- window-2b83 marked
SELECT NULL AS `__k0`, NULL AS `__a1`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`,
  NULL AS `window_start`, NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a1`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-2b83 windows`;

-- window-2b83
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `net`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 1000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n`,
      MIN_BY(`__a1`, struct(`__t`, `__s`, `__p`, `__o`, `__n`)) FILTER (WHERE `__a1` IS NOT NULL) AS `net`
    FROM `window-2b83 marked`
    GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
