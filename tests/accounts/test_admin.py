from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import User
from tests import make

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


def staff(*codenames: str) -> User:
    user = make.user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def everything_about_people() -> User:
    return staff(
        *(
            f"{verb}_{model}"
            for verb in ("add", "change", "delete", "view")
            for model in ("user", "group", "attendee", "permission")
        )
    )


def form(user: User, **changes: Any) -> dict[str, Any]:
    data = {"email": user.email, "language": user.language, "timezone": user.timezone, "is_active": "on"}
    data |= {f"emailaddress_set-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    return {name: value for name, value in (data | changes).items() if value is not None}


def test_no_form_has_a_password(client: Client) -> None:
    make.sign_in(client, make.organiser())
    user = make.user()

    for page in (f"{USERS}add/", f"{USERS}{user.pk}/change/"):
        assert "password" not in client.get(page).content.decode()


def test_an_organiser_adds_an_account_that_signs_in_by_code(client: Client) -> None:
    make.sign_in(client, make.organiser())

    client.post(
        f"{USERS}add/",
        {"email": " Grace@Example.org ", "language": "en", "timezone": "Europe/Paris", "is_active": "on"},
    )

    user = User.objects.get(email="grace@example.org")
    assert not user.has_usable_password()
    assert user.history.get().history_user.is_superuser


def test_the_same_address_in_other_letters_is_an_error_of_the_form(client: Client) -> None:
    make.sign_in(client, make.organiser())
    make.user("ada@example.org")

    answer = client.post(f"{USERS}add/", {"email": "ADA@example.org", "language": "fr", "timezone": "Europe/Paris"})

    assert answer.status_code == 200
    assert answer.context["errors"]


@pytest.mark.proves("no-self-promotion")
def test_nobody_without_every_right_gives_rights(client: Client) -> None:
    actor, user, group = everything_about_people(), make.user(), Group.objects.create(name="Tout")
    make.sign_in(client, actor)
    rights = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [group.pk],
        "user_permissions": [Permission.objects.first().pk],
    }

    client.post(f"{USERS}{user.pk}/change/", form(user, language="en", **rights))
    client.post(f"{USERS}add/", form(make.user(), email="new@example.org", **rights))

    for changed in (User.objects.get(pk=user.pk), User.objects.get(email="new@example.org")):
        assert not (
            changed.is_staff or changed.is_superuser or changed.groups.exists() or changed.user_permissions.exists()
        )
    assert User.objects.get(pk=user.pk).language == "en"


@pytest.mark.proves("no-self-promotion")
def test_nobody_without_every_right_touches_an_account_that_has_rights(client: Client) -> None:
    actor, chief = everything_about_people(), make.organiser()
    make.sign_in(client, actor)

    for target in (actor, chief):
        assert client.post(f"{USERS}{target.pk}/change/", form(target, email="evil@example.org")).status_code == 403
        assert client.post(f"{USERS}{target.pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(USERS, {"action": "delete_selected", "_selected_action": target.pk, "index": "0", "post": "yes"})
        assert User.objects.get(pk=target.pk).email == target.email


@pytest.mark.proves("no-self-promotion")
def test_nobody_without_every_right_writes_groups(client: Client) -> None:
    group = Group.objects.create(name="Équipe")
    make.sign_in(client, everything_about_people())

    assert client.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200
    assert client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "x", "permissions": [1]}).status_code == 403
    assert client.post("/admin/auth/group/add/", {"name": "x"}).status_code == 403


def test_a_superuser_gives_rights(client: Client) -> None:
    make.sign_in(client, make.organiser())
    user, permission = make.user(), Permission.objects.get(codename="view_message")

    client.post(f"{USERS}{user.pk}/change/", form(user, is_staff="on", user_permissions=[permission.pk]))

    user = User.objects.get(pk=user.pk)
    assert user.is_staff
    assert user.has_perm("outbox.view_message")


@pytest.mark.proves("no-self-promotion")
@pytest.mark.parametrize(
    "changes", [{"is_superuser": None}, {"is_active": None}, {"is_staff": None}], ids=["rights", "active", "staff"]
)
def test_the_last_one_who_may_do_everything_stays(client: Client, changes: dict[str, None]) -> None:
    chief = make.organiser()
    make.sign_in(client, chief)
    rights = {"is_staff": "on", "is_superuser": "on"} | changes

    answer = client.post(f"{USERS}{chief.pk}/change/", form(chief, **rights))

    assert answer.status_code == 200
    assert "dernier compte" in answer.content.decode()
    assert User.objects.filter(is_superuser=True, is_active=True, is_staff=True).exists()
    assert client.post(f"{USERS}{chief.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.proves("no-self-promotion")
def test_after_a_change_of_address_the_old_one_opens_nothing(client: Client) -> None:
    user = make.user("old@example.org")
    EmailAddress.objects.create(user=user, email="old@example.org", verified=True, primary=True)
    make.sign_in(client, make.organiser())
    data = form(user, email="new@example.org") | {
        "emailaddress_set-TOTAL_FORMS": 1,
        "emailaddress_set-INITIAL_FORMS": 1,
    }

    client.post(f"{USERS}{user.pk}/change/", data)

    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [("new@example.org", False, True)]


def test_permissions_are_said_in_the_organisers_words(client: Client) -> None:
    page = make.sign_in(client, make.organiser()).get("/admin/auth/group/add/").content.decode()

    assert "inscriptions – modifier" in page
    assert "voir les besoins d’accessibilité des personnes" in page
    assert "historical" not in page
