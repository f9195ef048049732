from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf

from core import folding

MODELS = ("Venue", "Room", "HistoricalVenue", "HistoricalRoom")


def keep(apps, schema_editor):
    """The one name that there was is the French one: nobody knows another."""
    for name in MODELS:
        apps.get_model("venues", name).objects.update(name_fr=F("name"))
    sources = {"Venue": ("name_fr", "name_en", "slug", "address", "city"), "Room": ("name_fr", "name_en", "slug")}
    folding.fill(apps, "venues", sources)
    settle(schema_editor)


def give_back(apps, schema_editor):
    for name in MODELS:
        model = apps.get_model("venues", name)
        model.objects.update(name=Coalesce(NullIf("name_fr", Value("")), NullIf("name_en", Value("")), F("name")))
    folding.fill(apps, "venues", {"Venue": ("name", "slug", "address", "city"), "Room": ("name", "slug")})
    settle(schema_editor)


def settle(schema_editor):
    """Check the foreign keys of what was written: PostgreSQL alters no table that has a check to come, and a row that
    is written twice in one transaction has."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0003_to_be_confirmed"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="room",
            name="room_name_is_unique_in_its_venue",
        ),
        *(
            migrations.AddField(
                model_name=model,
                name=field,
                field=models.CharField(max_length=150, null=True, verbose_name="name"),
            )
            for model in ("historicalroom", "historicalvenue", "room", "venue")
            for field in ("name_en", "name_fr")
        ),
        migrations.RunPython(keep, give_back),
        migrations.AddConstraint(
            model_name="room",
            constraint=models.UniqueConstraint(
                fields=("venue", "name_fr"),
                name="room_name_is_unique_in_its_venue",
                violation_error_message="Another room of this venue has this name in French.",
            ),
        ),
        migrations.AddConstraint(
            model_name="room",
            constraint=models.UniqueConstraint(
                fields=("venue", "name_en"),
                name="room_english_name_is_unique_in_its_venue",
                violation_error_message="Another room of this venue has this name in English.",
            ),
        ),
    ]
