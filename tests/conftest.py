"""Settings that every test shares."""

from hypothesis import settings

# A shared machine may stop for longer than any deadline; hangs are pytest-timeout's business.
settings.register_profile("tracewarp", deadline=None, print_blob=True)
settings.load_profile("tracewarp")
