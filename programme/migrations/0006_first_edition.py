"""What an installation held until now is one edition, the current one, by the name that its settings gave it."""

import os
from email.utils import parseaddr
from itertools import chain, count

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import migrations
from django.utils import timezone

from core.folding import SearchField

SEARCH = SearchField("name_fr", "name_en", "slug")
OTHER_SUMMITS = ("previous_summit", "next_event")


def _save(edition):
    edition.name, edition.tagline, edition.city = edition.name_fr, edition.tagline_fr, edition.city_fr
    edition.search = SEARCH.text_of(edition)
    edition.save()
    return edition


def first_edition(apps):
    """The edition of what is there; made if need be."""
    edition_class = apps.get_model("programme", "Edition")
    events, days, sessions = (apps.get_model("programme", name).objects for name in ("Event", "Day", "Session"))
    if edition := edition_class.objects.filter(is_current=True).first():
        return edition
    names = {
        "fr": os.environ.get("SUMMIT_NAME_FR") or "Sommet pour l’action sur l’IA",
        "en": os.environ.get("SUMMIT_NAME_EN") or "AI Action Summit",
    }
    umbrella = events.filter(kind="umbrella").order_by("starts_on", "pk").first()
    own = events.exclude(kind__in=[*OTHER_SUMMITS, "road_to_the_summit"])
    dates = sorted(days.order_by().values_list("date", flat=True))
    dates = dates or sorted(day for pair in own.order_by().values_list("starts_on", "ends_on") for day in pair)
    dates = dates or sorted(moment.date() for moment in sessions.order_by().values_list("starts_at", flat=True))
    dates = dates or [timezone.now().date()]
    contact = os.environ.get("PRIVACY_CONTACT", "")
    try:
        validate_email(contact)
    except ValidationError:
        contact = ""
    return _save(
        edition_class(
            slug="summit",
            name_fr=names["fr"][:150],
            name_en=names["en"][:150],
            tagline_fr="",
            tagline_en="",
            city_fr=umbrella.city if umbrella else "",
            city_en=umbrella.city if umbrella else "",
            timezone=settings.TIME_ZONE,
            starts_on=dates[0],
            ends_on=dates[-1],
            state="open",
            is_current=True,
            data_controller=os.environ.get("DATA_CONTROLLER", "")[:200],
            privacy_contact="" if contact == parseaddr(settings.DEFAULT_FROM_EMAIL)[1] else contact,
        )
    )


def fill(apps, schema_editor):
    models = [apps.get_model("programme", name) for name in ("Event", "Day", "Track")]
    if not any(model.objects.exists() for model in models):
        return
    edition = first_edition(apps)
    for model in models:
        model.objects.update(edition=edition)
        apps.get_model("programme", f"Historical{model.__name__}").objects.update(edition=edition)
    other_summits(apps)


def other_summits(apps):
    """Other summits become editions of their own, on their own sites; what has sessions stays an event."""
    edition_class = apps.get_model("programme", "Edition")
    events, sessions = (apps.get_model("programme", name).objects for name in ("Event", "Session"))
    announcements = apps.get_model("notices", "Announcement").objects
    for event in events.filter(kind__in=["umbrella", *OTHER_SUMMITS]).order_by("pk"):
        if sessions.filter(event=event).exists() or announcements.filter(event=event).exists():
            events.filter(pk=event.pk).update(kind="side_event")
            continue
        if event.kind != "umbrella":
            _save(
                edition_class(
                    slug=_free(edition_class, event.slug),
                    name_fr=(event.title_fr or event.title_en)[:150],
                    name_en=(event.title_en or event.title_fr)[:150],
                    tagline_fr="",
                    tagline_en="",
                    city_fr=event.city,
                    city_en=event.city,
                    starts_on=event.starts_on,
                    ends_on=event.ends_on,
                    state="archived" if event.kind == "previous_summit" else "open",
                    link=_address(event.source),
                )
            )
        event.delete()


def _free(edition_class, slug):
    """The slug of an event as that of an edition, with a number behind it if another one has it."""
    endings = chain([""], (f"-{number}" for number in count(2)))
    slugs = (slug[: 60 - len(ending)] + ending for ending in endings)
    return next(free for free in slugs if not edition_class.objects.filter(slug=free).exists())


def _address(text):
    try:
        URLValidator(["http", "https"])(text)
    except ValidationError:
        return ""
    return text if len(text) <= 200 else ""


class Migration(migrations.Migration):
    dependencies = [
        ("programme", "0005_editions"),
        ("notices", "0003_places"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
