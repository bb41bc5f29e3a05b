---- flink

-- flows
SELECT `t`, `ip`, `__t`, `__w` FROM `flows input`;

-- lookup-e4d2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_pandas_1(`ip`) AS `__f` FROM `flows`
) AS x;

-- lookup-e4d2
SELECT `t`, `ip`, `__c0` AS `zone`, `__c1` AS `net`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`, n.`c0` AS `__c1`
  FROM `lookup-e4d2 found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- lookup-e4d2-2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_pandas_1(`ip`) AS `__f` FROM `flows`
) AS x;

-- lookup-e4d2-2
SELECT `t`, `ip`, `__t`, `__w` FROM `lookup-e4d2-2 found` WHERE `__row` IS NULL;

---- spark

-- flows
SELECT `t`, `ip`, `__t`, `__w` FROM `flows input`;

-- lookup-e4d2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_call_1(`ip`) AS `__f` FROM `flows`
) AS x;

-- lookup-e4d2
SELECT `t`, `ip`, `__c0` AS `zone`, `__c1` AS `net`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`, n.`c0` AS `__c1`
  FROM `lookup-e4d2 found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- lookup-e4d2-2 found
SELECT `t`, `ip`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `ip`, `__t`, `__w`, caudal_call_1(`ip`) AS `__f` FROM `flows`
) AS x;

-- lookup-e4d2-2
SELECT `t`, `ip`, `__t`, `__w` FROM `lookup-e4d2-2 found` WHERE `__row` IS NULL;

---- spark, over unbounded input

