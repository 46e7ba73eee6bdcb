"""Properties are tried on machines of any speed: a slow example is no failure."""

from hypothesis import settings

settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")
