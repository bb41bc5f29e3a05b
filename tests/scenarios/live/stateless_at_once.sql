---- spark, over input that goes on

-- events
SELECT `n`, `t`, `__t`, `__w` FROM `events input`;

-- filter-237a
SELECT `n`, `t`, `__t`, `__w` FROM `events` WHERE (`n` > 1L);
