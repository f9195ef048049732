"""How long data is kept, and on which legal basis. What people were told by then stays true of what is there."""

import os

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


def keep_what_was_told(apps, schema_editor):
    """The first mails named legitimate interests. How long an operator had the texts of mails kept is now a rule of the
    current edition."""
    for name in ("Edition", "HistoricalEdition"):
        apps.get_model("programme", name).objects.update(legal_basis="legitimate_interests")
    days = os.environ.get("MAIL_KEEP_DAYS", "")
    current = apps.get_model("programme", "Edition").objects.filter(is_current=True).first()
    if current and days.isdecimal() and int(days) != 30:
        kept = min(max(int(days), 1), 365)
        apps.get_model("programme", "RetentionRule").objects.create(edition=current, kind="mail_texts", days=kept)


class Migration(migrations.Migration):
    dependencies = [
        ("programme", "0010_legal_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="edition",
            name="legal_basis",
            field=models.CharField(
                choices=[
                    ("public_task", "Public task (6.1.e)"),
                    ("legitimate_interests", "Legitimate interests (6.1.f)"),
                    ("contract", "Contract (6.1.b)"),
                    ("consent", "Consent (6.1.a)"),
                ],
                default="public_task",
                help_text="What makes it lawful to keep people’s data (GDPR, Article 6). Pages and emails say it.",
                max_length=20,
                verbose_name="legal basis",
            ),
        ),
        migrations.AddField(
            model_name="historicaledition",
            name="legal_basis",
            field=models.CharField(
                choices=[
                    ("public_task", "Public task (6.1.e)"),
                    ("legitimate_interests", "Legitimate interests (6.1.f)"),
                    ("contract", "Contract (6.1.b)"),
                    ("consent", "Consent (6.1.a)"),
                ],
                default="public_task",
                help_text="What makes it lawful to keep people’s data (GDPR, Article 6). Pages and emails say it.",
                max_length=20,
                verbose_name="legal basis",
            ),
        ),
        migrations.CreateModel(
            name="HistoricalRetentionRule",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="kind of data")),
                ("days", models.PositiveSmallIntegerField(verbose_name="days kept")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "edition",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="programme.edition",
                        verbose_name="edition",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical retention period",
                "verbose_name_plural": "historical retention periods",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="RetentionRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="kind of data")),
                ("days", models.PositiveSmallIntegerField(verbose_name="days kept")),
                (
                    "edition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="retention_rules",
                        to="programme.edition",
                        verbose_name="edition",
                    ),
                ),
            ],
            options={
                "verbose_name": "retention period",
                "verbose_name_plural": "retention periods",
                "ordering": ["edition_id", "kind"],
                "constraints": [
                    models.UniqueConstraint(fields=("edition", "kind"), name="edition_keeps_a_kind_for_one_time")
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="kind of data")),
                ("ran_at", models.DateTimeField(verbose_name="last run at")),
                ("deleted", models.PositiveIntegerField(default=0, verbose_name="deleted then")),
                ("deleted_in_all", models.PositiveIntegerField(default=0, verbose_name="deleted in all")),
                (
                    "edition",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="retention_runs",
                        to="programme.edition",
                        verbose_name="edition",
                    ),
                ),
            ],
            options={
                "verbose_name": "retention run",
                "verbose_name_plural": "retention runs",
                "constraints": [
                    models.UniqueConstraint(fields=("edition", "kind"), name="edition_notes_the_last_run_of_a_kind"),
                    models.UniqueConstraint(
                        condition=models.Q(("edition", None)),
                        fields=("kind",),
                        name="installation_notes_the_last_run_of_a_kind",
                    ),
                ],
            },
        ),
        migrations.RunPython(keep_what_was_told, migrations.RunPython.noop),
    ]
