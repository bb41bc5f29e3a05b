---- flink

-- events
SELECT `n`, `x`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `n`, `x`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`,
  (CASE WHEN x.`__f0_1`.`nan` THEN CAST(CAST('NaN' AS DOUBLE) AS DOUBLE) ELSE x.`__f0_1`.`value` END) AS `___c1`,
  x.`__f0_0`.`reason` AS `__f0_0_reason`, x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`,
  x.`__f0_1`.`reason` AS `__f0_1_reason`, x.`__f0_1`.`message` AS `__f0_1_message`, x.`__f0_1`.`detail` AS `__f0_1_detail`
FROM (
  SELECT `n`, `x`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL) AS `__f0_0`,
    caudal_pandas_2(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL, COALESCE(`x`, 0.0E0), `x` IS NULL) AS `__f0_1`
  FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL AND `__f0_1_reason` IS NULL;

-- with_columns-0e01
SELECT `n`, `x`, `___c0` AS `f`, (`___c1` * 2.0E0) AS `w`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

-- filter-95a2 calls
SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n`,
    caudal_pandas_1(COALESCE((`n` + CAST(1 AS BIGINT)), CAST(0 AS BIGINT)), (`n` + CAST(1 AS BIGINT)) IS NULL) AS `__f0_0`
  FROM `with_columns-0e01`
) AS x;

-- filter-95a2 taken
SELECT * FROM `filter-95a2 calls` WHERE `__f0_0_reason` IS NULL;

-- filter-95a2
SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-95a2 taken` WHERE (`___c0` > CAST(1 AS BIGINT));

---- spark

-- events
SELECT `n`, `x`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `n`, `x`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_1`.`value` AS `___c1`,
  x.`__f0_0`.`reason` AS `__f0_0_reason`, x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`,
  x.`__f0_1`.`reason` AS `__f0_1_reason`, x.`__f0_1`.`message` AS `__f0_1_message`, x.`__f0_1`.`detail` AS `__f0_1_detail`
FROM (
  SELECT `n`, `x`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__f0_0`, caudal_call_2(`n`, `x`) AS `__f0_1`
  FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL AND `__f0_1_reason` IS NULL;

-- with_columns-0e01
SELECT `n`, `x`, `___c0` AS `f`, (`___c1` * 2.0D) AS `w`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

-- filter-95a2 calls
SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1((`n` + 1L)) AS `__f0_0` FROM `with_columns-0e01`
) AS x;

-- filter-95a2 taken
SELECT * FROM `filter-95a2 calls` WHERE `__f0_0_reason` IS NULL;

-- filter-95a2
SELECT `n`, `x`, `f`, `w`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `filter-95a2 taken` WHERE (`___c0` > 1L);

---- spark, over unbounded input

