"""What deploy/ and compose.yaml start, whichever system they are written for: commands of teamgauge, each
with the settings and the secrets that it is given."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy/systemd"
KUBERNETES = ROOT / "deploy/kubernetes"

ANSWERS = {
    "DOMAIN": "teamgauge.example.com",
    "OIDC_ISSUER": "https://gitlab.example.com",
    "OIDC_CLIENT_ID": "0123abc",
}
"""What an operator writes into .env; everything else has a default."""


@dataclass(frozen=True)
class Deployed:
    """One command of teamgauge, as a file of ours starts it.

    arguments: without the program. environment: its TEAMGAUGE_ variables. secrets: the keys of the
    configuration that are handed over as files.
    """

    where: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: frozenset[str]


def compose() -> dict[str, Any]:
    """compose.yaml as Docker Compose reads it, with the answers above."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")

    def answer(match: re.Match[str]) -> str:
        name, operator, rest = match["name"], match["operator"], match["rest"]
        return ANSWERS[name] if operator == ":?" else ANSWERS.get(name, rest)

    filled = re.sub(r"(?<!\$)\$\{(?P<name>\w+)(?P<operator>:[?-])(?P<rest>[^}]*)\}", answer, text)
    loaded: dict[str, Any] = yaml.safe_load(filled)
    return loaded


def ours(service: Mapping[str, Any]) -> bool:
    """Whether a service of compose.yaml runs the image that is built here."""
    return "build" in service


def manifests(folder: Path = KUBERNETES) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that `kubectl apply --filename deploy/kubernetes` makes, with its file's name."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield path.name, document


def pod_of(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The template of the pods that an object of Kubernetes makes, if it makes any."""
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    template: dict[str, Any] | None = spec.get("template")
    return template


def secrets_of_example() -> dict[str, frozenset[str]]:
    """The keys of each Secret that an operator makes for a cluster."""
    found = manifests(KUBERNETES / "examples")
    return {each["metadata"]["name"]: frozenset(each["stringData"]) for _, each in found}


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """The sections of a unit of systemd; a key may be given several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def deployed() -> list[Deployed]:
    """Everything that any of the files starts."""
    return [*_by_compose(), *_by_systemd(), *_by_kubernetes()]


def _by_compose() -> Iterator[Deployed]:
    for name, service in compose()["services"].items():
        if not ours(service):
            continue
        command = service["command"]
        calls = [command]
        if "entrypoint" in service:  # a shell's loop around it
            assert service["entrypoint"] == ["sh", "-c"]
            calls = [
                shlex.split(line)[1:]
                for line in map(str.strip, command[0].splitlines())
                if line.startswith("teamgauge ")
            ]
            assert calls
        for arguments in calls:
            yield Deployed(
                where=f"compose.yaml, {name}",
                arguments=tuple(arguments),
                environment=service.get("environment", {}),
                secrets=frozenset(service["secrets"]),
            )


def _by_systemd() -> Iterator[Deployed]:
    for path in sorted(SYSTEMD.glob("*.service")):
        service = unit(path)["Service"]
        (start,) = service["ExecStart"]
        program, *arguments = shlex.split(start)
        assert program == "/opt/teamgauge/bin/teamgauge"
        yield Deployed(
            where=path.name,
            arguments=tuple(arguments),
            environment=dict(each.split("=", 1) for each in service.get("Environment", [])),
            secrets=frozenset(each.partition(":")[0] for each in service["LoadCredential"]),
        )


def _by_kubernetes() -> Iterator[Deployed]:
    maps = {
        each["metadata"]["name"]: each["data"]
        for _, each in manifests()
        if each["kind"] == "ConfigMap"
    }
    known = secrets_of_example()
    for name, manifest in manifests():
        pod = pod_of(manifest)
        if pod is None:
            continue
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            environment: dict[str, str] = {}
            for source in container.get("envFrom", []):
                environment |= maps[source["configMapRef"]["name"]]
            for each in container.get("env", []):
                source = each.get("valueFrom", {}).get("configMapKeyRef")
                value = maps[source["name"]][source["key"]] if source else each["value"]
                environment[each["name"]] = value
            mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
            secret = volumes[mounted["/run/secrets"]]["secret"]["secretName"]
            yield Deployed(
                where=f"{name}, {container['name']}",
                arguments=tuple(container["args"]),
                environment=environment,
                secrets=known[secret],
            )
