"""Sites with topics of their own: what is there is theirs, and nothing in another's name is carried out."""

from dataclasses import replace
from uuid import uuid4

import pytest

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from streams.delivery import Record
from tests.flow.system import System, new_job, stamp

SHOP_REQUESTS = topics.own_topic(topics.POSTER_REQUESTS, "shop")
SHOP_COMMANDS = topics.own_topic(topics.TEMPLATE_COMMANDS, "shop")


@pytest.fixture(scope="module")
def system(idle_system: System) -> System:
    """Workers, and the topics that `posters setup` makes for the source `shop`."""
    idle_system.environment["POSTERS_SOURCE_TOPICS"] = "shop"
    done = idle_system.command("setup")
    assert done.returncode == 0, done.stderr
    assert SHOP_REQUESTS in done.stdout
    idle_system.start_worker()
    return idle_system


def test_the_source_is_that_of_the_topic(system: System) -> None:
    """A template and a poster of a site that names no source are its own; another's name is refused, unanswered."""
    section = f"s{uuid4().hex[:8]}"
    upload = TemplateUpload(
        **{**stamp(), "source": "shop"}, section=section, name=section, html_content="<p>x</p>", set_as_active=True
    )
    system.send(SHOP_COMMANDS, section, upload)
    system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["command_id"] == str(upload.event_id))
    ours, theirs = new_job(), new_job()
    fields = {**stamp(), "source": "bank"}
    request = PosterRequested(**fields, job_id=theirs, template_id=f"{section}_latest", custom_data={})
    claimed = encode(request)
    own = encode(replace(request, job_id=ours)).replace(b'"source":"bank",', b"")
    system.send(SHOP_REQUESTS, theirs, claimed)
    headers = (("replay.generation", b"2147483647"),)
    system.produce(Record(topic=SHOP_REQUESTS, key=ours, value=own, headers=headers))
    outcome = system.outcome(ours)
    letter = system.wait(topics.DEAD_LETTERS, lambda record: record.key == theirs.encode())

    assert b"source" not in own
    assert (outcome.source, outcome.status, outcome.generation) == ("shop", "completed", 0)
    assert letter.value == claimed
    assert dict(letter.headers)["dlq.reason"] == b"source_mismatch"
    assert dict(letter.headers)["dlq.topic"] == SHOP_REQUESTS.encode()
    for topic in (topics.POSTER_COMPLETIONS, topics.POSTER_REQUESTS):
        assert [record for record in system.all(topic) if record.key == theirs.encode()] == []
