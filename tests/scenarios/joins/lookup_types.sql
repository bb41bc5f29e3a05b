---- flink

-- rows
SELECT `t`, `x`, `ok`, `at`, `__k` AS `___k`, `__t`, `__w` FROM `rows input`;

-- lookup-05a2 found
SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`, caudal_pandas_1(COALESCE(`x`, 0.0E0), `x` IS NULL) AS `__f` FROM `rows`
) AS x;

-- lookup-05a2
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `share`, `__c1` AS `small`, `__c2` AS `for`, `__c3` AS `tags`, `__c4` AS `place`, `__t`,
  `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`, n.`c2` AS `__c1`, n.`c3` AS `__c2`, n.`c4` AS `__c3`, n.`c5` AS `__c4`
  FROM `lookup-05a2 found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- select-1e9f
SELECT `t`, `x`, `share`, `small`, `for`, `tags`, `place`, `__t`, `__w` FROM `lookup-05a2`;

-- lookup-05a2-2
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `share`, `__c1` AS `at_table`, `__c2` AS `ok_table`, `__c3` AS `place`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c3` AS `__c0`, n.`c1` AS `__c1`, n.`c0` AS `__c2`, n.`c4` AS `__c3`
  FROM `rows` AS r LEFT JOIN `table 2` AS n ON r.`___k` = n.`c2`
) AS x
WHERE `__met` IS NOT NULL;

-- select-70d4
SELECT `t`, `ok`, `at`, `share`, `at_table`, `ok_table`, `place`, `__t`, `__w` FROM `lookup-05a2-2`;

-- lookup-05a2-3
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `for`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`
  FROM `rows` AS r LEFT JOIN `table 3` AS n ON r.`ok` = n.`c0` AND r.`at` = n.`c1`
) AS x
WHERE `__met` IS NOT NULL;

-- select-4873
SELECT `t`, `for`, `__t`, `__w` FROM `lookup-05a2-3`;

-- lookup-05a2-4
SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`
  FROM `rows` AS r LEFT JOIN `table 4` AS n ON r.`at` = n.`c0`
) AS x
WHERE `__met` IS NULL;

-- select-0ec6
SELECT `t`, `at`, `__t`, `__w` FROM `lookup-05a2-4`;

---- spark

-- rows
SELECT `t`, `x`, `ok`, `at`, `__k` AS `___k`, `__t`, `__w` FROM `rows input`;

-- lookup-05a2 found
SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`, x.`__f`.`value` AS `__row`
FROM (
  SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`, caudal_call_1(`x`) AS `__f` FROM `rows`
) AS x;

-- lookup-05a2
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `share`, `__c1` AS `small`, `__c2` AS `for`, `__c3` AS `tags`, `__c4` AS `place`, `__t`,
  `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c1` AS `__c0`, n.`c2` AS `__c1`, n.`c3` AS `__c2`, n.`c4` AS `__c3`, n.`c5` AS `__c4`
  FROM `lookup-05a2 found` AS r LEFT JOIN `table 1` AS n ON r.`__row` = n.`__n`
) AS x;

-- select-1e9f
SELECT `t`, `x`, `share`, `small`, `for`, `tags`, `place`, `__t`, `__w` FROM `lookup-05a2`;

-- lookup-05a2-2
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `share`, `__c1` AS `at_table`, `__c2` AS `ok_table`, `__c3` AS `place`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c3` AS `__c0`, n.`c1` AS `__c1`, n.`c0` AS `__c2`, n.`c4` AS `__c3`
  FROM `rows` AS r LEFT JOIN `table 2` AS n ON r.`___k` = n.`c2`
) AS x
WHERE `__met` IS NOT NULL;

-- select-70d4
SELECT `t`, `ok`, `at`, `share`, `at_table`, `ok_table`, `place`, `__t`, `__w` FROM `lookup-05a2-2`;

-- lookup-05a2-3
SELECT `t`, `x`, `ok`, `at`, `___k`, `__c0` AS `for`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`, n.`c2` AS `__c0`
  FROM `rows` AS r LEFT JOIN `table 3` AS n ON r.`ok` = n.`c0` AND r.`at` = n.`c1`
) AS x
WHERE `__met` IS NOT NULL;

-- select-4873
SELECT `t`, `for`, `__t`, `__w` FROM `lookup-05a2-3`;

-- lookup-05a2-4
SELECT `t`, `x`, `ok`, `at`, `___k`, `__t`, `__w`
FROM (
  SELECT r.*, n.`__n` AS `__met`
  FROM `rows` AS r LEFT JOIN `table 4` AS n ON r.`at` = n.`c0`
) AS x
WHERE `__met` IS NULL;

-- select-0ec6
SELECT `t`, `at`, `__t`, `__w` FROM `lookup-05a2-4`;

---- spark, over unbounded input

