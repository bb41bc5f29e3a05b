---- flink

-- events
SELECT `n`, `__w`, CAST(2 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- repeated calls
SELECT `__w`, `__s`, `__p`, `__o`, `__n`, r.`__i>` AS `__i`, r.`__x0>` AS `__x0`, r.`__reason>` AS `__reason`, r.`__message>` AS `__message`, r.`__detail>` AS `__detail`
FROM `events`, LATERAL TABLE(caudal_udtf_1(`n`)) AS r(`__i>`, `__x0>`, `__reason>`, `__message>`, `__detail>`);

-- repeated
SELECT `__x0` AS `n`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n` FROM `repeated calls` WHERE `__reason` IS NULL;

---- spark

-- events
SELECT `n`, `__w`, 2 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- repeated calls
SELECT `__w`, `__s`, `__p`, `__o`, `__n`, `__i`, `__x0`, `__reason`, `__message`, `__detail`
FROM (
SELECT `__w`, `__s`, `__p`, `__o`, `__n`, caudal_call_1(`n`) AS `__made` FROM `events`
) AS c
LATERAL VIEW inline(`__made`) r AS `__i`, `__x0`, `__reason`, `__message`, `__detail`;

-- repeated
SELECT `__x0` AS `n`, `__w`, `__s`, `__p`, `__o`, `__n` * 1048576 + `__i` AS `__n` FROM `repeated calls` WHERE `__reason` IS NULL;

---- spark, over unbounded input

