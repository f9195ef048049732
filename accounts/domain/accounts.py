"""How people come in, say their name, and become organisers."""

from django.db import IntegrityError, transaction

from accounts.models import Attendee, User


def open_account(email: str, *, language: str) -> User:
    """The account of this address, opened now if there was none. Nobody has proved yet that the address is theirs: a
    code will."""
    return find_or_open(email, language=language)[0]


def find_or_open(email: str, *, language: str) -> tuple[User, bool]:
    """The account of this address, and whether it was opened by this call."""
    user = User.objects.filter(email=email).first()
    if user is None:
        try:
            with transaction.atomic():
                return User.objects.create_user(email, language=language), True
        except IntegrityError:  # the same person pressed twice
            user = User.objects.get(email=email)
    return user, False


@transaction.atomic
def introduce(user: User, *, name: str) -> Attendee:
    """Make `user` an attendee under this name; pressing twice does no harm, the later name stays."""
    attendee, created = Attendee.objects.get_or_create(user=user, defaults={"name": name})
    if not created and attendee.name != name:
        attendee.name = name
        attendee.save(update_fields=["name"])
    return attendee


@transaction.atomic
def make_organiser(email: str, *, name: str, language: str) -> tuple[User, bool]:
    """Let the person of this address do everything in the administration; return the account and whether anything
    changed."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user, changed = User.objects.create_superuser(email, language=language), True
    else:
        changed = not (user.is_staff and user.is_superuser and user.is_active)
        if changed:
            user.is_staff = user.is_superuser = user.is_active = True
            user.save(update_fields=["is_staff", "is_superuser", "is_active"])
    attendee = Attendee.objects.filter(user=user).first()
    if attendee is None or (name and attendee.name != name):
        introduce(user, name=name or user.email.partition("@")[0])
        changed = True
    return user, changed


@transaction.atomic
def save_profile(attendee: Attendee, user: User, *, language: str, zone: str) -> None:
    """Keep what the person wrote about themselves, and the language and IANA time zone of their mails."""
    attendee.save()
    user.language, user.timezone = language, zone
    user.save(update_fields=["language", "timezone"])
