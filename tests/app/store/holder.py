"""A process that attaches to the embedded server and stays until its standard input ends.

Usage: holder.py DATA_DIR [--account UID] [--setting NAME=VALUE]…
Prints the database's address when it is attached; ends with status 3 and the sentence of an AppError.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from app.errors import AppError
from app.store.embedded import EmbeddedServer


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--account", type=int)
    parser.add_argument("--setting", action="append", default=[])
    given = parser.parse_args()
    if given.account is not None:  # after the imports: the interpreter may lie below root's home
        os.setgroups([])
        os.setgid(given.account)
        os.setuid(given.account)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = dict(setting.split("=", 1) for setting in given.setting)
    try:
        with EmbeddedServer(given.data_dir, settings).running() as url:
            print(url, flush=True)
            sys.stdin.read()
    except AppError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
