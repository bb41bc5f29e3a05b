---- flink

-- events
SELECT `s`, `__w` FROM `events input`;

-- select-4176
SELECT `s`, (CASE WHEN REGEXP(`s`, '\A[+-]?[0-9]{1,19}\z') THEN TRY_CAST(`s` AS BIGINT) ELSE CAST(NULL AS BIGINT) END) AS `n`,
  (CASE WHEN REGEXP(`s`, '\A[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?\z') AND ABS(TRY_CAST(`s` AS DOUBLE)) <= 1.7976931348623157E308 THEN CAST(`s` AS DOUBLE) ELSE CAST(NULL AS DOUBLE) END) AS `x`,
  `__w`
FROM `events`;

---- spark

-- events
SELECT `s`, `__w` FROM `events input`;

-- select-4176
SELECT `s`, caudal_int64_of_text(`s`) AS `n`, caudal_double_of_text(`s`) AS `x`, `__w` FROM `events`;

---- spark, over unbounded input

