"""Topics and rights on the broker: made, compared, printed."""
