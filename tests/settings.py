"""The product's settings with test values. TEST_DATABASE_URL names a PostgreSQL server; without it the suite runs on a
SQLite file."""

import os
import tempfile
from pathlib import Path

# A developer's own variables must change nothing here, nor in the processes that tests start.
for name in [
    *("DEBUG", "DEMO_MODE", "BENCH_MODE", "ALLOWED_HOSTS", "DATABASE_POOL_SIZE", "TRUSTED_PROXY_COUNT", "PORT"),
    *(
        "MAIL_LEASE_SECONDS",
        "MAIL_SWEEP_SECONDS",
        "MAIL_WEBHOOK_SECRET",
    ),
    "PARTNER_INVITATIONS_A_DAY",
]:
    os.environ.pop(name, None)
_folder = Path(tempfile.mkdtemp(prefix="summit-tests-"))
(_folder / "static").mkdir()  # WhiteNoise warns when it is missing
os.environ |= {
    "SECRET_KEY": "a-key-for-tests-that-guards-nothing-at-all-0123456789",
    "ACCESS_NEEDS_KEYS": "YS1rZXktZm9yLXRlc3RzLWd1YXJkaW5nLW5vdGhpbmc=",
    "BASE_URL": "http://testserver",
    "VAR_DIR": str(_folder),
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{_folder}/summit.sqlite3",
    "BROKER_URL": "memory://localhost/",
    "EMAIL_URL": "smtp://localhost:1",
    "DEFAULT_FROM_EMAIL": "Summit <summit@testserver>",
    "PUBLIC_CACHE_SECONDS": "0",
    "LOG_LEVEL": "WARNING",
}

from summit.settings import *  # noqa: E402, F403
from summit.settings import CACHES, CELERY_BROKER_TRANSPORT_OPTIONS, DATABASES, STORAGES  # noqa: E402

if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # A file, not memory: threads and child processes open it too. Nothing here must survive a power cut.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
    # On a machine that is busy with other work, a crowd's slowest writer waits longer than people would.
    DATABASES["default"]["OPTIONS"]["timeout"] = 60
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON;"
    )
else:
    # A connection left open by a test's thread would keep its database from being dropped.
    DATABASES["default"]["CONN_MAX_AGE"] = 0

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
CACHES = CACHES | {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "marks"}}
CELERY_BROKER_TRANSPORT_OPTIONS.clear()  # memory:// knows none of them
SIGN_IN_ANSWER_SECONDS = 0  # tests sign in hundreds of times
CLOCK_MOVES = True
LOOPBACK_PROVIDERS = True  # tests/partners/identity_providers.py
