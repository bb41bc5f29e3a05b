---- flink

-- events
SELECT `k`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `k`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `k`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(`k`) AS `__f0_0` FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `k`, `___c0` AS `n`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

---- spark

-- events
SELECT `k`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `k`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `k`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`k`) AS `__f0_0` FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `k`, `___c0` AS `n`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `with_columns-0e01 taken`;

---- spark, over unbounded input

