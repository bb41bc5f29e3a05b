---- spark, over unbounded input

-- events
SELECT `n`, `t`, `__t`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `t`, `__t`, `__w` FROM `events` WHERE (`n` > 1L);
