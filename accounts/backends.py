from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User
from accounts.sessions import read_with_the_session


class CodeBackend(AuthenticationBackend):
    """allauth's backend, which reads the account and its attendee in one query, if they were not read with the web
    session: every private page needs both."""

    def get_user(self, user_id: int) -> User | None:
        user = read_with_the_session.get()
        if user is None or user.pk != user_id:
            user = User.objects.select_related("attendee").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
