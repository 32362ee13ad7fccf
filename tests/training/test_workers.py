"""Training on several workers: real processes on this machine, in a network namespace that has the loopback alone."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import shlex
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import SMALL, command, command_after
from helpers.ports import free_port
from helpers.waiting import HANGS

from dncnn_tf.config import ModelConfig, TrainConfig
from dncnn_tf.training.fit import train
from dncnn_tf.training.workers import Cluster, ClusterError

APART = ("unshare", "--map-root-user", "--net", "sh", "-c")
SECRET = "a secret of these tests"
LENGTH = ("--epochs", 3, "--steps-per-epoch", 10, "--seed", 1)


def run_together(folder: Path, scripts: list[str], patience: float = 2 * HANGS) -> list[tuple[int, str, str]]:
    """Run a shell script for each worker, all at once: exit status, stdout and stderr of each."""
    if shutil.which("unshare") is None or subprocess.run([*APART, "ip link set lo up"], check=False).returncode:
        pytest.skip("no network namespace can be made here, and TensorFlow's workers bind every interface")
    workers = [f"127.0.0.1:{20001 + i}" for i in range(len(scripts))]
    lines = ["ip link set lo up"]
    for i, script in enumerate(scripts):
        setting = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}})
        given = f"TF_CONFIG={shlex.quote(setting)} DNCNN_TF_CLUSTER_SECRET={shlex.quote(SECRET)}"
        lines.append(f"( export {given}; {script} ) >out{i} 2>err{i} & p{i}=$!")
    lines += [f"wait $p{i}; echo $? >status{i}" for i in range(len(scripts))]
    subprocess.run([*APART, "\n".join(lines)], cwd=folder, check=True, timeout=patience)
    return [
        (int((folder / f"status{i}").read_text()), (folder / f"out{i}").read_text(), (folder / f"err{i}").read_text())
        for i in range(len(scripts))
    ]


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def training(photographs: Path, run: Path, code: str = "") -> str:
    options = (*SMALL, "--batch-size", 8, "--data", photographs, *LENGTH)
    arguments = ("train", "--sigma", 25, *options, "--output", run)
    return shlex.join(command_after(code, *arguments) if code else command(*arguments))


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, photographs: Path) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    done = run_together(folder, [training(photographs, "run"), training(photographs, "other")])
    assert [status for status, _, _ in done] == [0, 0], done
    assert [out for _, out, _ in done] == ["run/best.keras\n", ""]
    assert "worker 2 of 2: waiting for the others" in done[1][2]
    assert "epoch 3/3" in done[0][2]
    return folder / "run"


@pytest.mark.slow
def test_two_workers_have_the_loss_curve_of_one(two_workers: Path, tmp_path: Path) -> None:
    config = TrainConfig.from_dict(json.loads((two_workers / "config.json").read_text()))
    assert config.shards == 2
    train(config, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(two_workers), strict=True):
        for name in ("loss", "psnr", "val_loss", "val_psnr"):
            assert two[name] == pytest.approx(one[name], rel=2e-3), name
    for one, two in zip(
        *(keras.saving.load_model(run / "last.keras").get_weights() for run in (tmp_path / "one", two_workers)),
        strict=True,
    ):
        np.testing.assert_allclose(two, one, atol=5e-3)


@pytest.mark.slow
def test_only_the_first_worker_writes(two_workers: Path) -> None:
    assert {"best.keras", "checkpoints", "config.json", "log.csv"} <= {path.name for path in two_workers.iterdir()}
    assert not list(two_workers.rglob("*.tmp*"))
    assert not (two_workers.parent / "other").exists()


# In the middle of the second of three epochs.
KILLED = """
import itertools, os, signal
from dncnn_tf.training.loops import OneOfWorkers

training_step = OneOfWorkers._training_step

def step_of_one_who_is_killed(self):
    step, numbers = training_step(self), itertools.count(1)

    def one(batch):
        if next(numbers) == 15:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(batch)

    return one

OneOfWorkers._training_step = step_of_one_who_is_killed
"""


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_a_worker_dies_the_others_say_so_and_a_restart_goes_on(
    two_workers: Path, photographs: Path, tmp_path: Path, victim: int
) -> None:
    survivor = 1 - victim
    scripts = ["", ""]
    scripts[survivor] = training(photographs, "run")
    scripts[victim] = training(photographs, "run", KILLED)
    done = run_together(tmp_path, scripts)
    assert done[victim][0] == 137
    status, _, said = done[survivor]
    assert status == 1, said
    last = said.splitlines()[-1]
    assert last.startswith("error: another worker is gone, or this one failed, in epoch ")
    assert "start all of them again with --resume" in last
    assert "Traceback" not in said
    again = run_together(tmp_path, [shlex.join(command("train", "--resume", "--output", "run"))] * 2)
    assert [status for status, _, _ in again] == [0, 0], again
    assert "going on after epoch 1 of 3" in again[1][2]
    for whole, resumed in zip(rows(two_workers), rows(tmp_path / "run"), strict=True):
        for name in ("loss", "val_psnr"):
            assert resumed[name] == pytest.approx(whole[name], rel=2e-3), name


def test_a_worker_that_waits_for_the_others_can_be_stopped(photographs: Path, tmp_path: Path) -> None:
    waiting = training(photographs, "run")
    script = f"{waiting} & while ! grep -q waiting err1; do sleep 0.1; done; sleep 1; kill $!; wait $!"
    done = run_together(tmp_path, ["true", script])
    assert done[1][0] == 143
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "no json",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator", "index": 0}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_cluster_that_makes_no_sense_is_refused(monkeypatch, setting) -> None:
    monkeypatch.setenv("TF_CONFIG", setting)
    with pytest.raises(ClusterError, match=r"TF_CONFIG must .* Received: "):
        Cluster.from_environment()


def test_the_command_says_so_in_one_line_and_writes_nothing(dncnn_tf_here, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("TF_CONFIG", "no json")
    done = dncnn_tf_here("train", "--sigma", 25, "--output", tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: TF_CONFIG must")
    assert not (tmp_path / "run").exists()


def test_a_chief_of_its_own_is_the_first_worker(monkeypatch) -> None:
    cluster = {"chief": ["c:1"], "worker": ["a:1", "b:1"]}
    monkeypatch.setenv("DNCNN_TF_CLUSTER_SECRET", f"{SECRET}\n")
    for task, index in ((("chief", 0), 0), (("worker", 0), 1), (("worker", 1), 2)):
        setting = {"cluster": cluster, "task": dict(zip(("type", "index"), task, strict=True))}
        monkeypatch.setenv("TF_CONFIG", json.dumps(setting))
        assert Cluster.from_environment() == Cluster(("c:1", "a:1", "b:1"), index, SECRET.encode())


def test_one_worker_or_none_is_the_ordinary_path(monkeypatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert Cluster.from_environment().size == 1
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    assert Cluster.from_environment().size == 1


@pytest.fixture
def addresses() -> tuple[str, ...]:
    return (f"127.0.0.1:{free_port()}", "b:2222", "c:2222")


def test_workers_meet_at_the_chief_whoever_comes_first(addresses) -> None:
    with ThreadPoolExecutor(4) as threads:
        early = [threads.submit(Cluster(addresses, i).meet, "the same", HANGS) for i in (2, 1)]
        time.sleep(0.5)
        assert not any(meeting.done() for meeting in early)
        chief = threads.submit(Cluster(addresses, 0).meet, "the same", HANGS)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(addresses[0][10:]))) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert [meeting.result(HANGS) for meeting in (chief, *early)] == [None] * 3


def test_workers_that_were_started_differently_do_not_begin(addresses) -> None:
    two = addresses[:2]
    with ThreadPoolExecutor(2) as threads:
        chief, other = (threads.submit(Cluster(two, i).meet, f"seed {i}", HANGS) for i in (0, 1))
        with pytest.raises(ClusterError, match="b:2222 was started otherwise than the first worker"):
            chief.result(HANGS)
        with pytest.raises(ClusterError, match="was started otherwise than this one"):
            other.result(HANGS)


def test_shards_are_shared_out_evenly_or_not_at_all() -> None:
    assert [list(Cluster(("a:1", "b:1"), i).own_shards(4)) for i in range(2)] == [[0, 2], [1, 3]]
    with pytest.raises(ClusterError, match=r"in 4 shards, .* Received: 3 workers"):
        Cluster(("a:1", "b:1", "c:1")).own_shards(4)
    config = TrainConfig(model=ModelConfig(depth=4, filters=8), batch_size=8)
    with pytest.raises(ValueError, match="batch_size must be a multiple of shards"):
        dataclasses.replace(config, shards=3)
