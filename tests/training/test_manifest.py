"""The Kubernetes manifest in the docs: valid, and what it hands to `train` is a cluster that it understands."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from dncnn_tf.training.workers import Cluster

GUIDE = (Path(__file__).parents[2] / "docs/guides/many-machines.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    """Its objects by kind."""
    text = GUIDE.partition("```yaml\n")[2].partition("```")[0]
    return {part["kind"]: part for part in yaml.safe_load_all(text)}


@pytest.mark.parametrize("kind", ["Service", "NetworkPolicy", "Job"])
def test_it_fits_kubernetes_schema(manifest, kind) -> None:
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest[kind], version, strict=True)
    broken = manifest[kind] | {"specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_names_agree(manifest) -> None:
    job, service = manifest["Job"], manifest["Service"]
    name = job["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    policy, pods = manifest["NetworkPolicy"]["spec"], {"podSelector": {"matchLabels": {"job-name": name}}}
    assert policy == pods | {"policyTypes": ["Ingress"], "ingress": [{"from": [pods]}]}, "the workers, and nobody else"
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    container = job["spec"]["template"]["spec"]["containers"][0]
    variables = {entry["name"]: entry.get("value") or entry["valueFrom"] for entry in container["env"]}
    workers, secret = variables["WORKERS"], variables["DNCNN_TF_CLUSTER_SECRET"]["secretKeyRef"]
    assert f"kubectl create secret generic {secret['name']} --from-literal={secret['key']}=" in GUIDE
    assert int(workers) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]
    }


@pytest.mark.parametrize("begun", [False, True])
def test_the_script_trains_or_resumes_as_its_worker(manifest, monkeypatch, tmp_path, begun) -> None:
    container = manifest["Job"]["spec"]["template"]["spec"]["containers"][0]
    script = container["args"][0].replace("/shared/", f"{tmp_path}/shared/")
    if begun:
        (tmp_path / "shared/runs/dncnn-b").mkdir(parents=True)
        (tmp_path / "shared/runs/dncnn-b/config.json").touch()
    (tmp_path / "dncnn-tf").write_text('#!/bin/sh\necho "$TF_CONFIG"; echo "$@"\n')
    (tmp_path / "dncnn-tf").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "WORKERS": "4", "JOB_COMPLETION_INDEX": "2"}
    done = subprocess.run([*container["command"], script], env=environment, capture_output=True, text=True, check=True)
    setting, command = done.stdout.splitlines()
    assert json.loads(setting)["task"] == {"type": "worker", "index": 2}
    monkeypatch.setenv("TF_CONFIG", setting)
    monkeypatch.setenv("DNCNN_TF_CLUSTER_SECRET", "a secret of this test")
    addresses = tuple(f"dncnn-{i}.dncnn:2222" for i in range(4))
    assert Cluster.from_environment() == Cluster(addresses, 2, b"a secret of this test")
    assert command.startswith("train --resume" if begun else "train --recipe dncnn-b")
    assert command.endswith("/shared/runs/dncnn-b")
