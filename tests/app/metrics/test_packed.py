"""A share that went to another process and back: the same values, to the last bit."""

from hypothesis import given
from hypothesis import strategies as st

from app.metrics.indicator import Computed, Value
from app.metrics.packed import pack, pack_values, unpack, unpack_values
from app.metrics.shares import Bounds

from .test_shares import Shared, shared


def written(computed: Computed, variant: str) -> list[Value]:
    """The values of a variant one by one."""
    return list(computed.values[variant])


@given(shared(), st.sampled_from([Bounds(1, 1), Bounds(15, 400)]))
def test_packed_shares_have_the_same_values(company: Shared, bounds: Bounds) -> None:
    for share in company.shares(bounds)[1:]:  # the first one is never handed out
        sent = unpack(pack(share))
        assert list(sent.workset.team_ids) == list(share.workset.team_ids)
        assert sent.workset.clock == share.workset.clock
        expected = {
            (key, variant): written(computed, variant)
            for key, computed in share.computed()
            for variant in computed.values
        }
        found = {
            (key, variant): written(computed, variant)
            for key, computed in unpack_values(pack_values(sent.computed()))
            for variant in computed.values
        }
        assert found == expected
