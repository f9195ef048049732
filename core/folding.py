import unicodedata


def alphabetical(name: str) -> str:
    """A key that sorts “École” with E: databases disagree about accents, readers do not."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter)
    )
