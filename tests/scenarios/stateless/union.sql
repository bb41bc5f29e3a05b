---- flink

-- left
SELECT `n`, `__w` FROM `left input`;

-- right
SELECT `n`, `__w` FROM `right input`;

-- union-f8f5
SELECT `n`, `__w` FROM `left`
UNION ALL
SELECT `n`, `__w` FROM `right`;

---- spark

-- left
SELECT `n`, `__w` FROM `left input`;

-- right
SELECT `n`, `__w` FROM `right input`;

-- union-f8f5
SELECT `n`, `__w` FROM `left`
UNION ALL
SELECT `n`, `__w` FROM `right`;

---- spark, over unbounded input

