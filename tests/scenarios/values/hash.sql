---- flink

-- events
SELECT `s`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `s`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('0:', `s`)), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `of_text`,
  (CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('7:', CAST(`n` AS STRING))), 1, 8), 'p0') AS DOUBLE) AS BIGINT) * 4294967296 + CAST(CAST(CONCAT('0x', SUBSTRING(MD5(CONCAT('7:', CAST(`n` AS STRING))), 9, 8), 'p0') AS DOUBLE) AS BIGINT)) AS `of_number`,
  `__w`
FROM `events`;

---- spark

-- events
SELECT `s`, `n`, `__w` FROM `events input`;

-- select-4176
SELECT `s`, CAST(conv(substring(md5(CAST(concat('0:', `s`) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `of_text`,
  CAST(conv(substring(md5(CAST(concat('7:', CAST(`n` AS STRING)) AS BINARY)), 1, 16), 16, -10) AS BIGINT) AS `of_number`, `__w`
FROM `events`;

---- spark, over unbounded input

