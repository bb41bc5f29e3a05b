---- flink

-- events
SELECT `k`, `t`, `n`, `x`, `s`, `__t`, `__w`, CAST(1 AS INT) AS `__s`, `__p`, `__o`, CAST(0 AS BIGINT) AS `__n`
FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a0`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', (CASE WHEN `x` IS NULL THEN CAST(NULL AS STRING) WHEN `x` = 0E0 THEN '0000000000000000' WHEN `x` > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN `x` < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(`x`) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN `x` < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(`x`) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', (CASE WHEN `x` IS NULL THEN CAST(NULL AS STRING) WHEN `x` = 0E0 THEN '0000000000000000' WHEN `x` > 1.7976931348623157E308 THEN '7ff0000000000000' WHEN `x` < -1.7976931348623157E308 THEN 'fff0000000000000' WHEN ABS(`x`) <= 1.7976931348623157E308 THEN CONCAT(PRINTF('%03x', (CASE WHEN `x` < 0E0 THEN 2048 ELSE 0 END) + (CASE WHEN ABS(`x`) < 2.2250738585072014E-308 THEN 0 ELSE CAST(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), 'p(-?[0-9]+)', 1) AS INT) + 1023 END)), RPAD(REGEXP_EXTRACT(PRINTF('%a', ABS(`x`)), '[.]([0-9a-f]+)p', 1), 13, '0')) ELSE '7ff8000000000000' END))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a1`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a2`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) AS `window_start`,
    `__t` - MOD(MOD(`__t`, CAST(1000 AS BIGINT)) + CAST(1000 AS BIGINT), CAST(1000 AS BIGINT)) + 1000 AS `window_end`
  FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `x`, `s`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`,
    caudal_udf_1(ARRAY_AGG(`__a0`) FILTER (WHERE `__a0` IS NOT NULL)) AS `n`,
    caudal_udf_1(ARRAY_AGG(`__a1`) FILTER (WHERE `__a1` IS NOT NULL)) AS `x`,
    caudal_udf_1(ARRAY_AGG(`__a2`) FILTER (WHERE `__a2` IS NOT NULL)) AS `s`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__x4` STRING, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_2(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `c`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `k`, `t`, `c`, `__t`, `__w` FROM `running-431b`;

-- running-431b-2 rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b-2 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b-2 rows`;

-- running-431b-2 calls
SELECT `__k0`, r.`__x0>` AS `__x0`, r.`__x1>` AS `__x1`, r.`__x2>` AS `__x2`, r.`__x3>` AS `__x3`, r.`__x4>` AS `__x4`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`) AS ROW<`__r` BIGINT, `__x0` STRING, `__x1` BIGINT, `__x2` BIGINT, `__x3` DOUBLE, `__x4` STRING, `__t` BIGINT, `__w` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `running-431b-2 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_3(`__rows`)) AS r(`__x0>`, `__x1>`, `__x2>`, `__x3>`, `__x4>`, `__t>`, `__w>`, `__z0>`);

-- running-431b-2
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `c`, `__t`, `__w`
FROM `running-431b-2 calls`;

-- select-f732
SELECT `k`, `t`, `c`, `__t`, `__w` FROM `running-431b-2`;

-- window-3c9e-2 rows
SELECT (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `k`)), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `k`)), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a0`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e-2 numbered
SELECT `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e-2 rows`;

-- window-3c9e-2 calls
SELECT r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__o>` AS `__o`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`, r.`__q>` AS `__q`, r.`__i>` AS `__i`
FROM (
  SELECT ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__o`, `__a0`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__o` BIGINT, `__a0` BIGINT>)) AS `__rows`
  FROM `window-3c9e-2 numbered`
) AS x, LATERAL TABLE(caudal_udtf_4(`__rows`)) AS r(`__t>`, `__w>`, `__o>`, `__z0>`, `__z1>`, `__z2>`, `__q>`, `__i>`);

-- window-3c9e-2 last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e-2 numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e-2
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `c`, CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`,
  CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e-2 calls` CROSS JOIN `window-3c9e-2 last row`;

-- select-c93b
SELECT `c`, `__t`, `__w` FROM `window-3c9e-2`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`n` > CAST(0 AS BIGINT)) AS `__a0`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', CAST(`n` AS STRING))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `__a1`,
  `__t`, `__w`, `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, r.`__t>` AS `__t`, r.`__w>` AS `__w`, r.`__z0>` AS `__z0`, r.`__z1>` AS `__z1`, r.`__z2>` AS `__z2`
FROM (
  SELECT `__k0`,
    ARRAY_AGG(CAST(ROW(`__r`, `__t`, `__w`, `__a0`, `__a1`) AS ROW<`__r` BIGINT, `__t` BIGINT, `__w` BIGINT, `__a0` BOOLEAN, `__a1` BIGINT>)) AS `__rows`
  FROM `match-5806 numbered`
  GROUP BY `__k0`
) AS x, LATERAL TABLE(caudal_udtf_5(`__rows`)) AS r(`__t>`, `__w>`, `__z0>`, `__z1>`, `__z2>`);

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `c`, `__t`, `__w` FROM `match-5806 calls`;

-- select-8606
SELECT `k`, `c`, `__t`, `__w` FROM `match-5806`;

---- spark

-- events
SELECT `k`, `t`, `n`, `x`, `s`, `__t`, `__w`, 1 AS `__s`, `__p`, `__o`, 0L AS `__n` FROM `events input`;

-- window-3c9e rows
SELECT `k` AS `__k0`, CAST(conv(substring(md5(CAST(concat('0:', CAST(`n` AS STRING)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a0`,
  CAST(conv(substring(md5(CAST(concat('0:', caudal_double_bits(`x`)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a1`,
  CAST(conv(substring(md5(CAST(concat('0:', `s`) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a2`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `events`;

-- window-3c9e windows
SELECT *
FROM (
  SELECT *, `__t` - pmod(`__t`, 1000L) AS `window_start`, `__t` - pmod(`__t`, 1000L) + 1000 AS `window_end` FROM `window-3c9e rows`
) AS x
WHERE (`__w` IS NULL OR `__w` < `window_end`);

-- window-3c9e
SELECT `__k0` AS `k`, `window_start`, `window_end`, `n`, `x`, `s`, `window_end` - 1 AS `__t`, CAST(NULL AS BIGINT) AS `__w`
FROM (
  SELECT `__k0`, `window_start`, `window_start` + 1000 AS `window_end`, caudal_call_1(COLLECT_LIST(`__a0`)) AS `n`,
    caudal_call_1(COLLECT_LIST(`__a1`)) AS `x`, caudal_call_1(COLLECT_LIST(`__a2`)) AS `s`
  FROM `window-3c9e windows`
  GROUP BY `__k0`, `window_start`
) AS x;

-- running-431b rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`,
  CAST(conv(substring(md5(CAST(concat('0:', CAST(`n` AS STRING)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a0`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b rows`;

-- running-431b calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_2(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `running-431b numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- running-431b
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `c`, `__t`, `__w`
FROM `running-431b calls`;

-- select-8d37
SELECT `k`, `t`, `c`, `__t`, `__w` FROM `running-431b`;

-- running-431b-2 rows
SELECT `k` AS `__k0`, `k` AS `__x0`, `t` AS `__x1`, `n` AS `__x2`, `x` AS `__x3`, `s` AS `__x4`,
  CAST(conv(substring(md5(CAST(concat('0:', `s`) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a0`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- running-431b-2 numbered
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`,
  ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `running-431b-2 rows`;

-- running-431b-2 calls
SELECT `__k0`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`
FROM (
SELECT `__k0`, caudal_call_3(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__a0`)) AS `__rows`
  FROM `running-431b-2 numbered`
  GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__x0`, `__x1`, `__x2`, `__x3`, `__x4`, `__t`, `__w`, `__z0`;

-- running-431b-2
SELECT `__x0` AS `k`, `__x1` AS `t`, `__x2` AS `n`, `__x3` AS `x`, `__x4` AS `s`, `__z0` AS `c`, `__t`, `__w`
FROM `running-431b-2 calls`;

-- select-f732
SELECT `k`, `t`, `c`, `__t`, `__w` FROM `running-431b-2`;

-- window-3c9e-2 rows
SELECT CAST(conv(substring(md5(CAST(concat('0:', `k`) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a0`, `__t`, `__w`, `__s`, `__p`,
  `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- window-3c9e-2 numbered
SELECT `__t`, `__w`, `__a0`, ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`,
  CAST(ROW_NUMBER() OVER (ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS BIGINT) - 1 AS `__o`
FROM `window-3c9e-2 rows`;

-- window-3c9e-2 calls
SELECT `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`
FROM (
SELECT caudal_call_4(`__rows`) AS `__made` FROM (
  SELECT COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__o`, `__a0`)) AS `__rows` FROM `window-3c9e-2 numbered`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__o`, `__z0`, `__z1`, `__z2`, `__q`, `__i`;

-- window-3c9e-2 last row
SELECT `__t` AS `__et`, `__w` AS `__ew`
FROM (
  SELECT *, COUNT(*) OVER () AS `__e` FROM `window-3c9e-2 numbered`
) AS x
WHERE `__o` + 1 = `__e`;

-- window-3c9e-2
SELECT `__z0` AS `window_start`, `__z1` AS `window_end`, `__z2` AS `c`, CASE WHEN `__o` IS NULL THEN `__et` ELSE `__t` END AS `__t`,
  CASE WHEN `__o` IS NULL THEN `__ew` ELSE `__w` END AS `__w`
FROM `window-3c9e-2 calls` CROSS JOIN `window-3c9e-2 last row`;

-- select-c93b
SELECT `c`, `__t`, `__w` FROM `window-3c9e-2`;

-- match-5806 rows
SELECT `k` AS `__k0`, (`n` > 0L) AS `__a0`,
  CAST(conv(substring(md5(CAST(concat('0:', CAST(`n` AS STRING)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `__a1`, `__t`, `__w`,
  `__s`, `__p`, `__o`, `__n`
FROM `events`
WHERE (`__w` IS NULL OR `__t` >= `__w`);

-- match-5806 numbered
SELECT `__k0`, `__t`, `__w`, `__a0`, `__a1`, ROW_NUMBER() OVER (PARTITION BY `__k0` ORDER BY `__t`, `__s`, `__p`, `__o`, `__n`) AS `__r`
FROM `match-5806 rows`;

-- match-5806 calls
SELECT `__k0`, `__t`, `__w`, `__z0`, `__z1`, `__z2`
FROM (
SELECT `__k0`, caudal_call_5(`__rows`) AS `__made` FROM (
  SELECT `__k0`, COLLECT_LIST(struct(`__r`, `__t`, `__w`, `__a0`, `__a1`)) AS `__rows` FROM `match-5806 numbered` GROUP BY `__k0`
) AS x
) AS c
LATERAL VIEW inline(`__made`) r AS `__t`, `__w`, `__z0`, `__z1`, `__z2`;

-- match-5806
SELECT `__k0` AS `k`, `__z0` AS `match_start`, `__z1` AS `match_end`, `__z2` AS `c`, `__t`, `__w` FROM `match-5806 calls`;

-- select-8606
SELECT `k`, `c`, `__t`, `__w` FROM `match-5806`;

---- spark, over unbounded input

-- refused: running aggregates over unbounded input is not known to spark
