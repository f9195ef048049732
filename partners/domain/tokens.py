"""Whether a token was signed by an institution's provider, for us (OpenID Connect Core 1.0, sections 3.1.3.7 and
5.3.2)."""

import warnings
from typing import Any

import jwt

SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
WITH_THE_SECRET = ("HS256", "HS384", "HS512")
LEEWAY = 60  # seconds that clocks may differ


class WrongToken(Exception):
    """The token is worth nothing; the message is the cause, in a word."""


class UnknownKey(WrongToken):
    """It was signed with a key that the provider's documents did not have when they were fetched."""


def claims(
    token: str,
    *,
    issuer: str,
    keys: list[dict[str, Any]],
    client_id: str,
    secret: str,
    required: tuple[str, ...] = ("iss", "aud", "sub"),
) -> dict[str, Any]:
    """What the token says. The algorithm decides on the key, never the other way round: a public key is no secret.
    Raises WrongToken, UnknownKey."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the length of a secret that the institution has chosen
            return dict(
                jwt.decode(
                    token,
                    _key(header, algorithm, keys, secret),
                    algorithms=[algorithm],
                    issuer=issuer,
                    audience=client_id,
                    leeway=LEEWAY,
                    options={"require": list(required)},
                )
            )
    except jwt.ExpiredSignatureError as error:
        raise WrongToken("expired") from error
    except jwt.InvalidAudienceError as error:
        raise WrongToken("audience") from error
    except jwt.InvalidIssuerError as error:
        raise WrongToken("issuer") from error
    except jwt.PyJWTError as error:
        raise WrongToken("signature" if isinstance(error, jwt.InvalidSignatureError) else "format") from error


def _key(header: dict[str, Any], algorithm: str, keys: list[dict[str, Any]], secret: str) -> Any:
    if algorithm in WITH_THE_SECRET:
        return secret
    if algorithm not in SIGNED:
        raise WrongToken("algorithm")
    kid, signing = header.get("kid"), [key for key in keys if key.get("use", "sig") == "sig"]
    found = [key for key in signing if key.get("kid") == kid] if kid else signing
    if len(found) != 1:
        raise UnknownKey("key")
    return jwt.PyJWK(found[0], algorithm=algorithm).key
