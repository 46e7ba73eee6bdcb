"""A command of manage.py, forked for each line that is read: what takes time has been done, and each can be killed.

As in `python forking.py relay_posters`; what it writes are the process ids.
"""

import os
import signal
import sys

import django
from django.core.management import call_command, get_commands, load_command_class


def main() -> None:
    django.setup()
    name = sys.argv[1]
    load_command_class(get_commands()[name], name)
    # A killed child is reaped at once and leaves no zombie.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            call_command(name)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
