"""The section [auth]: who may look, and how they show who they are."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from app.settings.values import Address, OptionalPath, Secret, Section, Whole, shown

RoleName = Literal["viewer", "manager", "director", "admin"]


def _words(value: tuple[str, ...]) -> tuple[str, ...]:
    if any(not each.strip() for each in value):
        raise ValueError("must not hold an empty text")
    return tuple(each.strip() for each in value)


def _claim(value: str) -> str:
    if not value.strip():
        raise ValueError('must not be empty, write "groups"')
    return value.strip()


def _one_word(value: str) -> str:
    if any(character.isspace() for character in value.strip()):
        raise ValueError(f"must not contain spaces, not {shown(value)}")
    return value.strip()


def _table(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - pydantic's way
            'must hold tables such as { role = "admin", groups = ["operators"] }'
        )
    return value


Words = Annotated[tuple[str, ...], AfterValidator(_words)]
Claim = Annotated[str, AfterValidator(_claim)]
Word = Annotated[str, AfterValidator(_one_word)]


class Grant(Section):
    """A role for everybody in one of the groups, and for single users.

    groups: as the provider names them. users: by verified e-mail address or by `sub`. teams: slugs of
    the teams that a manager or a director has, each with everything below it.
    """

    role: RoleName
    groups: Words = ()
    users: Words = ()
    teams: Words = ()

    @model_validator(mode="after")
    def _says_who_and_where(self) -> "Grant":
        if not self.groups and not self.users:
            raise ValueError(f"must say who is {self.role}: groups or users")
        of_teams = self.role in ("manager", "director")
        if of_teams and not self.teams:
            raise ValueError(f"must say of which teams somebody is {self.role}: teams")
        if self.teams and not of_teams:
            raise ValueError(f"must not name teams for {self.role}, who has all of them")
        return self


class AuthSettings(Section):
    """`none` serves this machine only; `oidc` lets in who signs in at the provider.

    base_url: where people open teamgauge. groups_claim: of the ID token or of userinfo.
    username_claim: the claim that is a username of the GitLab that is collected; empty: people are
    known by their e-mail address alone. everyone: the role of whoever signs in, where nothing else
    says one. leaders: who manages a team today, as the memberships say, is its manager here.
    other_teams: what managers and directors see of teams that are not theirs.
    viewers_see_merge_requests: whether those who may see a team's values as a viewer also see the
    merge requests behind them. audit_days: how long it is kept who did what.
    """

    mode: Literal["none", "oidc"] = "none"
    issuer: Address = ""
    client_id: Word = ""
    client_secret: Secret = SecretStr("")
    client_secret_file: OptionalPath = None
    ca_file: OptionalPath = None
    base_url: Address = ""
    scopes: Words = ("openid", "profile", "email")
    groups_claim: Claim = "groups"
    username_claim: Word = ""
    grants: tuple[Annotated[Grant, BeforeValidator(_table)], ...] = ()
    everyone: Literal["viewer", "none"] = "none"
    leaders: bool = True
    other_teams: Literal["viewer", "none"] = "viewer"
    viewers_see_merge_requests: bool = False
    session_hours: Annotated[Whole, Field(ge=1, le=720)] = 12
    idle_minutes: Annotated[Whole, Field(ge=5, le=43_200)] = 240
    audit_days: Annotated[Whole, Field(ge=30, le=3_650)] = 400
