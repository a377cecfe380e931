"""The file of a backup: whole or not there, and nothing else is taken for one."""

import os
import subprocess
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from app.errors import ConfigurationError
from app.store import backup_file, backup_folder
from app.store.backup_file import PARTIAL, Manifest

MANIFEST = Manifest(
    format=1,
    teamgauge="0.1.0",
    revision="0001",
    postgres="18.4",
    client=18,
    schema="public",
    made_at="2026-11-27T03:00:00+00:00",
)
DUMP = bytes(range(256)) * 5


def dump(sink: IO[bytes]) -> None:
    """Stands for pg_dump, which writes in pieces."""
    for start in range(0, len(DUMP), 500):
        sink.write(DUMP[start : start + 500])


def made(file: Path, manifest: Manifest = MANIFEST, *, overwrite: bool = False) -> bytes:
    with backup_file.taking_place(file, overwrite=overwrite) as stream:
        backup_file.write(stream, manifest, dump)
    return file.read_bytes()


def refusal(file: Path) -> str:
    with pytest.raises(ConfigurationError) as raised, backup_file.opened(file):
        pass
    return str(raised.value)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made(tmp_path / "one")
    with backup_file.opened(tmp_path / "one") as backup:
        assert backup.manifest == MANIFEST
        for _ in range(2):  # a program need not read to the end, and another one begins anew
            with backup.from_its_begin() as descriptor:
                assert os.read(descriptor, 700) == DUMP[:700]


def test_it_is_a_plain_tar_that_can_be_checked_by_hand(tmp_path: Path) -> None:
    made(tmp_path / "one")
    (tmp_path / "apart").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "one", "-C", tmp_path / "apart"], check=True)
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / "apart", check=False
    )
    assert checked.returncode == 0
    assert (tmp_path / "apart" / "store.dump").read_bytes() == DUMP


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made(tmp_path / "one")
    finally:
        os.umask(before)
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    content = made(tmp_path / "one")
    with tarfile.open(tmp_path / "one") as archive:
        last = archive.getmembers()[-1]
    needed = last.offset_data + last.size  # what comes after it says that nothing comes
    cut = tmp_path / "cut"
    for length in range(0, needed, 13):
        cut.write_bytes(content[:length])
        assert ("is damaged or was cut off" in (said := refusal(cut))) or (
            "is no backup of teamgauge" in said
        ), length
    cut.write_bytes(content[: needed - 1])
    assert "is damaged or was cut off" in refusal(cut)


def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    content = made(tmp_path / "one")
    with tarfile.open(tmp_path / "one") as archive:
        members = [
            range(member.offset, member.offset_data + member.size)
            for member in archive.getmembers()
        ]
    changed = tmp_path / "changed"
    for place in (place for member in members for place in member[::7]):
        changed.write_bytes(content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :])
        try:
            with backup_file.opened(changed) as backup:
                # Of a member's head some bytes mean nothing to us, and blanks pad numbers.
                assert backup.manifest == MANIFEST
                with backup.from_its_begin() as descriptor:
                    assert os.read(descriptor, len(DUMP)) == DUMP
        except ConfigurationError:
            continue
        assert not any(place in range(member.start + 512, member.stop) for member in members), place


def test_what_is_no_backup(tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as archive:
        archive.add(__file__, "manifest.json")
    for content in (b"", b"PGDMP\x01\x10\x00", b"x" * 5000, other.read_bytes()):
        (tmp_path / "file").write_bytes(content)
        assert refusal(tmp_path / "file").endswith("file is no backup of teamgauge.")
    assert refusal(tmp_path / "absent").endswith(
        "absent cannot be read: No such file or directory."
    )
    assert refusal(tmp_path).endswith("cannot be read: Is a directory.")


def test_a_newer_way_of_writing_is_said(tmp_path: Path) -> None:
    made(tmp_path / "one", replace(MANIFEST, format=2, teamgauge="7.0"))
    assert "one was made by a newer teamgauge (7.0). Install the newest" in refusal(
        tmp_path / "one"
    )


def test_nothing_is_replaced_unless_that_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("precious")
    with pytest.raises(ConfigurationError, match="one exists already and was left as it is"):
        made(file)
    assert file.read_text() == "precious"
    made(file, overwrite=True)
    with backup_file.opened(file):
        pass
    with pytest.raises(ConfigurationError, match="is a folder"):
        made(tmp_path, overwrite=True)
    with pytest.raises(ConfigurationError, match=r"There is no folder .*absent"):
        made(tmp_path / "absent" / "one")
    assert os.listdir(tmp_path) == ["one"]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "one"
    with (
        pytest.raises(ConfigurationError, match="exists already"),
        backup_file.taking_place(file, overwrite=False),
    ):
        file.write_text("precious")
    assert file.read_text() == "precious"
    assert os.listdir(tmp_path) == ["one"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "one").symlink_to(tmp_path / "disk" / "far")
    made(tmp_path / "one")
    assert (tmp_path / "one").is_symlink()
    assert os.listdir(tmp_path / "disk") == ["far"]


def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(sink: IO[bytes]) -> None:
        dump(sink)
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        backup_file.taking_place(tmp_path / "one", overwrite=False) as stream,
    ):
        backup_file.write(stream, MANIFEST, interrupted)
    assert os.listdir(tmp_path) == []


def _fill_the_disk_of(stream: IO[bytes]) -> None:
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), stream.fileno())
    backup_file.write(stream, MANIFEST, dump)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="one cannot be written: No space left on device"),
        backup_file.taking_place(tmp_path / "one", overwrite=False) as stream,
    ):
        _fill_the_disk_of(stream)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_one_left_is_removed_once_nobody_can_be_writing(tmp_path: Path) -> None:
    left, young = (tmp_path / f".{name}.x{PARTIAL}" for name in ("left", "young"))
    for path in (left, young):
        path.touch()
    yesterday = time.time() - backup_file.LEFT_BEHIND - 1
    os.utime(left, (yesterday, yesterday))
    made(tmp_path / "one")
    assert sorted(os.listdir(tmp_path)) == [young.name, "one"]


def test_rotation_deletes_our_own_oldest_alone(tmp_path: Path) -> None:
    ours = [f"teamgauge-2026-11-{day:02}T030000Z.tar" for day in range(1, 6)]
    others = ["teamgauge-2020-01-01T030000Z.tar.gpg", "teamgauge-old.tar", "notes", "a.tar"]
    for name in (*ours, *others):
        (tmp_path / name).touch()
    newest = tmp_path / ours[-1]
    assert backup_folder.rotated(tmp_path, 2, newest) == [tmp_path / name for name in ours[:3]]
    assert sorted(os.listdir(tmp_path)) == sorted((*ours[3:], *others))
    assert backup_folder.rotated(tmp_path, 2, newest) == []
    assert backup_folder.NAME.fullmatch(backup_folder.new_name(tmp_path).name)


def test_a_backup_made_after_the_clock_was_set_back_is_the_newest(tmp_path: Path) -> None:
    names = [f"teamgauge-2026-11-05T{hour}0000Z.tar" for hour in ("11", "12", "13")]
    back = tmp_path / "teamgauge-2026-11-05T121500Z.tar"
    for name in (*names, back.name):
        (tmp_path / name).touch()
    gone = backup_folder.rotated(tmp_path, 2, back)
    assert [path.name for path in gone] == names[:2]
    assert backup_folder.rotated(tmp_path, 1, back) == [tmp_path / names[2]]
    assert os.listdir(tmp_path) == [back.name]
