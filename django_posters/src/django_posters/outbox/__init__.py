"""Transactional outbox: events are committed with the caller's rows, then published to Kafka in order."""
