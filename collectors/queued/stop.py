"""Tells what is under way in this process that it is to end."""

from collections.abc import Callable
from threading import Event, Lock
from weakref import WeakMethod


class Stop:
    """Told once; from then on everything that registered gives up soon, whoever comes later at once."""

    def __init__(self) -> None:
        self.told = Event()
        self._lock = Lock()
        self._calls: list[WeakMethod[Callable[[], None]]] = []

    def register(self, call: Callable[[], None]) -> None:
        """Calls a method when it is told. What has ended by then is forgotten with its object."""
        with self._lock:
            self._calls = [each for each in self._calls if each() is not None]
            self._calls.append(WeakMethod(call))
            told = self.told.is_set()
        if told:
            call()

    def tell(self) -> None:
        """Ends everything."""
        self.told.set()
        with self._lock:
            calls = [each() for each in self._calls]
        for call in calls:
            if call is not None:
                call()
