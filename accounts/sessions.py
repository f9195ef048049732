"""Web sessions as rows that say whose they are (SESSION_ENGINE)."""

from typing import Any

from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts.domain import web_sessions


class SessionStore(DatabaseStore):
    """Django's own, whose row names the account: the sessions of somebody who is erased are found without opening
    each."""

    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("accounts", "WebSession")

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        session.account_id = web_sessions.account_of(data)
        session.address_hash = web_sessions.typed_hash(data)
        return session
