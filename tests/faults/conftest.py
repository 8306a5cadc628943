from tests.quiet import quiet  # noqa: F401 - a fixture for every plan
