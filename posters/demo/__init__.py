"""`posters demo`: the example site and the workers on embedded servers."""
