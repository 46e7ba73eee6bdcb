"""The contract: every event, field, limit, code and topic of Posterstream. Imports nothing of ours."""
