"""Data folders in which the embedded Postgres has its files already: copies of one made and migrated once.

For tests whose matter begins when a server starts on a data folder that is there, as on any day but the
first; to make the files anew for each would take most of their time.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from app.settings import Settings
from app.store.database import open_database

PutCluster = Callable[[Path, int | None], Path]
"""Makes a data folder with a cluster in it, for an account (None: our own), and returns it."""


def made_cluster(folder: Path) -> Path:
    """A data folder whose cluster is migrated and was stopped in peace; made there by whoever of several
    processes comes first."""
    done = folder / "cluster"
    with FileLock(folder / "cluster.lock"):
        if not done.exists():
            new = folder / "cluster.new"
            with open_database(Settings.model_validate({"database": {"data_dir": new}})):
                pass  # whoever comes first migrates it
            shutil.rmtree(new / "postgres" / "log")
            new.rename(done)
    return done


def put_cluster(source: Path, data_dir: Path, account: int | None) -> Path:
    """Copies the cluster of a data folder into a new one, which belongs to the account."""
    data_dir.mkdir(parents=True)
    data_dir.chmod(0o711 if os.geteuid() == 0 and account is None else 0o700)
    # cp shares the blocks where the file system can, and keeps the owner of each file
    subprocess.run(["cp", "-a", source / "postgres", data_dir], check=True)
    if account is not None:
        subprocess.run(["chown", "-R", f"{account}:{account}", data_dir], check=True)
    return data_dir
