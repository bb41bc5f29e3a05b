---- flink

-- events
SELECT `alert`, `tags`, `__w` FROM `events input`;

-- select-4176
SELECT `alert`.`signature` AS `what`, `tags`, `__w` FROM `events`;

---- spark

-- events
SELECT `alert`, `tags`, `__w` FROM `events input`;

-- select-4176
SELECT (`alert`).`signature` AS `what`, `tags`, `__w` FROM `events`;

---- spark, over unbounded input

