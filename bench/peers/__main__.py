"""`python -m bench.peers`: measure the peers and write them into docs/performance.md."""

import sys

from bench.__main__ import main

if __name__ == "__main__":
    main(["peers", *sys.argv[1:]])
