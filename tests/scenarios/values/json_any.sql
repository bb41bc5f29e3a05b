---- flink

-- events
SELECT `port`, `o`, `__w` FROM `events input`;

-- select-4176
SELECT `port`, `o`.`in` AS `big`, `__w` FROM `events`;

---- spark

-- events
SELECT `port`, `o`, `__w` FROM `events input`;

-- select-4176
SELECT `port`, (`o`).`in` AS `big`, `__w` FROM `events`;

---- spark, over unbounded input

