"""How often the processes of the command line look for garbage that refers to itself."""

import gc

OBJECTS = 50_000
"""So many more objects than at the last look. Two hundred thousand are made while a command loads its
modules, and stay: at Python's own few hundred they are looked at again and again, which takes a sixth of
the start of `serve`. What may be kept for longer are some megabytes."""


def look_for_garbage_seldom() -> None:
    """For the rest of this process. What nothing refers to any more is freed at once as ever."""
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
