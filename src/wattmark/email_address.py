"""E-mail syntax by email-validator."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email


def judge(raw: str) -> str | None:
    """The normalised address by the library, or None where the text is no address. Nothing is looked up."""
    try:
        return str(validate_email(raw.strip(), check_deliverability=False).normalized)
    except EmailNotValidError:
        return None
