"""compose.yaml and the Kubernetes manifests: valid, as locked down as they say, and about files and ports that there are."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from proxy import __version__

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSION = "1.30"
"""The oldest Kubernetes that the manifests are for."""
SECRETS = {
    "admin_token": "a-token-that-is-long-enough",
    "store_url": "redis://store.internal:6379",
    "ga_api_secret": "x",
}
"""What the Secret of the manifests holds."""
MOUNTED = "/run/secrets/sayso"
Document = Mapping[str, Any]


def documents(path: Path) -> list[Document]:
    """Return the documents of a file."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def manifests() -> list[Document]:
    """Return everything that the kustomization lists."""
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    return [one for name in kustomization["resources"] for one in documents(KUBERNETES / name)]


def workloads() -> list[Document]:
    """Return what runs pods."""
    return [one for one in manifests() if one["kind"] in {"Deployment", "StatefulSet"}]


def name_of(document: Document) -> str:
    """Return what pytest calls a document."""
    return f"{document['kind']}-{document['metadata']['name']}"


def containers() -> Iterator[tuple[Document, Document]]:
    """Yield each container with its pod's spec."""
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield pod, container


def sayso(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run our command with the secrets that the files name."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "proxy.cli", *arguments],
        cwd=ROOT,
        env=os.environ | {"SAYSO_ADMIN_TOKEN": SECRETS["admin_token"]},
        capture_output=True,
        text=True,
        check=False,
    )


# --- Kubernetes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", manifests(), ids=name_of)
def test_a_manifest_is_valid_by_the_schema(document: Document) -> None:
    """Strictly: a key that Kubernetes does not know is an error."""
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_every_file_is_in_the_kustomization() -> None:
    """A file that nobody applies would be a lie."""
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    listed = {*kustomization["resources"], "kustomization.yaml"}
    listed |= {file for one in kustomization["configMapGenerator"] for file in one["files"]}
    assert listed == {path.name for path in KUBERNETES.iterdir()}
    assert kustomization["images"][0]["newTag"] == __version__


def test_gateway_and_delivery_run_apart_and_each_may_lose_a_pod() -> None:
    """Two of each, and a budget that keeps one."""
    assert {one["metadata"]["name"]: one["spec"]["replicas"] for one in workloads()} == {
        "gateway": 2,
        "deliver": 2,
    }
    budgets = [one for one in manifests() if one["kind"] == "PodDisruptionBudget"]
    for workload in workloads():
        labels = workload["spec"]["selector"]["matchLabels"]
        assert workload["spec"]["template"]["metadata"]["labels"].items() >= labels.items()
        assert any(one["spec"]["selector"]["matchLabels"] == labels for one in budgets)


def test_pods_are_locked_down() -> None:
    """Not root, nothing to write on but what is mounted, no rights, no token of the cluster's."""
    found = list(containers())
    assert found
    for pod, container in found:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {one["mountPath"] for one in container["volumeMounts"]} == {
            "/etc/sayso",
            MOUNTED,
            "/var/lib/sayso",
            "/tmp",  # noqa: S108 - a container's own
        }
        assert {one["name"] for one in container["volumeMounts"]} <= {
            *(one["name"] for one in pod["volumes"]),
            "data",
        }


def test_probes_ask_the_admin_port_for_what_is_there() -> None:
    """Alive is about the process, ready about taking events."""
    for _, container in containers():
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        assert ports["admin"] == 9464
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "admin"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}
        command, *options = container["args"]
        assert sayso(command, "--help").returncode == 0
        assert options == ["--config", "/etc/sayso/sayso.toml"]


def test_secrets_are_files_and_stand_in_nobodys_environment() -> None:
    """A variable is seen by every child, in every dump, and by whoever may look at the pod."""
    for pod, container in containers():
        assert not {"env", "envFrom"} & set(container)
        (volume,) = [one for one in pod["volumes"] if "secret" in one]
        assert volume["secret"] == {"secretName": "sayso", "defaultMode": 0o440}
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == volume["name"]]
        assert mount == {"name": "secrets", "mountPath": MOUNTED, "readOnly": True}
    written = (KUBERNETES / "sayso.toml").read_text(encoding="utf-8")
    assert set(re.findall(rf'"file:{MOUNTED}/(\w+)"', written)) == set(SECRETS)
    assert '"env:' not in written
    page = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--from-file (\w+)", page)) == set(SECRETS)
    dates = [one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for one in workloads()]
    assert min(dates) > 5 + 10  # preStop, and what Sayso may take to stop


def test_only_delivery_may_reach_the_internet_and_only_over_https() -> None:
    """The gateway asks the store and a name server; nothing else, whatever runs in it."""
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests() if one["kind"] == "NetworkPolicy"}
    assert set(policies) == {"nothing", "gateway", "deliver"}
    assert "egress" not in policies["nothing"]
    assert "ingress" not in policies["nothing"]

    def outward(name: str) -> list[tuple[str, int]]:
        return [
            (to["ipBlock"]["cidr"], port["port"])
            for rule in policies[name]["egress"]
            for to in rule["to"]
            if "ipBlock" in to
            for port in rule["ports"]
        ]

    assert outward("gateway") == []
    assert outward("deliver") == [("0.0.0.0/0", 443)]


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [KUBERNETES / "sayso.toml", ROOT / "config" / "compose.toml"], ids=lambda path: path.name
)
def test_the_configurations_are_right(path: Path, tmp_path: Path) -> None:
    """They start as they are, once the secrets are there."""
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value, encoding="utf-8")
        (tmp_path / name).chmod(0o440)
    here = tmp_path / path.name
    here.write_text(path.read_text(encoding="utf-8").replace(MOUNTED, str(tmp_path)), encoding="utf-8")
    done = sayso("check-config", str(here))
    assert done.returncode == 0, done.stderr
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    assert found["server"]["listen"].endswith(":8080")
    assert found["server"]["admin_listen"].endswith(":9464")


# --- compose ----------------------------------------------------------------------------------------------------------


def services() -> dict[str, Document]:
    """Return the services of compose.yaml."""
    (document,) = documents(ROOT / "compose.yaml")
    found: dict[str, Document] = document["services"]
    return found


def test_what_compose_mounts_is_there() -> None:
    """Files of this repository, and volumes that are declared."""
    (document,) = documents(ROOT / "compose.yaml")
    for service in document["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
                assert volume.endswith(":ro"), volume
            else:
                assert source in document["volumes"]


def test_compose_publishes_on_loopback_alone() -> None:
    """A trial is nobody else's business."""
    for service in services().values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), port


def test_names_in_the_configurations_are_services() -> None:
    """The store, the twin, what Prometheus scrapes, and where Grafana asks."""
    found = services()
    settings = tomllib.loads((ROOT / "config" / "compose.toml").read_text(encoding="utf-8"))
    assert settings["store"]["url"] == "redis://valkey:6379/0"
    assert settings["egress"]["origin"] == f"http://twin:{found['twin']['command'][-1].rpartition(':')[2]}"
    (prometheus,) = documents(ROOT / "config" / "prometheus" / "prometheus.yml")
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": ["sayso:9464"]}]
    assert {"valkey", "twin", "sayso", "prometheus", "grafana"} == set(found)


def test_the_store_keeps_what_a_204_promises() -> None:
    """Synced before the answer, and nothing evicted."""
    command = " ".join(services()["valkey"]["command"])
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in command


def test_our_own_containers_are_read_only_and_without_rights() -> None:
    """As the image allows."""
    for name in ("sayso", "twin"):
        service = services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
