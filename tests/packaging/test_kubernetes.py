"""deploy/kubernetes: valid by the schemas of Kubernetes, "restricted", and every name leads somewhere."""

from collections.abc import Mapping
from typing import Any

import kubernetes_validate
import pytest

from app.cli.answering import SECONDS_TO_FINISH
from tests.packaging.deployments import (
    KUBERNETES,
    ROOT,
    manifests,
    pod_of,
    secrets_of_example,
    unit,
)

VERSIONS = ("1.31", "1.37")
"""Of Kubernetes: the oldest that is promised, and the newest that there was."""

MANIFESTS = list(manifests())
EXAMPLES = list(manifests(KUBERNETES / "examples"))
PODS = {
    manifest["metadata"]["name"]: pod
    for _, manifest in MANIFESTS
    if (pod := pod_of(manifest)) is not None
}


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for _, each in MANIFESTS if each["kind"] == kind}


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_hold(version: str) -> None:
    for name, manifest in (*MANIFESTS, *EXAMPLES):
        used = kubernetes_validate.validate(manifest, version, strict=True)
        assert used == version, name


def test_the_schemas_refuse_what_they_do_not_know() -> None:
    deployment = named("Deployment")["teamgauge-web"]
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_namespace_refuses_more_than_restricted() -> None:
    labels = named("Namespace")["teamgauge"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, manifest in (*MANIFESTS, *EXAMPLES):
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "teamgauge", name


@pytest.mark.parametrize("name", PODS)
def test_each_pod_is_restricted(name: str) -> None:
    """What the standard "restricted" asks for, and a read-only root beyond it."""
    spec = PODS[name]["spec"]
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    allowed = {"secret", "configMap", "emptyDir", "persistentVolumeClaim"}
    for volume in spec["volumes"]:
        assert volume.keys() - {"name"} <= allowed
    for container in spec["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert not {"privileged", "runAsUser", "seccompProfile", "procMount"} & own.keys()
        assert not [port for port in container.get("ports", []) if "hostPort" in port]
        assert {"memory", "cpu"} <= container["resources"]["requests"].keys()
        assert container["resources"]["limits"].keys() == {"memory"}, "a limit of cpu only slows"


@pytest.mark.parametrize("name", PODS)
def test_each_pod_runs_the_image_as_its_user(name: str) -> None:
    spec = PODS[name]["spec"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    user = spec["securityContext"]["runAsUser"]
    assert f"USER {user}:{spec['securityContext']['runAsGroup']}" in dockerfile
    assert "CREDENTIALS_DIRECTORY=/run/secrets" in dockerfile
    assert spec["serviceAccountName"] in named("ServiceAccount")
    assert spec["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    assert {each["name"] for each in mounts.values()} == {each["name"] for each in spec["volumes"]}
    for path in ("/etc/teamgauge", "/run/secrets"):
        assert mounts[path]["readOnly"] is True
    images = {pod["spec"]["containers"][0]["image"] for pod in PODS.values()}
    assert len(images) == 1, "one version for all"


def test_every_volume_and_setting_is_made_somewhere() -> None:
    secrets = {*secrets_of_example(), "teamgauge-files"}  # which kubectl makes of a folder
    claims = named("PersistentVolumeClaim")
    for pod in PODS.values():
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in secrets
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        for source in pod["spec"]["containers"][0].get("envFrom", []):
            assert source["configMapRef"]["name"] in named("ConfigMap")


def test_requests_reach_the_web_server_and_nothing_else() -> None:
    labels = PODS["teamgauge-web"]["metadata"]["labels"]
    others = [pod["metadata"]["labels"] for name, pod in PODS.items() if name != "teamgauge-web"]
    service = named("Service")["teamgauge-web"]["spec"]
    budget = named("PodDisruptionBudget")["teamgauge-web"]["spec"]["selector"]["matchLabels"]
    policy = named("NetworkPolicy")["teamgauge-web"]["spec"]
    deployment = named("Deployment")["teamgauge-web"]["spec"]
    selectors = (
        service["selector"],
        budget,
        policy["podSelector"]["matchLabels"],
        deployment["selector"]["matchLabels"],
    )
    for selector in selectors:
        assert matches(selector, labels)
        assert not any(matches(selector, other) for other in others)
    (container,) = PODS["teamgauge-web"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8000}
    assert service["ports"][0]["targetPort"] in ports
    assert policy["ingress"][0]["ports"][0]["port"] in ports
    (rule,) = named("Ingress")["teamgauge"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["name"] in named("Service")
    assert path["backend"]["service"]["port"]["name"] in {each["name"] for each in service["ports"]}


def test_the_address_is_the_same_everywhere() -> None:
    ingress = named("Ingress")["teamgauge"]["spec"]
    (rule,) = ingress["rules"]
    (tls,) = ingress["tls"]
    assert tls["hosts"] == [rule["host"]]
    data = named("ConfigMap")["teamgauge-sign-in"]["data"]
    assert data["TEAMGAUGE_AUTH__BASE_URL"] == f"https://{rule['host']}"


def test_everything_else_is_refused_by_the_network() -> None:
    policy = named("NetworkPolicy")["teamgauge"]["spec"]
    assert policy["podSelector"] == {}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    assert all("ports" in rule for rule in policy["egress"])


def test_the_web_server_is_asked_how_it_is_and_ends_in_peace() -> None:
    pod = PODS["teamgauge-web"]["spec"]
    (container,) = pod["containers"]
    paths = {
        probe: container[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",  # a database that is away is no reason to be restarted
        "readinessProbe": "/readyz",
    }
    for probe in paths:
        assert container[probe]["httpGet"]["httpHeaders"] == [
            {"name": "Host", "value": "localhost"}
        ]
    drain = next(
        float(each["value"])
        for each in container["env"]
        if each["name"] == "TEAMGAUGE_SERVER__DRAIN_SECONDS"
    )
    assert pod["terminationGracePeriodSeconds"] > drain + SECONDS_TO_FINISH


def test_no_job_runs_twice_at_once() -> None:
    jobs = named("CronJob")
    assert set(jobs) == {"teamgauge-collect", "teamgauge-backup"}
    for job in jobs.values():
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        assert job["spec"]["timeZone"] == "Etc/UTC"
        assert job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_backups_are_kept_alike_everywhere() -> None:
    (container,) = PODS["teamgauge-backup"]["spec"]["containers"]
    service = unit(ROOT / "deploy/systemd/teamgauge-backup.service")["Service"]
    assert container["args"][-2:] == service["ExecStart"][0].split()[-2:]
