---- flink

-- events
SELECT `n`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL) AS `__f0_0`
  FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `n`, `___c0` AS `a`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

-- select-f719 calls
SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_2(COALESCE(`a`, CAST(0 AS BIGINT)), `a` IS NULL) AS `__f0_0`
  FROM `with_columns-0e01`
) AS x;

-- select-f719 taken
SELECT * FROM `select-f719 calls` WHERE `__f0_0_reason` IS NULL;

-- select-f719
SELECT `___c0` AS `b`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `select-f719 taken`;

---- spark

-- events
SELECT `n`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__f0_0` FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `n`, `___c0` AS `a`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

-- select-f719 calls
SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_2(`a`) AS `__f0_0` FROM `with_columns-0e01`
) AS x;

-- select-f719 taken
SELECT * FROM `select-f719 calls` WHERE `__f0_0_reason` IS NULL;

-- select-f719
SELECT `___c0` AS `b`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `select-f719 taken`;

---- spark, over unbounded input

-- select-f719 calls
SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `n`, `a`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_3(`a`) AS `__f0_0` FROM `with_columns-0e01`
) AS x;
