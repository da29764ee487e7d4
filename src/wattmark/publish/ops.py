"""Schema ``ops`` of the warehouse: state that people and processes change. Migrated, never rebuilt."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from wattmark.errors import PublishError
from wattmark.local.services import warehouse_url
from wattmark.settings import PROJECT_ROOT, Settings

SCHEMA = "ops"

__all__ = ["SCHEMA", "ops_engine", "upgrade", "warehouse_url"]


def ops_engine(settings: Settings) -> Engine:
    """An engine on the warehouse; connections are checked before they are used."""
    return create_engine(warehouse_url(settings), pool_pre_ping=True)


def upgrade(url: str, revision: str = "head") -> None:
    """Bring schema ``ops`` to a revision; does nothing where it is there already.

    Args:
        url: SQLAlchemy URL of a PostgreSQL database whose user may create a schema.
        revision: Alembic revision.

    Raises:
        PublishError: the URL is not PostgreSQL's.
    """
    if not url.startswith("postgresql"):
        raise PublishError(
            "ops.not_postgresql", "The warehouse must be PostgreSQL.", "Set services.warehouse_url."
        )
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, revision)
