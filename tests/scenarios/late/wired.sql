---- flink

-- events
SELECT `ip`, `t`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `ip` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(3000 AS BIGINT)) + CAST(3000 AS BIGINT), CAST(3000 AS BIGINT)) + 3000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 3000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- late-6a9e
SELECT `ip`, `t`, `__t` AS `late_time`, `__hs` AS `late_source`, `__hp` AS `late_partition`, `__o` AS `late_position`,
  CAST('window-3c9e' AS STRING) AS `late_operator`, `__w` AS `late_watermark`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`source` AS `__hs`, n.`partition` AS `__hp`, n.`made` AS `__hm`
  FROM `window-3c9e late rows` AS r LEFT JOIN `partitions` AS n ON r.`__s` = n.`s` AND r.`__p` = n.`p`
) AS x;

-- filter-65bd
SELECT `ip`, `t`, `late_time`, `late_source`, `late_partition`, `late_position`, `late_operator`, `late_watermark`, `__t`, `__w`
FROM `late-6a9e`
WHERE (`ip` = CAST('b' AS STRING));

-- select-620a
SELECT `ip`, (`late_watermark` - `late_time`) AS `behind`, `__t`, `__w` FROM `filter-65bd`;

---- spark

-- events
SELECT `ip`, `t`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `ip` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 3000L) AS `window_start`, `__t` - pmod(`__t`, 3000L) + 3000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 3000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- late-6a9e
SELECT `ip`, `t`, `__t` AS `late_time`, `__hs` AS `late_source`, `__hp` AS `late_partition`, `__o` AS `late_position`,
  'window-3c9e' AS `late_operator`, `__w` AS `late_watermark`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`source` AS `__hs`, n.`partition` AS `__hp`, n.`made` AS `__hm`
  FROM `window-3c9e late rows` AS r LEFT JOIN `partitions` AS n ON r.`__s` = n.`s` AND r.`__p` = n.`p`
) AS x;

-- filter-65bd
SELECT `ip`, `t`, `late_time`, `late_source`, `late_partition`, `late_position`, `late_operator`, `late_watermark`, `__t`, `__w`
FROM `late-6a9e`
WHERE (`ip` = 'b');

-- select-620a
SELECT `ip`, (`late_watermark` - `late_time`) AS `behind`, `__t`, `__w` FROM `filter-65bd`;

---- spark, over unbounded input

-- window-3c9e marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-3c9e windows`;

-- window-3c9e
SELECT `__k0` AS `ip`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 3000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `window-3c9e marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;

-- late-6a9e
SELECT `ip`, `t`, `__t` AS `late_time`, `__hs` AS `late_source`, `__hp` AS `late_partition`,
  COALESCE(`__o`, CAST(NULL AS BIGINT)) AS `late_position`, 'window-3c9e' AS `late_operator`, `__w` AS `late_watermark`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT *, x.`__hh`.`source` AS `__hs`, x.`__hh`.`partition` AS `__hp`, x.`__hh`.`made` AS `__hm`
  FROM (
    SELECT *, caudal_call_1(`__s`, `__p`) AS `__hh` FROM `window-3c9e late rows`
  ) AS x
) AS x;
