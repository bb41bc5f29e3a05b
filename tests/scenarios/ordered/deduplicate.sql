---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- once rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- once numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `once rows`;

-- once
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__t`, `__w` FROM `once numbered` WHERE `__r` = 1;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- once rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- once numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `once rows`;

-- once
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__t`, `__w` FROM `once numbered` WHERE `__r` = 1;

---- spark, over unbounded input

-- once marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `once rows`;

-- once stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `once marked`;

-- once calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `once stepped` WHERE `made` <> ''
) AS x;

-- once
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__t`, `__w` FROM `once calls`;
