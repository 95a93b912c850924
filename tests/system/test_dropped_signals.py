"""What Python drops because a finalizer raised it: a signal comes again, all else is shown as ever."""

import signal
import sys
import time

import pytest

from wavegen.system import signals


@pytest.fixture(autouse=True)
def plain_signals():
    """Python's own handlers, which a shell may have replaced for what runs in the background."""
    plain = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in plain.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_comes_in_a_finalizer_is_not_lost(name):
    """Python drops what a finalizer raises, and went on to the end of the work."""
    number = getattr(signal, name)
    came = []

    class Finalized:
        def __del__(self):
            came.append(number)
            signal.raise_signal(number)

    def work():
        with signals.raising():
            Finalized()
            time.sleep(10)

    with pytest.raises(signals.Ended) as ended:
        work()
    assert ended.value.number == number
    assert came == [number]


def test_what_else_a_finalizer_raises_is_shown_as_ever(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: shown.append(dropped.exc_value))

    class Finalized:
        def __del__(self):
            raise ValueError("a")

    with signals.raising():
        Finalized()
    assert [str(error) for error in shown] == ["a"]
