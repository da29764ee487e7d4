"""Tables that Python makes because SQL cannot; each module registers its own with ``python_table``."""
