"""Dead letters: the topic, how many of them are tolerated, and their count."""
