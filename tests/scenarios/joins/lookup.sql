---- flink

-- requests
SELECT `t`, `ip`, `port`, `owner`, `__t`, `__w`, CAST(13 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `requests input`;

-- lookup-bd05
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__c1` AS `owner_table`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- lookup-bd05-2
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x
WHERE `__met` IS NOT NULL;

-- select-8247
SELECT `t`, `ip`, `port`, `service`, `__t`, `__w` FROM `lookup-bd05-2`;

-- lookup-bd05-3
SELECT `t`, `ip`, `port`, `owner`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x
WHERE `__met` IS NULL;

-- select-e810
SELECT `t`, `port`, `__t`, `__w` FROM `lookup-bd05-3`;

-- lookup-bd05-4
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `host`, `__c1` AS `owner2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c0` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- filter-eb48
SELECT `t`, `ip`, `port`, `owner`, `host`, `owner2`, `__t`, `__w` FROM `lookup-bd05-4` WHERE (`owner2` = CAST('x' AS STRING));

-- select-8271
SELECT `t`, `host`, `__t`, `__w` FROM `filter-eb48`;

-- lookup-bd05-5
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__c1` AS `owner_table`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- window-f780 rows
SELECT `service` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `lookup-bd05-5`;

-- window-f780 windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(10000 AS BIGINT)) + CAST(10000 AS BIGINT), CAST(10000 AS BIGINT)) + 10000 AS `window_end`
  FROM `window-f780 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-f780
SELECT `__k0` AS `service`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 10000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-f780 windows`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark

-- requests
SELECT `t`, `ip`, `port`, `owner`, `__t`, `__w`, 13 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `requests input`;

-- lookup-bd05
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__c1` AS `owner_table`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- lookup-bd05-2
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x
WHERE `__met` IS NOT NULL;

-- select-8247
SELECT `t`, `ip`, `port`, `service`, `__t`, `__w` FROM `lookup-bd05-2`;

-- lookup-bd05-3
SELECT `t`, `ip`, `port`, `owner`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x
WHERE `__met` IS NULL;

-- select-e810
SELECT `t`, `port`, `__t`, `__w` FROM `lookup-bd05-3`;

-- lookup-bd05-4
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `host`, `__c1` AS `owner2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c0` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- filter-eb48
SELECT `t`, `ip`, `port`, `owner`, `host`, `owner2`, `__t`, `__w` FROM `lookup-bd05-4` WHERE (`owner2` = 'x');

-- select-8271
SELECT `t`, `host`, `__t`, `__w` FROM `filter-eb48`;

-- lookup-bd05-5
SELECT `t`, `ip`, `port`, `owner`, `__c0` AS `service`, `__c1` AS `owner_table`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`, n.`c3` AS `__c1`
  FROM `requests` AS r LEFT JOIN `table 1` AS n ON r.`ip` = n.`c0` AND r.`port` = n.`c1`
) AS x;

-- window-f780 rows
SELECT `service` AS `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `lookup-bd05-5`;

-- window-f780 windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 10000L) AS `window_start`, `__t` - pmod(`__t`, 10000L) + 10000 AS `window_end`
  FROM `window-f780 rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-f780
SELECT `__k0` AS `service`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 10000 AS `window_end`, COUNT(*) AS `n`
  FROM `window-f780 windows`
  GROUP BY `__k0`, `window_start`
) AS x;

---- spark, over unbounded input

-- window-f780 marked
SELECT NULL AS `__k0`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, NULL AS `window_start`,
  NULL AS `window_end`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, `window_start`, `window_end`,
  timestamp_millis(GREATEST(LEAST(`window_end`, 4600000000000000L), -4600000000000000L) + 4600000000000000L) AS `__e`
FROM `window-f780 windows`;

-- window-f780
SELECT `__k0` AS `service`, `window_start`, `window_end`, `n`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT *, `window_start` + 10000 AS `window_end`
  FROM (
    SELECT `__k0`, `window_start`, COUNT(*) AS `n` FROM `window-f780 marked` GROUP BY `__k0`, `window_start`, `__e`
  ) AS x
) AS x;
