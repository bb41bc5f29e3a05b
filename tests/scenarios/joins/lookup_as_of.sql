---- flink

-- logins
SELECT `t`, `ip`, `__t`, `__w` FROM `logins input`;

-- lookup-991b found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_pandas_1(`ip`, COALESCE(`__t`, CAST(0 AS BIGINT)), `__t` IS NULL) AS `__f` FROM `logins`
) AS x;

-- lookup-991b
SELECT `t`, `ip`, `__c0` AS `user`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`
  FROM `lookup-991b found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- lookup-991b-2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_pandas_1(`ip`, COALESCE(`__t`, CAST(0 AS BIGINT)), `__t` IS NULL) AS `__f` FROM `logins`
) AS x;

-- lookup-991b-2
SELECT `t`, `ip`, `__t`, `__w` FROM `lookup-991b-2 found` WHERE `__row` IS NULL;

-- lookup-991b-3 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_pandas_2(`ip`, COALESCE(`__t`, CAST(0 AS BIGINT)), `__t` IS NULL) AS `__f` FROM `logins`
) AS x;

-- lookup-991b-3
SELECT `t`, `ip`, `__c0` AS `user`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`
  FROM `lookup-991b-3 found` AS r LEFT JOIN `table 2` AS n ON r.`__row` = n.`__n`
) AS x
WHERE `__met` IS NOT NULL;

---- spark

-- logins
SELECT `t`, `ip`, `__t`, `__w` FROM `logins input`;

-- lookup-991b found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_call_1(`ip`, `__t`) AS `__f` FROM `logins`
) AS x;

-- lookup-991b
SELECT `t`, `ip`, `__c0` AS `user`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`
  FROM `lookup-991b found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- lookup-991b-2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_call_1(`ip`, `__t`) AS `__f` FROM `logins`
) AS x;

-- lookup-991b-2
SELECT `t`, `ip`, `__t`, `__w` FROM `lookup-991b-2 found` WHERE `__row` IS NULL;

-- lookup-991b-3 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_call_2(`ip`, `__t`) AS `__f` FROM `logins`
) AS x;

-- lookup-991b-3
SELECT `t`, `ip`, `__c0` AS `user`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`
  FROM `lookup-991b-3 found` AS r LEFT JOIN `table 2` AS n ON r.`__row` = n.`__n`
) AS x
WHERE `__met` IS NOT NULL;

---- spark, over unbounded input

