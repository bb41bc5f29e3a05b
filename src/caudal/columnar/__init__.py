"""Columns in Arrow layout, morsels of them, and the compiled kernels that work on them.

Enters: byte blocks, numpy arrays, Arrow arrays. Leaves: `Column`s, `Morsel`s, new columns.
May touch: numpy, numba, pyarrow, core. Must never: do input or output, know a plan, hold state between calls.

Kernels are compiled once per machine and cached on disk; none is compiled for a pipeline. They release the GIL.
"""
