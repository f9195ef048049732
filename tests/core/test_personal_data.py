"""Every model that holds data about people is in the registry, and what is declared of it is so."""

from typing import Any

import pytest
from django.apps import apps
from django.db import models

from accounts.models import Attendee, User
from core.personal_data import PersonalData, declare, declared
from notices.domain import calendar_feeds, mail_preferences
from notices.models import CalendarFeed, OptOut, Topic
from outbox.models import Message
from partners.models import Invitee, PartnerRole
from registrations.models import Invitation, Membership, Registration
from tests import make
from tests.partners import portal

# Tables that refer to an account and say nothing about the person.
SAYS_NOTHING = {
    "accounts.User_groups": "what organisers may do",
    "accounts.User_user_permissions": "what organisers may do",
    "account.EmailConfirmation": "never written: people prove their address by a code",
    "socialaccount.SocialToken": "never written: SOCIALACCOUNT_STORE_TOKENS is off",
    "programme.Edition": "addresses of an organisation",
    "sessions.Session": "empty: accounts.WebSession says whose a session is",
    "registrations.Party": "a code; who waits together stands in their registrations",
}


def is_history(model: type[models.Model]) -> bool:
    return hasattr(model, "history_date")


def is_about_people(model: type[models.Model]) -> bool:
    return any(
        isinstance(field, models.EmailField) or getattr(field, "related_model", None) in (User, Attendee)
        for field in model._meta.concrete_fields
    )


def test_every_model_that_names_somebody_is_declared() -> None:
    known = {kind.model for kind in declared()}
    models_of_people = [
        model
        for model in apps.get_models(include_auto_created=True)
        if is_about_people(model) and not is_history(model)
    ]

    assert [
        model._meta.label for model in models_of_people if model not in known and model._meta.label not in SAYS_NOTHING
    ] == []


@pytest.mark.parametrize("kind", declared(), ids=lambda kind: kind.model._meta.label)
def test_what_is_declared_are_fields_of_the_model(kind: PersonalData) -> None:
    names = {field.name for field in kind.model._meta.get_fields()}

    assert {*kind.exported, *kind.blanked, *kind.buried} <= names
    assert kind.exported or not (kind.accounts or kind.addresses), "what is found is what the person gets"


def test_a_model_is_declared_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        declare(PersonalData(Registration))


@pytest.mark.django_db
def test_what_somebody_leaves_behind_is_found_and_nobody_elses(cnam: Any) -> None:
    who = make.attendee("Ada Lovelace", email="ada@x.fr")
    others = make.attendee(email="bob@x.fr")
    for person in (who, others):
        make.registration(who=person)
        make.membership(cnam, person)
        calendar_feeds.open_feed(person, actor=person.user)
        mail_preferences.choose(person.user.email, Topic.REMINDERS, wanted=False)
        PartnerRole.objects.create(institution=cnam.institution, user=person.user)
    make.invitation(email="ada@x.fr")
    portal.apply(cnam, portal.ADA)

    found = {kind.model: list(kind.about(who.user.pk, {"ada@x.fr"})) for kind in declared()}

    for model in (User, Attendee, Registration, Membership, CalendarFeed, OptOut, PartnerRole, Invitation, Invitee):
        assert len(found[model]) == 1, model
    assert {message.to for message in found[Message]} == {"ada@x.fr"}


@pytest.fixture
def cnam() -> Any:
    return make.cohort(institution=make.institution(name="Cnam"), size=20)
