---- flink

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `k`, `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `k`, `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
    caudal_pandas_1(COALESCE(`n`, CAST(0 AS BIGINT)), `n` IS NULL) AS `__f0_0`
  FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `k`, `t`, `n`, (`___c0` > CAST(10 AS BIGINT)) AS `is_low`, (`___c0` > CAST(2 AS BIGINT)) AS `is_less`, `___c0` AS `is_less_1`,
  `___c0` AS `is_less_2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-0e01 taken`;

-- match-5911 rows
SELECT `k` AS `__k0`, `is_low` AS `__a0`, `is_less` AS `__a1`, `is_less_1` AS `__a2`, `is_less_2` AS `__a3`, `n` AS `__a4`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-0e01`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5911 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5911 rows`;

-- match-5911 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BOOLEAN, `__a2` BIGINT, `__a3` BIGINT, `__a4` BIGINT>)) AS `__rows`
  FROM `match-5911 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- match-5911
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5911 calls`;

---- spark

-- events
SELECT `k`, `t`, `n`, `__t`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- with_columns-0e01 calls
SELECT `k`, `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, x.`__f0_0`.`value` AS `___c0`, x.`__f0_0`.`reason` AS `__f0_0_reason`,
  x.`__f0_0`.`message` AS `__f0_0_message`, x.`__f0_0`.`detail` AS `__f0_0_detail`
FROM (
  SELECT `k`, `t`, `n`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__f0_0` FROM `events`
) AS x;

-- with_columns-0e01 taken
SELECT * FROM `with_columns-0e01 calls` WHERE `__f0_0_reason` IS NULL;

-- with_columns-0e01
SELECT `k`, `t`, `n`, (`___c0` > 10L) AS `is_low`, (`___c0` > 2L) AS `is_less`, `___c0` AS `is_less_1`, `___c0` AS `is_less_2`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-0e01 taken`;

-- match-5911 rows
SELECT `k` AS `__k0`, `is_low` AS `__a0`, `is_less` AS `__a1`, `is_less_1` AS `__a2`, `is_less_2` AS `__a3`, `n` AS `__a4`, `__t`,
  `__w`, `__s`, `__p`, `__o`, `__n`
FROM `with_columns-0e01`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5911 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5911 rows`;

-- match-5911 calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`)) AS `__rows`
  FROM `match-5911 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- match-5911
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `all`, `__t`, `__w` FROM `match-5911 calls`;

---- spark, over unbounded input

-- match-5911 marked
SELECT NULL AS `__k0`, NULL AS `__a0`, NULL AS `__a1`, NULL AS `__a2`, NULL AS `__a3`, NULL AS `__a4`, NULL AS `__t`, NULL AS `__w`,
  NULL AS `__s`, NULL AS `__p`, NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `match-5911 rows`;

-- match-5911 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_3(`__a0`, `__a1`, `__a2`, `__a3`, `__a4`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `match-5911 marked`;

-- match-5911 calls
SELECT u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`, u.`__z0` AS `__z0`, u.`__z1` AS `__z1`, u.`__z2` AS `__z2`
FROM (
  SELECT caudal_call_4(`made`) AS `u` FROM `match-5911 stepped` WHERE `made` <> ''
) AS x;
