"""Who signs in at the sample utility: users of its home's ``settings.yaml``, each a member of its staff."""

from __future__ import annotations

from wattmark_sample.organisation import auditors
from wattmark_sample.plan import SamplePlan


def users(plan: SamplePlan) -> dict[str, dict[str, str]]:
    """Users by login, as ``settings.yaml`` has them; the first of each role is who to sign in as first.

    Everybody of ``auditors`` has a login named after the post: managers approve, the others are workers of their
    city. ``viewer`` looks on.
    """
    found: dict[str, dict[str, str]] = {}
    managers: dict[str, dict[str, str]] = {}
    for auditor in auditors(plan):
        post, unit = auditor["post"], auditor["org_unit_id"]
        if unit == "ORG-P":
            login = "chief"
        else:
            city, second = int(unit.removeprefix("ORG-C")), int(auditor["staff_id"][-1]) % 2
            login = post + (str(second + 1) if second else "") + (f"-{city + 1}" if city else "")
        role = "approver" if post == "manager" else "worker"
        known = managers if role == "approver" else found
        known[login] = {"role": role, "staff_id": auditor["staff_id"], "org_unit_id": unit}
    # The post with most cases leads.
    return {
        "billing": found["billing"],
        **found,
        **managers,
        "viewer": {"role": "viewer", "org_unit_id": "ORG-P"},
    }


def users_text(plan: SamplePlan) -> str:
    """Section ``users`` of a ``settings.yaml``."""
    lines = [
        f"  {login}: {{{', '.join(f'{key}: {value}' for key, value in user.items())}}}"
        for login, user in users(plan).items()
    ]
    return "\n".join(
        ["users:               # who signs in; passwords: secrets.json beside this file", *lines, ""]
    )
