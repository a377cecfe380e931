"""compose.yaml: valid by its schema, every container confined, the database out of reach."""

import re
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import validators

from app.store.binaries import installed
from app.store.database import OLDEST
from app.store.roles import DatabaseRole
from tests.packaging.deployments import ROOT, compose, ours

COMPOSE = compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_schema_holds_and_refuses_what_it_does_not_know() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    validator = validators.validator_for(schema)(schema)
    assert not list(validator.iter_errors(COMPOSE))
    web = {**SERVICES["web"], "readonly": True}
    (error,) = validator.iter_errors({**COMPOSE, "services": {**SERVICES, "web": web}})
    assert "readonly" in error.message


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name == "proxy" else set())
    assert service["pids_limit"]
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"], "a log must not fill the disk"
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    for mount in service["tmpfs"]:
        folder, _, options = mount.partition(":")
        assert folder in ("/tmp", "/var/run/postgresql")
        assert {"noexec", "nosuid", "nodev"} <= set(options.split(","))
    if ours(service):
        assert "user" not in service, "the image's own, which has no rights"


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    networks = COMPOSE["networks"]
    assert networks["inside"] == {"internal": True}
    (front,) = networks["front"]["ipam"]["config"]
    trusted = SERVICES["web"]["environment"]["TEAMGAUGE_SERVER__TRUSTED_PROXIES"]
    assert trusted == front["subnet"]
    there = {name for name, service in SERVICES.items() if "front" in service["networks"]}
    assert there == {"web", "proxy"}
    assert SERVICES["database"]["networks"] == ["inside"]
    for name in ("migrate", "backup"):
        assert SERVICES[name]["networks"] == ["inside"], "nothing outside is its business"


def test_everything_waits_for_what_it_needs() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("web", "worker", "backup"):
        needed = SERVICES[name]["depends_on"]
        assert needed == {"migrate": {"condition": "service_completed_successfully"}}
    for name in ("database", "web", "backup"):
        assert SERVICES[name]["healthcheck"]["test"]


def test_the_postgres_is_one_that_can_be_used_and_saved() -> None:
    image, _, version = SERVICES["database"]["image"].partition(":")
    assert image == "postgres"
    assert OLDEST <= int(version) <= installed()[0].version


def test_everything_named_is_declared() -> None:
    for kind in ("secrets", "networks"):
        used = {each for service in SERVICES.values() for each in service.get(kind, [])}
        assert used == set(COMPOSE[kind])
    mounts = [mount for service in SERVICES.values() for mount in service["volumes"]]
    named = {mount.partition(":")[0] for mount in mounts if mount[0] != "."}
    assert named == set(COMPOSE["volumes"])
    for mount in mounts:
        source, _, target = mount.partition(":")
        if source.startswith("./deploy"):
            assert (ROOT / source).is_file()
        if source.startswith("."):
            assert target.endswith(":ro")
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_what_an_operator_writes_is_kept_out_of_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/.env", "/config/", "/secrets/"} <= set(ignored)
    image = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert image[image.index("*") :][0] == "*"
    assert not re.search(r"!(\.env|config|secrets)", " ".join(image))


def test_the_logins_are_members_of_the_roles_that_are_granted_something() -> None:
    script = (ROOT / "deploy/compose/logins.sh").read_text(encoding="utf-8")
    logins = re.search(r"for name in ([\w ]+);", script)
    assert logins
    assert 'role="teamgauge_$name"' in script
    roles = {f"teamgauge_{name}" for name in logins[1].split()}
    assert roles == {DatabaseRole.WEB.value, DatabaseRole.COLLECT.value}
    passwords = {f"{name}.password" for name in (*logins[1].split(), "teamgauge")}
    assert set(SERVICES["database"]["secrets"]) == passwords
