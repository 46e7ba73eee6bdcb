"""`python -m posters` is `posters`."""

from posters.main import main

main()
