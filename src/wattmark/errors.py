"""The one family of errors that are meant for people.

Every error says what is wrong, where (file, line, table, key) and what to do about it. The command
line prints them without a traceback; Airflow shows them as the last line of a task's log. They never
carry personal data: keys yes, names and numbers of persons no.
"""

from __future__ import annotations

from collections.abc import Iterable


class WattmarkError(Exception):
    """Something a person can put right.

    Args:
        code: stable short name of the condition, one condition one code, such as ``source.missing_column``.
        message: what is wrong and where.
        remedy: what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        self.errors: tuple[WattmarkError, ...] = (self,)
        """What it consists of: itself, or what ``together`` put into it."""
        super().__init__(f"[{code}] {message}" + (f" What to do: {remedy}" if remedy else ""))


class SettingsError(WattmarkError):
    """The utility's settings file is wrong."""


class ContractError(WattmarkError):
    """The source contract, or a file that derives from it, is wrong."""


class SourceError(WattmarkError):
    """A source cannot be read, or lacks what the contract requires."""


class SourceUnavailableError(SourceError):
    """A source did not answer, or broke off: trying again may help."""


class SqlFileError(WattmarkError):
    """A SQL file does not parse, is not portable, or reads what does not exist."""


class QualityError(WattmarkError):
    """Data failed its validation beyond what is tolerated, or rows went missing."""


class PublishError(WattmarkError):
    """The warehouse could not be published."""


class PublishUnavailableError(PublishError):
    """The warehouse did not answer, or another session holds what publishing needs: trying again may help."""


class ServiceError(WattmarkError):
    """An embedded service did not start, or is not healthy."""


def together(errors: Iterable[WattmarkError]) -> WattmarkError:
    """One error that says all that is wrong, each thing once; of the errors' own class where they have one in common.

    Args:
        errors: one or more.
    """
    each = {str(error): error for whole in errors for error in whole.errors}
    found = tuple(each.values())
    if len(found) == 1:
        return found[0]
    kinds, codes = {type(error) for error in found}, {error.code for error in found}
    kind = kinds.pop() if len(kinds) == 1 else WattmarkError
    listed = "".join(f"\n  {at}. {error}" for at, error in enumerate(found, 1))
    whole = kind(codes.pop() if len(codes) == 1 else "several", f"{len(found)} things are wrong:{listed}")
    whole.errors = found
    return whole
