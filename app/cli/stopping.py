"""SIGTERM and a closed terminal end a command like Ctrl-C: everything that is open is closed in turn."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second signal must not cut short the closing that the first one began.
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def signals_end_the_command() -> Iterator[None]:
    """While this lasts, SIGTERM and SIGHUP raise KeyboardInterrupt, unless they are to be ignored."""
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_call(end: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While this lasts, a signal that would end the command calls `end`; the command ends after it.

    For an event loop: it does not come back from an exception that a signal raises in its middle.
    Raises KeyboardInterrupt on the way out if there was such a signal.
    """
    told: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)
        end(number, frame)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
    if told:
        signal.raise_signal(told[0])
