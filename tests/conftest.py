"""Settings of the whole suite."""

from hypothesis import settings

# how long an example takes says more about the machine than about what is tested
settings.register_profile("caudal", deadline=None)
settings.load_profile("caudal")
