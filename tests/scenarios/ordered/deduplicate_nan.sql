---- flink

-- events
SELECT `t`, `x`, `n`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT (CASE WHEN `x` = 0.0E0 THEN 0.0E0 ELSE `x` END) AS `__k0`, `t` AS `__x0`, `x` AS `__x1`, `n` AS `__x2`, `__t`, `__w`, `__s`,
  `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY IF(`__k0` IS NULL, 0, IF(`__k0` <= CAST('Infinity' AS DOUBLE), 1, 2)), IF(`__k0` <= CAST('Infinity' AS DOUBLE), `__k0`, CAST(NULL AS DOUBLE)) ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `n`, `__t`, `__w` FROM `deduplicate-5948 numbered` WHERE `__r` = 1;

-- select-c41a
SELECT `n`, `__t`, `__w` FROM `deduplicate-5948`;

---- spark

-- events
SELECT `t`, `x`, `n`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- deduplicate-5948 rows
SELECT `x` AS `__k0`, `t` AS `__x0`, `x` AS `__x1`, `n` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948
SELECT `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `n`, `__t`, `__w` FROM `deduplicate-5948 numbered` WHERE `__r` = 1;

-- select-c41a
SELECT `n`, `__t`, `__w` FROM `deduplicate-5948`;

---- spark, over unbounded input

-- deduplicate-5948 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `deduplicate-5948 marked`;

-- deduplicate-5948 calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `deduplicate-5948 stepped` WHERE `made` <> ''
) AS x;

-- deduplicate-5948
SELECT `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `n`, `__t`, `__w` FROM `deduplicate-5948 calls`;
