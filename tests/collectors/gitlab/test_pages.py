"""The size of pages: it gives way when GitLab groans, and grows back when it does not."""

from collectors.gitlab.pages import CALM, LARGEST, QUICK, SLOW, PageSize
from demo.gitlab import Request
from tests.collectors.gitlab.conftest import Lab
from tests.collectors.gitlab.test_collect import fill
from tests.collectors.gitlab.test_troubles import is_page


def test_a_page_that_fails_halves_and_grows_back_after_calm() -> None:
    size = PageSize(50)
    assert size.failed(50, never=False)
    assert size.now == 25
    for _ in range(CALM):
        assert size.now == 25
        size.passed(25, QUICK / 2)
    assert size.now == 50


def test_a_size_that_is_never_allowed_is_not_tried_again() -> None:
    size = PageSize(50)
    assert size.failed(50, never=True)
    for _ in range(10 * CALM):
        size.passed(size.now, 0.1)
    assert size.now == 25


def test_a_slow_page_halves_before_it_fails() -> None:
    size = PageSize(50)
    size.passed(50, SLOW)
    assert size.now == 25
    size.passed(25, (SLOW + QUICK) / 2)
    assert size.now == 25


def test_the_smallest_page_has_no_smaller_one() -> None:
    size = PageSize(1)
    assert not size.failed(1, never=False)
    assert size.now == 1


def test_an_answer_to_an_older_question_does_not_make_pages_larger() -> None:
    size = PageSize(50)
    size.failed(50, never=False)
    for _ in range(10 * CALM):
        size.passed(12, 0.1)
    assert size.now == 25


def test_no_page_is_larger_than_gitlab_gives() -> None:
    size = PageSize(50)
    for _ in range(10 * CALM):
        size.passed(size.now, 0.1)
    assert size.now == LARGEST


def test_a_list_is_read_through_timeouts_and_faster_again_after_them(lab: Lab) -> None:
    """GitLab gives up after 30 seconds on more than ten merge requests, for a while."""
    fill(lab.world, lab.clock, 240)
    times = 4

    def heavy(request: Request) -> bool:
        return is_page(request) and request.variables["size"] > 10

    lab.fake.time_out_next(times=times, match=heavy)

    report = lab.collect(concurrency=1)

    sizes = [request.variables["size"] for request in lab.fake.requests if is_page(request)]
    assert report.outcome == "done"
    assert lab.rows("SELECT count(*) FROM merge_requests") == [(240,)]
    assert min(sizes) <= 10
    assert sizes[0] == 50
    smallest = sizes.index(min(sizes))
    assert max(sizes[smallest:]) > min(sizes), sizes
