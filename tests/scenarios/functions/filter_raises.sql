---- flink

-- events
SELECT `n`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- kept calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`,
  (CASE WHEN x.`__f0_0`.`nan` THEN CAST(CAST('NaN' AS DOUBLE) AS DOUBLE) ELSE x.`__f0_0`.`value` END) AS `___c0`,
  x.`__f0_0`.`reason` AS `__f0_0_reason`, x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL) AS `__f0_0`
  FROM `events`
) AS x;

-- kept taken
SELECT * FROM `kept calls` WHERE `__f0_0_reason` IS NULL;

-- kept
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `kept taken`
WHERE IF(`___c0` <= 0.5E0, FALSE, IF(`___c0` IS NULL, CAST(NULL AS BOOLEAN), TRUE));

---- spark

-- events
SELECT `n`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- kept calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__f0_0` FROM `events`
) AS x;

-- kept taken
SELECT * FROM `kept calls` WHERE `__f0_0_reason` IS NULL;

-- kept
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `kept taken` WHERE (`___c0` > 0.5D);

---- spark, over unbounded input

