"""Slugs of sessions, events and cohorts: they are addresses, and stay unique among all editions."""


def cut(slug: str, length: int) -> str:
    """`slug`, of at most `length` characters: cut between two words."""
    return slug if len(slug) <= length else slug[: length + 1].rpartition("-")[0] or slug[:length]


def in_edition(slug: str, edition: str, length: int) -> str:
    """What something is called in `edition` (its slug) when another edition has `slug`, in at most `length`
    characters."""
    ending = cut(edition, length // 2)
    return f"{cut(slug, length - len(ending) - 1)}-{ending}"
