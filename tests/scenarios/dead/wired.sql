---- flink

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `__w` FROM `events`;

-- dead-ec0f
SELECT `source`, `partition`, `position`, `operator`, `reason`, `message`, `detail`, `payload`, `truncated`, `event_time`,
  CAST(NULL AS BIGINT) AS `__w`, CAST(0 AS INT) AS `__s`, CAST(0 AS BIGINT) AS `__p`, CAST(0 AS BIGINT) AS `__o`,
  CAST(0 AS BIGINT) AS `__n`
FROM `events letters`;

-- filter-41e7
SELECT `source`, `partition`, `position`, `operator`, `reason`, `message`, `detail`, `payload`, `truncated`, `event_time`, `__w`
FROM `dead-ec0f`
WHERE (`reason` <> CAST('type' AS STRING));

-- select-3ee1
SELECT `position`, `reason`, `__w` FROM `filter-41e7`;

---- spark

-- events
SELECT `n`, `__w` FROM `events input`;

-- select-4176
SELECT `n`, `__w` FROM `events`;

-- dead-ec0f
SELECT `source`, `partition`, `position`, `operator`, `reason`, `message`, `detail`, `payload`, `truncated`, `event_time`,
  CAST(NULL AS BIGINT) AS `__w`, 0 AS `__s`, 0L AS `__p`, 0L AS `__o`, 0L AS `__n`
FROM `events letters`;

-- filter-41e7
SELECT `source`, `partition`, `position`, `operator`, `reason`, `message`, `detail`, `payload`, `truncated`, `event_time`, `__w`
FROM `dead-ec0f`
WHERE (`reason` <> 'type');

-- select-3ee1
SELECT `position`, `reason`, `__w` FROM `filter-41e7`;

---- spark, over unbounded input

