---- flink

-- refused: a lookup in a table is not known to flink

---- spark

-- refused: a lookup in a table is not known to spark

---- spark, over unbounded input

-- refused: a lookup in a table over unbounded input is not known to spark
