"""The main job on embedded parts, as `posters demo` runs it."""
