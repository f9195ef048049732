from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User


class CodeBackend(AuthenticationBackend):
    """allauth's backend, which reads the account and its attendee in one query: every private page needs both."""

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.select_related("attendee").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
