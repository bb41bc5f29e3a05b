---- flink

-- events
SELECT `n`, `__w`, CAST(4 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- both calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`,
  (CASE WHEN x.`__f0_0`.`nan` THEN CAST(CAST('NaN' AS DOUBLE) AS DOUBLE) ELSE x.`__f0_0`.`value` END) AS `___c0`,
  x.`__f0_0`.`reason` AS `__f0_0_reason`, x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL) AS `__f0_0`
  FROM `events`
) AS x;

-- both calls 2
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, `___c0`, `__f0_0_reason`, `__f0_0_message`, `__f0_0_detail`,
  (CASE WHEN x.`__f1_0`.`nan` THEN CAST(CAST('NaN' AS DOUBLE) AS DOUBLE) ELSE x.`__f1_0`.`value` END) AS `___c1`,
  x.`__f1_0`.`reason` AS `__f1_0_reason`, x.`__f1_0`.`message` AS `__f1_0_message`, x.`__f1_0`.`detail` AS `__f1_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, `___c0`, `__f0_0_reason`, `__f0_0_message`, `__f0_0_detail`,
    caudal_pandas_2(COALESCE(`___c0`, 0.0E0), `___c0` IS NULL) AS `__f1_0`
  FROM `both calls`
) AS x;

-- both taken
SELECT * FROM `both calls 2` WHERE `__f0_0_reason` IS NULL AND `__f1_0_reason` IS NULL;

-- both
SELECT `n`, `___c1` AS `y`, `___c0` AS `z`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `both taken`;

---- spark

-- events
SELECT `n`, `__w`, 4 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- both calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__f0_0` FROM `events`
) AS x;

-- both calls 2
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, `___c0`, `__f0_0_reason`, `__f0_0_message`, `__f0_0_detail`,
  x.`__f1_0`.`value` AS `___c1`, x.`__f1_0`.`reason` AS `__f1_0_reason`, x.`__f1_0`.`message` AS `__f1_0_message`,
  x.`__f1_0`.`detail` AS `__f1_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, `___c0`, `__f0_0_reason`, `__f0_0_message`, `__f0_0_detail`,
    caudal_call_2(`___c0`) AS `__f1_0`
  FROM `both calls`
) AS x;

-- both taken
SELECT * FROM `both calls 2` WHERE `__f0_0_reason` IS NULL AND `__f1_0_reason` IS NULL;

-- both
SELECT `n`, `___c1` AS `y`, `___c0` AS `z`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `both taken`;

---- spark, over unbounded input

