---- flink

-- events
SELECT `t`, `x`, `y`, `__t`, `__w`, CAST(3 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n` FROM `events input`;

-- select-4176
SELECT `t`,
  (CASE WHEN (`x` * 0.0E0) IS NOT NULL THEN caudal_double_text(RAND(), COALESCE((`x` * 0.0E0), 0E0)) ELSE CAST(NULL AS STRING) END) AS `x`,
  (CASE WHEN (CAST(`y` AS DOUBLE) * -1.0E0) IS NOT NULL THEN caudal_double_text(RAND(), COALESCE((CAST(`y` AS DOUBLE) * -1.0E0), 0E0)) ELSE CAST(NULL AS STRING) END) AS `y`,
  (CASE WHEN (CASE WHEN ABS(`x`) <= 1.7976931348623157E308 THEN ROUND(`x`, 0) ELSE `x` END) IS NOT NULL THEN caudal_double_text(RAND(), COALESCE((CASE WHEN ABS(`x`) <= 1.7976931348623157E308 THEN ROUND(`x`, 0) ELSE `x` END), 0E0)) ELSE CAST(NULL AS STRING) END) AS `rounded`,
  ((CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('1:', (CASE WHEN `x` IS NULL THEN CAST(NULL AS STRING) WHEN `x` = 0E0 THEN '0000000000000000' WHEN `x` > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN `x` < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(`x`) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN `x` < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(`x`) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('1:', (CASE WHEN `x` IS NULL THEN CAST(NULL AS STRING) WHEN `x` = 0E0 THEN '0000000000000000' WHEN `x` > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN `x` < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(`x`) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN `x` < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(`x`) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) = (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('1:', (CASE WHEN 0.0E0 IS NULL THEN CAST(NULL AS STRING) WHEN 0.0E0 = 0E0 THEN '0000000000000000' WHEN 0.0E0 > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN 0.0E0 < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(0.0E0) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN 0.0E0 < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(0.0E0) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(0.0E0)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(0.0E0)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('1:', (CASE WHEN 0.0E0 IS NULL THEN CAST(NULL AS STRING) WHEN 0.0E0 = 0E0 THEN '0000000000000000' WHEN 0.0E0 > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN 0.0E0 < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(0.0E0) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN 0.0E0 < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(0.0E0) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(0.0E0)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(0.0E0)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 9, 8), 'p0') AS DOUBLE) AS BIGINT))) AS `same`,
  CONCAT((CASE WHEN `x` IS NOT NULL THEN caudal_double_text(RAND(), COALESCE(`x`, 0E0)) ELSE CAST(NULL AS STRING) END), CAST(',' AS STRING), (CASE WHEN `y` IS NOT NULL THEN caudal_float_text(RAND(), COALESCE(`y`, CAST(0E0 AS FLOAT))) ELSE CAST(NULL AS STRING) END)) AS `both`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- deduplicate-5948 rows
SELECT (CASE WHEN `y` = CAST(0.0E0 AS FLOAT) THEN CAST(0.0E0 AS FLOAT) ELSE `y` END) AS `__k0`, `t` AS `__x0`, `x` AS `__x1`,
  `y` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY IF(`__k0` IS NULL, 0, IF(`__k0` <= CAST('Infinity' AS DOUBLE), 1, 2)), IF(`__k0` <= CAST('Infinity' AS DOUBLE), `__k0`, CAST(NULL AS FLOAT)) ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__t>` AS `__t`, r.`__w>` AS `__w`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`) AS ROW<`__r` BIGINT, `__x0` BIGINT, `__x1` DOUBLE, `__x2` FLOAT, `__t` BIGINT, `__w` BIGINT>)) AS `__rows`
  FROM `deduplicate-5948 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_1(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__t>`, `__w>`);

-- deduplicate-5948
SELECT `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `y`, `__t`, `__w` FROM `deduplicate-5948 calls`;

-- select-c41a
SELECT `t`,
  (CASE WHEN `y` IS NOT NULL THEN caudal_float_text(RAND(), COALESCE(`y`, CAST(0E0 AS FLOAT))) ELSE CAST(NULL AS STRING) END) AS `y`,
  `__t`, `__w`
FROM `deduplicate-5948`;

---- spark

-- events
SELECT `t`, `x`, `y`, `__t`, `__w`, 3 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- select-4176
SELECT `t`, caudal_double_text((`x` * 0.0D)) AS `x`, caudal_double_text((CAST(`y` AS DOUBLE) * (-1.0D))) AS `y`,
  caudal_double_text(round(`x`, 0)) AS `rounded`,
  (CAST(conv(substring(md5(CAST(concat('1:', caudal_double_bits(`x`)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) = CAST(conv(substring(md5(CAST(concat('1:', caudal_double_bits(0.0D)) AS BINARY)), 1, 16), 16, -10) AS BIGINT)) AS `same`,
  concat(caudal_double_text(`x`), ',', caudal_float_text(`y`)) AS `both`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- deduplicate-5948 rows
SELECT `y` AS `__k0`, `t` AS `__x0`, `x` AS `__x1`, `y` AS `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- deduplicate-5948 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`
FROM (
SELECT `__k0`, caudal_call_1(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__t`, `__w`)) AS `__rows`
  FROM `deduplicate-5948 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__t`, `__w`;

-- deduplicate-5948
SELECT `__x0` AS `t`, `__x1` AS `x`, `__x2` AS `y`, `__t`, `__w` FROM `deduplicate-5948 calls`;

-- select-c41a
SELECT `t`, caudal_float_text(`y`) AS `y`, `__t`, `__w` FROM `deduplicate-5948`;

---- spark, over unbounded input

-- deduplicate-5948 marked
SELECT NULL AS `__k0`, NULL AS `__x0`, NULL AS `__x1`, NULL AS `__x2`, NULL AS `__t`, NULL AS `__w`, NULL AS `__s`, NULL AS `__p`,
  NULL AS `__o`, NULL AS `__n`, `e` AS `__e`
FROM `marks`
WHERE `e` IS NULL
UNION ALL
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`,
  timestamp_millis(GREATEST(LEAST(4600000000000L, 4600000000000L), -4600000000000L) + 4600000000000L) AS `__e`
FROM `deduplicate-5948 rows`;

-- deduplicate-5948 stepped (walked by key)
SELECT `__k0`, `__e`, caudal_call_1(`__x0`, `__x1`, `__x2`, `__k0`, `__t`, `__w`, `__s`, `__p`, `__o`, `__n`) AS `row`
FROM `deduplicate-5948 marked`;

-- deduplicate-5948 calls
SELECT u.`__x0` AS `__x0`, u.`__x1` AS `__x1`, u.`__x2` AS `__x2`, u.`__k0` AS `__k0`, u.`__t` AS `__t`, u.`__w` AS `__w`
FROM (
  SELECT caudal_call_2(`made`) AS `u` FROM `deduplicate-5948 stepped` WHERE `made` <> ''
) AS x;
