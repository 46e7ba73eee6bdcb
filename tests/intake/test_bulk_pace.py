"""How long intake pauses between the pieces of a bulk batch."""

from agents.intake.bulk_pace import ARRIVING_SECONDS, BULK_SHARE, BulkPace


def test_without_single_posters_nothing_pauses() -> None:
    """A batch that is alone is pinned at full speed, also some time after the last single poster."""
    pace = BulkPace()
    at_first = pace.pause(0.02, now=50.0)
    pace.note_single(100.0)

    assert at_first == 0
    assert pace.pause(0.02, now=100.0 + ARRIVING_SECONDS + 0.1) == 0


def test_beside_single_posters_a_batch_has_its_share() -> None:
    """Of the time from piece to piece it works for that share, however long a piece takes on a busy machine."""
    pace = BulkPace()
    pace.note_single(100.0)
    worked = 0.02
    pause = pace.pause(worked, now=100.5)

    assert worked / (worked + pause) == BULK_SHARE
    assert pace.pause(3 * worked, now=100.5) == 3 * pause
