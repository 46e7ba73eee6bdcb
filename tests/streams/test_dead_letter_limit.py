"""A producer of bad records stops nobody; a role that can use nothing pauses, tries again and works on by itself."""

import logging

import orjson
import pytest

from streams.dead_letters.dead_letter_count import (
    BURST_RECORDS,
    STEADY_RECORDS,
    STEADY_SECONDS,
)
from streams.dead_letters.dead_letter_limit import FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS
from streams.errors import UnavailableError
from streams.metrics import DEAD_LETTERS_SUPPRESSED
from streams.producers import DEAD_LETTERS_A_MINUTE, MINUTE_SECONDS
from tests.streams.deliveries import delivery
from tests.streams.limited_role import TOPIC, Role_, bad, good


@pytest.fixture
async def role() -> Role_:
    """A role within its limit."""
    return Role_()


async def send_and_work(role: Role_, values: list[bytes], *, seconds: float = 0.0) -> None:
    """Send bad records, each with a key of its own, over a time, and let the role work meanwhile."""
    for number, value in enumerate(values):
        role.send(value, key=f"key-{number}".encode())
        role.now += seconds / len(values)
        await role.work()


@pytest.mark.parametrize("value", [b"{}", b"{", b"\xff", bad(7), bad("one site")], ids=repr)
async def test_one_producer_pauses_nobody(role: Role_, value: bytes) -> None:
    """Thousands of bad records at once, with a key each: all are set aside, and what is behind them is done."""
    await send_and_work(role, [value] * 3_000)
    role.send(good())
    await role.work()

    assert len(role.letters.offsets) == 3_000
    assert role.worked == [3_000]
    assert role.liveness.reasons() == []


async def test_unreadable_records_never_pause_a_role(role: Role_) -> None:
    """Records whose source cannot be read are one producer, however long they come and whatever keys they have."""
    for _ in range(10):
        await send_and_work(role, [b"{}"] * 30, seconds=60)

    assert len(role.letters.offsets) == 300
    assert role.liveness.reasons() == []


async def test_good_records_are_done_whatever_source_they_name(role: Role_) -> None:
    """Somebody sends bad records in a site's name: the site's own go on, between them and after them."""
    for _ in range(200):
        role.send(bad("shop"))
        role.send(good())
    await role.work()

    assert len(role.worked) == 200
    assert role.liveness.reasons() == []


async def test_a_burst_of_many_sources_pauses_the_role(role: Role_) -> None:
    """A hundred in a row, of several sources: nothing further is handed out; readiness says why, and what to do."""
    for number in range(BURST_RECORDS + 50):
        role.send(bad(f"site-{number % 10}"))
    await role.work()

    assert role.letters.offsets == list(range(BURST_RECORDS))
    assert f"{BURST_RECORDS} records in a row, of 10 sources" in role.liveness.reasons()[0]
    assert "posters dead-letters resume --where role=intake" in role.liveness.reasons()[0]


async def test_a_build_that_cannot_read_the_only_site_pauses(role: Role_) -> None:
    """All records of a minute and more are dead letters, of one source and many jobs: that is systematic."""
    await send_and_work(role, [bad("shop")] * 40, seconds=STEADY_SECONDS * 2)

    assert STEADY_RECORDS <= len(role.letters.offsets) < 40
    assert "dead letters" in role.liveness.reasons()[0]


async def test_one_good_record_a_minute_keeps_the_role_open(role: Role_) -> None:
    """It is not everything that fails."""
    for _ in range(5):
        await send_and_work(role, [bad(f"site-{number}") for number in range(60)], seconds=50)
        role.send(good())
        await role.work()

    assert role.liveness.reasons() == []


async def test_while_others_send_good_records_the_producers_are_at_fault(role: Role_) -> None:
    """Somebody else had a good record within the hour: neither bursts nor minutes of bad ones pause the role."""
    role.send(good())
    await role.work()
    await send_and_work(role, [bad("broken")] * 200, seconds=600)
    await send_and_work(role, [bad(f"site-{number % 10}") for number in range(500)])
    still_open = role.liveness.reasons() == []
    await send_and_work(role, [bad(f"site-{number % 10}") for number in range(500)], seconds=3_600)

    assert still_open
    assert role.liveness.reasons()


async def test_nobody_is_silenced_in_its_own_name(role: Role_) -> None:
    """A burst in the names of all sites pauses no role that had a good record of theirs within the minute."""
    role.send(good())
    await role.work()
    in_all_names = [bad(source) for source in ("shop", "a", "b", "c", "d", "e")] * 100
    await send_and_work(role, in_all_names, seconds=STEADY_SECONDS / 2)
    role.send(good())
    await role.work()
    worked = len(role.worked)
    await send_and_work(role, in_all_names, seconds=STEADY_SECONDS * 2)

    assert worked == 2
    assert role.liveness.reasons()


async def test_a_source_whose_records_were_good_and_now_fail_is_no_proof(role: Role_) -> None:
    """The only site is upgraded, and this build cannot read what it sends now: the role pauses."""
    role.send(good())
    await role.work()
    await send_and_work(role, [bad("shop")] * 40, seconds=STEADY_SECONDS * 2)

    assert role.liveness.reasons()


async def pause(role: Role_) -> None:
    """Let the role pause because of ten sources."""
    for number in range(BURST_RECORDS):
        role.send(bad(f"site-{number % 10}"))
    await role.tick()
    assert role.liveness.reasons()


async def test_a_paused_role_tries_one_record_ever_more_rarely(role: Role_) -> None:
    """After 1 s, then after 2 s, and so on up to ten minutes: one record each, which becomes a dead letter."""
    await pause(role)
    for _ in range(50):
        role.send(bad("site-1"))
    waits = []
    for _ in range(12):
        waited = 0.0
        while await role.tick() == 0:
            role.now += 1.0
            waited += 1.0
        waits.append(waited)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    assert (waits[0], waits[-1]) == (FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS)
    assert len(role.letters.offsets) == BURST_RECORDS + 12


async def test_a_good_probe_reopens_the_role_for_everybody(role: Role_) -> None:
    """The role works on by itself, the stored state is withdrawn, and another process of the role works again too."""
    await pause(role)
    other = Role_(role.states)
    await other.tick()
    paused_elsewhere = other.liveness.reasons()
    role.send(good())
    role.send(good())

    assert await role.tick(FIRST_PROBE_SECONDS) == 2
    await other.tick()
    assert paused_elsewhere
    assert role.liveness.reasons() == other.liveness.reasons() == []
    assert role.states.reason is None


@pytest.mark.parametrize("partition", [0, 1])
async def test_a_source_that_has_not_failed_is_tried_at_once(role: Role_, partition: int) -> None:
    """Records of others wait for no backoff behind those that fail, in another partition or in the same."""
    await pause(role)
    for _ in range(20):
        role.send(bad("site-1"))
    role.send(good(), key=b"another", partition=partition)

    assert await role.tick() == 21
    assert role.liveness.reasons() == []
    assert len(role.worked) == 1


IN_ALL_NAMES = [bad(source) for source in ("shop", "a", "b", "c", "d", "e")] * 100


async def test_a_role_that_has_just_started_is_not_judged_before_valid_records(role: Role_) -> None:
    """A flood in the names of all sites, before any good record: those that wait behind it go on at once."""
    for number, value in enumerate(IN_ALL_NAMES):
        role.send(value, key=f"key-{number}".encode())
    role.send(good())
    role.send(good(), key=b"another")
    await role.work()

    assert len(role.worked) == 2
    assert len(role.letters.offsets) == len(IN_ALL_NAMES)
    assert role.liveness.reasons() == []


async def test_a_valid_record_reopens_a_paused_role_at_once(role: Role_) -> None:
    """Also one of a source whose records have failed, behind bad ones, however long the backoff is by then."""
    await send_and_work(role, IN_ALL_NAMES)
    for number, value in enumerate(IN_ALL_NAMES):
        role.send(value, key=f"more-{number}".encode())
    for _ in range(6):
        await role.tick(LONGEST_PROBE_SECONDS)
    paused = role.liveness.reasons()
    role.send(good(), key=b"valid")
    await role.tick()

    assert paused
    assert len(role.worked) == 1
    assert role.liveness.reasons() == []


async def test_decodable_records_that_fail_pause_the_role(role: Role_) -> None:
    """The role reads them and cannot use them: after some of them decoding proves nothing."""
    for number in range(BURST_RECORDS * 2):
        role.send(b'{"source":"site-%d"}' % (number % 10), key=b"%d" % number)
    await role.work()

    assert role.liveness.reasons()
    assert await role.tick() == 0
    assert await role.tick(FIRST_PROBE_SECONDS) == 1


async def test_a_role_that_is_resumed_reads_ahead_again(role: Role_) -> None:
    """What failed before an operator resumed it says nothing about what is decodable now."""
    for number in range(BURST_RECORDS):
        role.send(b'{"source":"site-%d"}' % (number % 10), key=b"%d" % number)
    await role.tick()
    paused = role.liveness.reasons()
    role.states.reason = None
    await role.tick()
    role.now += MINUTE_SECONDS
    for number, value in enumerate(IN_ALL_NAMES):
        role.send(value, key=f"key-{number}".encode())
    role.send(good())
    await role.work()

    assert paused
    assert role.liveness.reasons() == []
    assert len(role.worked) == 1


async def test_refused_records_prove_nothing_against_a_role(role: Role_) -> None:
    """It could read them: a burst of many sources pauses nobody, and one that is tried reopens a paused role."""
    refused = [b'{"source":"site-%d","refused":1}' % (number % 10) for number in range(BURST_RECORDS * 2)]
    await send_and_work(role, refused)
    still_open = role.liveness.reasons() == []
    role.now += MINUTE_SECONDS
    await pause(role)
    role.send(refused[0], key=b"refused")
    await role.tick()

    assert still_open
    assert role.liveness.reasons() == []


async def test_unreadable_records_that_are_refused_count_like_others(role: Role_) -> None:
    """They name another source's job, say: they pause the role as any others do, and do not resume it when tried."""
    refused = [orjson.dumps({"source": f"site-{number % 10}", "refused": 1, "version": 2}) for number in range(200)]
    await send_and_work(role, refused)
    paused = role.liveness.reasons()
    role.send(refused[0], key=b"refused")

    assert paused
    assert await role.tick(FIRST_PROBE_SECONDS) == 1
    assert role.liveness.reasons() == paused


async def test_a_probe_waits_while_the_role_is_paused_for_another_reason(role: Role_) -> None:
    """An unavailable storage, for example: a record that is tried then would fail for another cause."""
    await pause(role)
    role.send(good())
    role.inbox.pause("the storage is unavailable")

    assert await role.tick(FIRST_PROBE_SECONDS) == 0
    role.inbox.resume("the storage is unavailable")
    assert await role.tick() == 1


async def test_a_probe_whose_partition_was_revoked_is_followed_by_another(role: Role_) -> None:
    """A rebalance takes it back before the role has taken it: the role does not wait for it, and tries one again."""
    await pause(role)
    role.send(bad("site-1"))
    role.now += FIRST_PROBE_SECONDS
    role.limit.tick()
    role.inbox.revoke([(TOPIC, 0)])
    role.inbox.deliver(delivery(BURST_RECORDS, key=b"k", value=good()), lambda: None)

    assert await role.tick() == 1
    assert role.worked == [BURST_RECORDS]
    assert role.liveness.reasons() == []


async def test_an_operator_resumes_at_once(role: Role_) -> None:
    """What is stored is withdrawn: records are handed out again, without a probe."""
    await pause(role)
    for _ in range(5):
        role.send(bad("site-1"))
    role.states.reason = None

    assert await role.tick() == 5
    assert role.liveness.reasons() == []


async def test_the_state_survives_an_unavailable_database(role: Role_) -> None:
    """A pause is stored, and a reopening withdrawn, as soon as the database can be reached."""
    await pause(role)
    stored = role.states.reason
    role.states.unavailable = True
    role.send(good())
    role.now += FIRST_PROBE_SECONDS
    role.limit.tick()
    await role.work()
    with pytest.raises(UnavailableError):
        await role.limit.synchronize()
    role.states.unavailable = False
    await role.limit.synchronize()

    assert stored is not None
    assert role.states.reason is None
    assert role.liveness.reasons() == []


async def test_another_process_of_the_role_pauses_too(role: Role_) -> None:
    """A limit exceeded in another process, or before a restart, pauses this process as well."""
    role.states.reason = "everything is a dead letter"
    await role.limit.synchronize()

    assert role.liveness.reasons() == ["intake: everything is a dead letter"]


async def test_a_flood_is_logged_once_a_minute_and_counted(role: Role_, caplog: pytest.LogCaptureFixture) -> None:
    """Some dead letters of each source are logged one by one, the rest as a number; a metric counts them."""
    before = DEAD_LETTERS_SUPPRESSED.labels("intake")._value.get()
    with caplog.at_level(logging.WARNING, logger="streams"):
        await send_and_work(role, [bad("shop")] * 500)
        await role.tick()
        await send_and_work(role, [bad("shop")] * 10)
        await role.tick()

    lines = [record.getMessage() for record in caplog.records]
    single = [line for line in lines if line.startswith("dead letter: poster-requests[0]@")]
    rest = 500 - DEAD_LETTERS_A_MINUTE
    assert len(single) == DEAD_LETTERS_A_MINUTE
    assert [line for line in lines if "more dead letters" in line] == [
        f"intake: {rest} more dead letters of the source `shop` in the last minute; they do not count towards a pause"
    ]
    assert DEAD_LETTERS_SUPPRESSED.labels("intake")._value.get() - before == rest + 10
