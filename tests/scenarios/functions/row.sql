---- flink

-- events
SELECT `t`, `k`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- select-4176 calls
SELECT `t`, `k`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `t`, `k`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_pandas_1(`k`, COALESCE(`t`, CAST(0 AS BIGINT)), `t` IS NULL) AS `__f0_0`
  FROM `events`
) AS x;

-- select-4176 taken
SELECT * FROM `select-4176 calls` WHERE `__f0_0_reason` IS NULL;

-- select-4176
SELECT `___c0` AS `s`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `select-4176 taken`;

---- spark

-- events
SELECT `t`, `k`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- select-4176 calls
SELECT `t`, `k`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `t`, `k`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`k`, `t`) AS `__f0_0` FROM `events`
) AS x;

-- select-4176 taken
SELECT * FROM `select-4176 calls` WHERE `__f0_0_reason` IS NULL;

-- select-4176
SELECT `___c0` AS `s`, `__w`, `__s`, `__p`, `__o`, `__n` FROM `select-4176 taken`;

---- spark, over unbounded input

