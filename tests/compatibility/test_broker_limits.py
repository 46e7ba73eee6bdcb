"""What a broker would refuse later is told at the start, with the reason."""

import pytest

from agents.settings import Settings
from posters.operations.broker.broker_limits import Cluster, replication_problem, session_problem, session_warning
from posters.operations.broker.topics import TopicAdmin
from posters.operations.errors import OperationError
from tests.parts import KafkaServer

REDPANDA = Cluster(id="redpanda.0c5f", brokers=3)
KAFKA = Cluster(id="MkU3OEVBNTcwNTJENDM2Qg", brokers=3)
LIMITS = {"group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000"}


@pytest.mark.parametrize("cluster", [REDPANDA, KAFKA])
def test_more_copies_than_brokers_are_refused(cluster: Cluster) -> None:
    """Each copy needs a broker of its own; the default, and as many as there are, do."""
    sentence = replication_problem(5, cluster)

    assert sentence is not None
    assert "POSTERS_REPLICATION is 5, and the cluster has 3 brokers" in sentence
    assert [replication_problem(copies, cluster) for copies in (0, 1, 3)] == [None, None, None]


def test_redpanda_makes_an_odd_number_of_copies() -> None:
    """Kafka takes two copies, Redpanda does not."""
    sentence = replication_problem(2, REDPANDA)

    assert replication_problem(2, KAFKA) is None
    assert sentence is not None
    assert "set 1 or, with brokers enough, 3" in sentence


@pytest.mark.parametrize(("seconds", "fits"), [(5.9, False), (6, True), (45, True), (1800, True), (1801, False)])
def test_session_timeout_is_compared_with_what_the_broker_lists(seconds: float, fits: bool) -> None:
    """A broker refuses a member with a timeout outside its limits; one that lists none is not judged."""
    assert (session_problem(seconds, LIMITS) is None) == fits
    assert session_problem(seconds, {"group.min.session.timeout.ms": None}) is None


@pytest.mark.parametrize(("seconds", "fits"), [(5, False), (6, True), (300, True), (301, False)])
def test_redpandas_own_limits_are_a_warning(seconds: float, fits: bool) -> None:
    """Redpanda does not list its limits, which may have been changed; other brokers are not meant."""
    assert (session_warning(seconds, REDPANDA) is None) == fits
    assert session_warning(seconds, KAFKA) is None


def test_a_real_broker_is_asked(empty_broker: str, kafka: KafkaServer) -> None:
    """Setup creates no topic with too many copies; a session timeout that the broker refuses is named by every look."""
    many = TopicAdmin(Settings(brokers=empty_broker, replication=2))
    with pytest.raises(OperationError, match=r"POSTERS_REPLICATION is 2, and the cluster has one broker"):
        many.setup()
    long = TopicAdmin(Settings(brokers=empty_broker, session_timeout=3000))

    assert "POSTERS_SESSION_TIMEOUT is 3000; " in str(long.refused_session())
    assert "POSTERS_SESSION_TIMEOUT is 3000; " in long.examine().problems[0]
    assert TopicAdmin(Settings(brokers=empty_broker)).refused_session() is None
