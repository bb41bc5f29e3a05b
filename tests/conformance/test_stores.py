"""What every store of checkpoints keeps: a directory, objects in memory, and S3 as a server speaks it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.objects import ObjectStore
from caudal.checkpoint.store import Absent, Exists, Store, StoreError, open_store
from caudal.core.errors import OptionError

obstore = pytest.importorskip("obstore.store")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3, with a bucket "states"."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="states")
        yield address
    finally:
        server.stop()


@pytest.fixture(params=["directory", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "directory":
        made: Store = DirectoryStore(str(tmp_path / "state"))
    elif request.param == "memory":
        made = ObjectStore("memory://", obstore.MemoryStore())
    else:
        made = ObjectStore("s3://states/job", _bucket(request.getfixturevalue("s3"), tmp_path.name))
    yield made
    made.close()


def _bucket(address: str, prefix: str) -> Any:
    keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
    return obstore.S3Store(
        "states",
        prefix=prefix,
        endpoint=address,
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
        **keys,
    )


def test_what_is_written_is_read(store: Store) -> None:
    store.create("job/1.state", b"0123456789")
    assert store.read("job/1.state") == b"0123456789"
    assert store.read("job/1.state", 3) == b"3456789"
    assert store.read("job/1.state", 3, 4) == b"3456"
    assert store.read("job/1.state", 8, 4) == b"89"
    assert store.read("job/1.state", 3, 0) == b""
    store.create("job/empty", b"")
    assert store.read("job/empty") == b""


def test_what_is_there_is_not_created_again(store: Store) -> None:
    store.create("job/1.json", b"first")
    with pytest.raises(Exists):
        store.create("job/1.json", b"second")
    assert store.read("job/1.json") == b"first"
    store.replace("job/1.json", b"third")
    assert store.read("job/1.json") == b"third"
    store.replace("job/2.json", b"new")
    assert store.read("job/2.json") == b"new"


def test_one_of_many_creates(store: Store) -> None:
    won: list[int] = []

    def create(number: int) -> None:
        try:
            store.create("job/1.json", str(number).encode())
            won.append(number)
        except Exists:
            pass

    threads = [threading.Thread(target=create, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in won] == [store.read("job/1.json")]


def test_what_is_not_there(store: Store) -> None:
    with pytest.raises(Absent, match="none"):
        store.read("job/none.json")
    with pytest.raises(Absent):
        store.read("job/none.json", 2, 4)
    assert store.list("job") == []
    assert store.list("") == []
    store.delete(["job/none.json", "job/neither"])


def test_a_folder_is_listed_by_name(store: Store) -> None:
    before = time.time() - 5
    for name, size in (("job/b", 2), ("job/a", 1), ("jobs/c", 3), ("job/deep/d", 4)):
        store.create(name, b"x" * size)
    assert [(each.name, each.size) for each in store.list("job")] == [("job/a", 1), ("job/b", 2), ("job/deep/d", 4)]
    assert [each.name for each in store.list("")] == ["job/a", "job/b", "job/deep/d", "jobs/c"]
    assert all(before < each.modified < time.time() + 5 for each in store.list(""))
    store.delete(["job/a", "job/deep/d"])
    assert [each.name for each in store.list("job")] == ["job/b"]


def test_a_directory_has_one_job_at_a_time(tmp_path: Path) -> None:
    first, second = DirectoryStore(str(tmp_path)), DirectoryStore(str(tmp_path))
    first.hold()
    with pytest.raises(OptionError, match="another job"):
        second.hold()
    first.close()
    second.hold()
    second.close()


def test_what_killed_processes_have_left_half_written_goes(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".tmp-1234").write_bytes(b"half")
    store = DirectoryStore(str(tmp_path))
    assert store.list("") == []
    store.hold()
    store.close()
    assert not list((tmp_path / "job").iterdir())


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="needs a place"):
        open_store("")
    with pytest.raises(OptionError, match="no directory"):
        open_store(str(tmp_path / "none"), create=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="is no directory"):
        open_store(str(tmp_path / "file"))
    with pytest.raises(OptionError, match="no object store"):
        open_store("nowhere://x")
    assert [each.name for each in open_store(f"file://{tmp_path}").list("")] == ["file"]


def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
    bucket = obstore.S3Store(
        "states",
        endpoint="http://127.0.0.1:9",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        **keys,
    )
    with pytest.raises(StoreError, match="s3://states"):
        ObjectStore("s3://states", bucket).read("job/1.json")
