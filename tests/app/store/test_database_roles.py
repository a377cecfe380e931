"""As whom each program works with the database: the embedded one by itself, an external one as configured."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from app.errors import ConfigurationError
from app.settings import Settings
from app.store import migrate
from app.store.database import embedded_folder, open_database
from app.store.engine import make_engine
from app.store.roles import LIMITED, DatabaseRole

WRITE = text("INSERT INTO people (person_id, name, source) VALUES ('p1', 'Ada', 'files')")


def value(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.scalar(text(query))


def test_the_embedded_one_lets_each_do_its_own(our_folder: Path) -> None:
    settings = Settings.model_validate({"database": {"data_dir": our_folder / "data"}})
    # Who comes first makes and upgrades it, whoever that is.
    with open_database(settings, role=DatabaseRole.WEB) as web:
        migrate.require_newest(web)
        assert value(web, "SELECT session_user") == "teamgauge_web"
        # Logged in so, not only set: what is brought into a statement cannot reset it.
        for statement in (WRITE, text("SET ROLE teamgauge"), text("SET ROLE teamgauge_collect")):
            with pytest.raises(ProgrammingError, match="permission denied"), web.begin() as begun:
                begun.execute(statement)
        with (
            open_database(settings, role=DatabaseRole.COLLECT) as collect,
            collect.begin() as begun,
        ):
            begun.execute(WRITE)
        assert value(web, "SELECT name FROM people") == "Ada"
        # As after a restore that was killed at its very end.
        with open_database(settings) as owner, owner.begin() as begun:
            begun.execute(text("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM teamgauge_web"))
        with open_database(settings, role=DatabaseRole.WEB) as again:
            assert value(again, "SELECT name FROM people") == "Ada"


@pytest.fixture
def login(engine: Engine) -> Iterator[str]:
    """A login that may do nothing yet."""
    name = f"login_{uuid4().hex[:8]}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
    yield name
    with engine.begin() as connection:
        connection.execute(text(f"DROP ROLE {name}"))


def with_addresses(**addresses: str) -> Settings:
    return Settings.model_validate({"database": addresses})


@pytest.mark.parametrize(
    ("key", "role"), [("web_url", DatabaseRole.WEB), ("collect_url", DatabaseRole.COLLECT)]
)
def test_an_external_one_is_used_as_configured(
    database_url: str, engine: Engine, login: str, key: str, role: DatabaseRole
) -> None:
    own = make_url(database_url).set(username=login).render_as_string(hide_password=False)
    settings = with_addresses(url=database_url, **{key: own})
    refusal = (
        rf"The login {login} of database\.{key} may not read the database\. "
        rf'Run `teamgauge migrate`, then in the database: GRANT {role} TO "{login}"'
    )
    with pytest.raises(ConfigurationError, match=refusal), open_database(settings, role=role):
        pass
    with engine.begin() as connection:
        connection.execute(text(f"GRANT {role} TO {login}"))
    with open_database(settings, role=role) as limited:
        migrate.require_newest(limited)
        assert value(limited, "SELECT current_user") == login
    with open_database(settings) as owner:
        assert value(owner, "SELECT current_user") == make_url(database_url).username
    # A machine on which only this runs need not know the owner's login.
    alone = with_addresses(**{key: own})
    assert embedded_folder(alone) is None
    with open_database(alone, role=role) as limited:
        assert value(limited, "SELECT current_user") == login
    sentence = rf"database\.{key} is set, but database\.url is not, and this command needs it"
    with pytest.raises(ConfigurationError, match=sentence), open_database(alone):
        pass


def test_without_logins_of_their_own_all_are_the_owner(database_url: str) -> None:
    for role in LIMITED:
        with open_database(with_addresses(url=database_url), role=role) as engine:
            assert value(engine, "SELECT current_user") == make_url(database_url).username


def test_where_roles_may_not_be_made_the_tables_are_made_without(
    empty_database_url: str, login: str
) -> None:
    owner = make_engine(empty_database_url)
    with owner.begin() as connection:
        connection.execute(text(f"GRANT ALL ON SCHEMA public TO {login}"))
        name = connection.scalar(text("SELECT quote_ident(current_database())"))
        connection.execute(text(f"GRANT CREATE ON DATABASE {name} TO {login}"))
    url = make_url(empty_database_url).set(username=login)
    plain = make_engine(url.render_as_string(hide_password=False))
    try:
        # Other databases of the server have the roles already, and an owner grants without making.
        migrate.upgrade(plain)
        migrate.require_newest(plain)
        assert value(plain, "SELECT has_table_privilege('teamgauge_web', 'runs', 'SELECT')")
        with plain.begin() as connection:
            connection.execute(text("DROP SCHEMA queue CASCADE"))
    finally:
        plain.dispose()
        with owner.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {login}"))
        owner.dispose()
