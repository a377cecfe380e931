"""How often somebody may ask."""

from hypothesis import given
from hypothesis import strategies as st

from app.api.rates import Rate


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(1, 6),
    st.lists(st.floats(0, 25, allow_nan=False), min_size=1, max_size=60),
)
def test_a_window_lets_in_what_it_may_and_says_when_to_come_back(
    most: int, gaps: list[float]
) -> None:
    clock = Clock()
    let_in: list[float] = []
    rate = Rate(most, 10, clock=clock)
    for gap in gaps:
        clock.now += gap
        asked = clock.now
        wait = rate.take("somebody")
        recent = [each for each in let_in if each > asked - 20]
        if wait == 0:
            let_in.append(asked)
        else:
            assert len(recent) >= most  # whoever asks seldom is never refused
            assert 1 <= wait <= 20
            clock.now += wait
            assert rate.wait("somebody") == 0
        in_window = [each for each in let_in if each > asked - 10]
        assert len(in_window) <= 2 * most


def test_a_steady_asker_gets_what_is_allowed_in_the_long_run() -> None:
    clock = Clock()
    rate = Rate(60, 60, clock=clock)
    let_in = 0
    for _ in range(60 * 100):  # ten times as often as allowed, for ten minutes
        clock.now += 0.1
        let_in += rate.take("somebody") == 0
    assert 540 <= let_in <= 660


def test_each_is_counted_for_themselves_and_the_memory_has_an_end() -> None:
    clock = Clock()
    rate = Rate(1, 60, remembered=100, clock=clock)
    assert rate.take("a") == 0
    assert rate.take("a") > 0
    assert rate.take("b") == 0
    for number in range(10_000):
        rate.take(number)
    assert len(rate) == 100


def test_what_is_refused_does_not_count() -> None:
    clock = Clock()
    rate = Rate(2, 60, clock=clock)
    assert [rate.take("a") == 0 for _ in range(50)].count(True) == 2
    clock.now += rate.wait("a")
    assert rate.take("a") == 0
