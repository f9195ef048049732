"""All settings, fed by the environment. Every variable is described in docs/configuration.md (a test compares the
two)."""

import ipaddress
import os
import re
import sys
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlsplit

import dj_database_url
import dj_email_url
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError, ValidationError, validate

env = Env(eager=False)

BASE_DIR = Path(__file__).resolve().parent.parent

# --- What a value must look like: each refusal is read by whoever starts the server -----------------------------------


def _check_secret_key(key: str) -> None:
    if (len(key) < 50 or len(set(key)) < 5) and not (DEBUG or DEMO_MODE):  # what `check --deploy` asks for
        raise ValidationError("it must be at least 50 random characters.")


def _check_base_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else ""
    except ValueError:
        host = ""
    if (
        not host
        or url.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
        or parts.scheme not in ("http", "https")
        or parts.username
    ):
        raise ValidationError("it must be the public address, like https://summit.example.org, without a path.")
    if DEBUG and parts.scheme == "https":
        raise ValidationError("DEBUG shows what goes on inside: nothing that is public over https may have it.")
    if SECRET_KEY in ("", KNOWN_KEY) and not _is_this_machine(host):
        raise ValidationError("without a SECRET_KEY of its own, Summit answers at http://localhost:PORT alone.")
    if (DEMO_MODE or BENCH_MODE) and not _is_this_machine(host):
        raise ValidationError(
            "DEMO_MODE and BENCH_MODE let anybody sign in as anybody: the address must then be http://localhost:PORT."
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_hosts(hosts: list[str]) -> None:
    for host in hosts:
        if not re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]", host):
            raise ValidationError(
                f"“{host}” is not a host name (no scheme, port or *): write names with commas between them."
            )


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValidationError(f"the folder cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValidationError("the folder cannot be written to.")


def _check_file(file: Path) -> None:
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if file.is_dir() or not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ValidationError("it must be a file in a folder that can be written to.")


def _check_database_url(url: str) -> None:
    # ParseError is a ValueError whose text repeats the URL, and with it the password: its text is never shown.
    try:
        engine = dj_database_url.parse(url)["ENGINE"]
    except ValueError:
        engine = ""
    if engine not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ValidationError("it must be postgresql://USER:PASSWORD@HOST/NAME or sqlite:////absolute/path.")


def _check_broker_url(url: str) -> None:
    if not re.match(r"(rediss?|unix|redis\+socket|amqps?|filesystem|memory)://", url):
        raise ValidationError("it must be an address like redis://HOST:6379/0.")


def _check_email_url(url: str) -> None:
    if url.startswith("anymail:"):
        _check_provider(url)
        return
    try:
        known = "EMAIL_BACKEND" in dj_email_url.parse(url)
    except ValueError:
        known = False
    if not known or url.startswith("smtps:"):
        raise ValidationError(
            "it must be smtp://USER:PASSWORD@HOST:PORT, submission://… for STARTTLS, anymail://PROVIDER?… or "
            "console://."
        )


def _check_provider(url: str) -> None:
    parts = urlsplit(url)
    if not re.fullmatch(r"[a-z_]+", parts.netloc) or not find_spec(f"anymail.backends.{parts.netloc}") or parts.path:
        raise ValidationError(
            "after anymail:// stands the name of a provider that django-anymail knows, like postmark or mailgun."
        )
    if not parts.query or any(
        not re.fullmatch(r"[A-Z][A-Z_]+", name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)
    ):
        raise ValidationError(
            "after the provider stand its settings as django-anymail names them: anymail://postmark?SERVER_TOKEN=…."
        )


def _check_webhook_secret(secret: str) -> None:
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{32,}", secret):
        raise ValidationError("it must be at least 32 letters and digits.")


def _check_security_contact(contact: str) -> None:
    if contact and not re.fullmatch(r"https://[^\s]+|[^@\s:/]+@[^@\s]+", contact):
        raise ValidationError("it must be an email address, or a page that begins with https://.")


def _check_sender(sender: str) -> None:
    address = parseaddr(sender)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or "\n" in sender:
        raise ValidationError("it must be a name and an address: Summit <summit@example.org>.")


def _check_access_needs_keys(keys: list[str]) -> None:
    for key in keys:
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", key):
            raise ValidationError("each key is what docs/configuration.md says how to make; two have a comma between.")


# --- What the environment says ----------------------------------------------------------------------------------------

KNOWN_KEY = "only-for-demo-and-debug-never-in-production"
DEMO_MODE: bool = env.bool("DEMO_MODE", False)
BENCH_MODE: bool = env.bool("BENCH_MODE", False)
DEBUG: bool = env.bool("DEBUG", False)
# Without a default in production: a key that everybody can read here would let anybody forge a signed-in person.
SECRET_KEY: str = env.str("SECRET_KEY", "" if DEBUG or DEMO_MODE else cast("str", ...), validate=_check_secret_key)
BASE_URL: str = env.str("BASE_URL", "http://localhost:8000", validate=_check_base_url)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [], validate=_check_hosts)
VAR_DIR: Path = env.path("VAR_DIR", BASE_DIR / "var", validate=_check_folder) or BASE_DIR / "var"
_acts = VAR_DIR / "erasures" / "acts.jsonl"
ERASURE_LOG: Path = env.path("ERASURE_LOG", _acts, validate=_check_file) or _acts
DATABASE_URL: str = env.str(
    "DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR / 'summit.sqlite3'))}", validate=_check_database_url
)
DATABASE_POOL_SIZE: int = env.int("DATABASE_POOL_SIZE", 0, validate=validate.Range(min=0, max=100))
CELERY_BROKER_URL: str = env.str("BROKER_URL", "redis://localhost:6379/0", validate=_check_broker_url)
EMAIL_URL: str = env.str("EMAIL_URL", "smtp://localhost:25", validate=_check_email_url)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "Summit <summit@localhost>", validate=_check_sender)
SECURITY_CONTACT: str = env.str("SECURITY_CONTACT", "", validate=_check_security_contact)
MAIL_LEASE_SECONDS: int = env.int("MAIL_LEASE_SECONDS", 60, validate=validate.Range(min=2, max=3600))
MAIL_WEBHOOK_SECRET: str = env.str("MAIL_WEBHOOK_SECRET", "", validate=_check_webhook_secret)
MAIL_SWEEP_SECONDS: int = env.int("MAIL_SWEEP_SECONDS", 5, validate=validate.Range(min=1, max=30))
PUBLIC_CACHE_SECONDS: int = env.int("PUBLIC_CACHE_SECONDS", 60, validate=validate.Range(min=0, max=3600))
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", 0, validate=validate.Range(min=0, max=10))
# None in production: nobody is asked then. Whoever can read this file knows the one of a demonstration.
ACCESS_NEEDS_KEYS: list[str] = env.list(
    "ACCESS_NEEDS_KEYS",
    ["b25seS1mb3ItZGVtby1hbmQtZGVidWctMDAwMDAwMDA="] if DEBUG or DEMO_MODE else [],
    validate=_check_access_needs_keys,
)
PARTNER_INVITATIONS_A_DAY: int = env.int(
    "PARTNER_INVITATIONS_A_DAY", 5000, validate=validate.Range(min=1, max=1_000_000)
)
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))

try:
    env.seal()
except EnvError as error:
    # One sentence on stderr rather than a trace: whoever starts the server must see which variable to fix.
    sentences = "; ".join(
        f"{name}: {' '.join(map(str, why)).rstrip('.')}" for name, why in getattr(error, "error_messages", {}).items()
    )
    sentences = sentences.replace(
        "Environment variable not set", "it must be set (or DEBUG=1, on your own machine only)"
    )
    sys.exit(f"Summit cannot start: {sentences} (see docs/configuration.md).")

CLOCK_MOVES = DEMO_MODE or BENCH_MODE  # core/clock.py
SECRET_KEY = SECRET_KEY or KNOWN_KEY
DATABASE: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL))
_provider = urlsplit(EMAIL_URL) if EMAIL_URL.startswith("anymail:") else None
EMAIL: dict[str, Any] = {} if _provider else dj_email_url.parse(EMAIL_URL)
_base = urlsplit(BASE_URL)
HTTPS = _base.scheme == "https"
BASE_URL = BASE_URL.rstrip("/")
ALLOWED_HOSTS = ALLOWED_HOSTS or [
    _base.hostname or "localhost",
    *(["localhost", "127.0.0.1"] if DEBUG or DEMO_MODE else []),
]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"] if HTTPS else []

# --- Apps, in the order of the layers: each may import only what stands after it --------------------------------------

SAML = find_spec("onelogin") is not None  # requirements-saml.txt is installed

INSTALLED_APPS = [
    "modeltranslation",  # before admin, which it patches
    "summit",
    "attendees",
    "partners",
    "notices",
    "allocations",
    "registrations",
    "programme",
    "venues",
    "accounts",
    "outbox",
    "core",
    "summit.apps.AdministrationConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if SAML else []),
    "anymail",
    "csp",
    "django_htmx",
    "import_export",
    "simple_history",
]

MIDDLEWARE = [
    "summit.health.answer_probes",
    "core.acts.name_requests",
    "core.middleware.refuse_odd_methods",
    "django.middleware.security.SecurityMiddleware",
    "core.middleware.say_what_pages_may_use",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.LanguageOfTheAddress",
    "core.middleware.refuse_odd_bytes",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.sessions.AccountOfTheSession",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "core.middleware.keep_private_pages_private",
    "core.middleware.explain_refused_methods",
]

ROOT_URLCONF = "summit.urls"
WSGI_APPLICATION = "summit.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "summit.context_processors.summit",
            ]
        },
    }
]

FORM_RENDERER = "core.forms.FormRenderer"

# --- Database: SQLite embedded, PostgreSQL for a real summit ----------------------------------------------------------

if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    # IMMEDIATE: a transaction that reads before it writes would otherwise fail at once, without waiting for its turn.
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000; "
        "PRAGMA secure_delete=ON;",  # what was erased is not left in the free pages of the file
    }
else:
    DATABASE["CONN_HEALTH_CHECKS"] = True
    # Statements are prepared once per connection: in a rush, planning them again costs PostgreSQL as much as running
    # them.
    DATABASE["OPTIONS"] = {
        "connect_timeout": 5,
        "server_side_binding": True,
        "prepare_threshold": 2,
        **DATABASE.get("OPTIONS", {}),
    }
    if DATABASE_POOL_SIZE:
        DATABASE["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 10}
    else:
        DATABASE["CONN_MAX_AGE"] = 60
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Caches: libraries' marks are rows, which outlive a broker; public pages are copies in each process ---------------

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "OPTIONS": {"MAX_ENTRIES": 500},
    },
}

# --- Languages and time -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "fr"
FORMAT_MODULE_PATH = "summit.formats"
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
MODELTRANSLATION_DEFAULT_LANGUAGE = "fr"
MODELTRANSLATION_FALLBACK_LANGUAGES = ("fr", "en")
USE_TZ = True
TIME_ZONE = "Europe/Paris"

# --- Files ------------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR_DIR / "media")},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # pages name no other: half the files, and half the time to compress them

# --- Security ---------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        # Where browsers tell what they blocked (core/csp_reports.py): the old way, and the new one, which needs https.
        "report-uri": "/csp-reports/",
        **({"report-to": "csp"} if HTTPS else {}),
    }
}
REPORTING_ENDPOINTS = 'csp="/csp-reports/"' if HTTPS else ""
PERMISSIONS_POLICY = ", ".join(
    f"{device}=()"
    for device in (
        *("accelerometer", "autoplay", "bluetooth", "camera", "display-capture", "encrypted-media", "geolocation"),
        *("gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb"),
        *("xr-spatial-tracking", "browsing-topics"),
    )
)
# The proxy in front redirects: a redirect here would break its health checks over plain HTTP.
SECURE_SSL_REDIRECT = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- Sign-in: a code by mail, no password (allauth) -------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.CodeBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "registrations:me"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "programme:home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]  # no password field: allauth then signs in by code alone
# Whoever types the code has shown that the address is theirs: nothing is left to verify.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 8}
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
# Longer than the code's: a code that ran out is told apart from a page that was opened by chance.
ACCOUNT_LOGIN_TIMEOUT = 60 * 60
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # otherwise anybody could have us write to strangers
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = False  # ours are in accounts/domain/limits.py, which says why
# The second step (accounts/domain/factors.py). Whoever uses a passkey shows a face or a finger, or types a PIN.
MFA_ADAPTER = "accounts.adapter_factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# Institutions' own sign-in (partners/adapter.py): no account of a provider and no token is kept, and one starts it by a
# link, since a form that leads to another site would need another content security policy.
SOCIALACCOUNT_ADAPTER = "partners.adapter.SocialAccountAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_STORE_TOKENS = False
LOOPBACK_PROVIDERS = DEMO_MODE  # everywhere else providers have public addresses (core/fetching.py)
# Longer than any sign-in page takes, so that its time tells nothing; a person does not feel it.
SIGN_IN_ANSWER_SECONDS = 0.1
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# --- Mail and the worker ----------------------------------------------------------------------------------------------

EMAIL_BACKEND = f"anymail.backends.{_provider.netloc}.EmailBackend" if _provider else EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL.get("EMAIL_HOST", "")
EMAIL_PORT = EMAIL.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = EMAIL.get("EMAIL_FILE_PATH") or VAR_DIR / "mail"
# Seconds for each answer; a worker renews the lease of its message meanwhile (outbox/domain/delivery.py).
EMAIL_TIMEOUT = 60
ANYMAIL: dict[str, Any] = {"REQUESTS_TIMEOUT": EMAIL_TIMEOUT, "WEBHOOK_SECRET": f"summit:{MAIL_WEBHOOK_SECRET}"}
if _provider:
    ANYMAIL |= {f"{_provider.netloc.upper()}_{name}": value for name, value in parse_qsl(_provider.query)}

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": 300}
# Where no Valkey wheel exists: slower, and a kill loses rings, which the sweep finds again.
if CELERY_BROKER_URL.startswith("filesystem:"):
    _folder = str(VAR_DIR / "broker")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": _folder,
        "data_folder_out": _folder,
        "control_folder": str(VAR_DIR / "broker-control"),
        "polling_interval": 0.05,
    }
else:
    # A dead broker must cost a request milliseconds, not minutes: the sweep finds the row that was not rung. Without
    # max_retries, each post would wait 2 + 4 seconds for the broker to come back; workers and beat have their own,
    # patient way to reconnect.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_timeout": 2, "socket_connect_timeout": 1, "max_retries": 0}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# A task is a ring: acknowledged when it is heard, not when it is done. The row and its lease outlive a dead worker, and
# a late acknowledgement that meets a broker which was away in between stops a worker of Celery 5.7 for good.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"  # beat counts plain intervals: a local clock would skip or repeat an hour twice a year
CELERY_BEAT_SCHEDULE = {
    "sweep-the-outbox": {
        "task": "outbox.tasks.sweep",
        "schedule": float(MAIL_SWEEP_SECONDS),
        "options": {"expires": MAIL_SWEEP_SECONDS * 2},
    },
    "tend-the-waiting-lists": {"task": "registrations.tasks.tend", "schedule": 15.0, "options": {"expires": 30}},
    "tend-the-lists": {"task": "partners.tasks.tend", "schedule": 15.0, "options": {"expires": 30}},
    "fetch-providers-documents": {
        "task": "partners.tasks.fetch_documents",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "delete-what-was-promised-in-hours": {
        "task": "programme.tasks.delete_what_was_promised_in_hours",
        "schedule": 3600.0,
        "options": {"expires": 600},
    },
    "delete-what-is-old": {
        "task": "programme.tasks.delete_what_is_old",
        "schedule": crontab(hour="2", minute="17"),
        "options": {"expires": 6 * 3600},
    },
    "close-the-audit-log": {
        "task": "core.tasks.close_the_audit_log",
        "schedule": crontab(hour="2", minute="47"),  # after core.audit_log.LATE
        "options": {"expires": 6 * 3600},
    },
    "tell-what-is-due": {"task": "notices.tasks.tell", "schedule": 15.0, "options": {"expires": 30}},
    "tell-partners": {"task": "partners.tasks.tell", "schedule": 15.0, "options": {"expires": 30}},
}
CELERY_BEAT_MAX_LOOP_INTERVAL = 1  # seconds that it may sleep: it is asked to end only between two
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
# Written after each ring, so that the file's age tells whether beat is alive (docker-compose.yml).
CELERY_BEAT_SYNC_EVERY = 1

# --- Logs: one record a line on standard output -----------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "summit.logs.LineFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"django.server": {"handlers": ["console"], "level": LOG_LEVEL, "propagate": False}},
}
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # no SECURE_SSL_REDIRECT: see its comment above
