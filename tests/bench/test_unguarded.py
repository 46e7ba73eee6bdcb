"""The worker without guards is the worker, less its guards."""

from bench.unguarded import GUARDS, without_guards


def test_every_guard_that_can_be_left_out_is_replaced() -> None:
    """By the name under which the worker uses it; otherwise the benchmark would measure the guards on both sides."""
    with without_guards():
        found = [getattr(module, guard.__name__) for module, guard, _ in GUARDS]

    assert found == [replacement for _, _, replacement in GUARDS]
    assert [getattr(module, guard.__name__) for module, guard, _ in GUARDS] == [guard for _, guard, _ in GUARDS]
