import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import registrations.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_who_may_see_access_needs"),
        ("partners", "0001_lists"),
        ("registrations", "0005_calendar_feeds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ColumnName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="header")),
                ("field", models.CharField(max_length=20, verbose_name="means")),
            ],
            options={
                "verbose_name": "name of a column",
                "verbose_name_plural": "names of columns",
            },
        ),
        migrations.CreateModel(
            name="Objection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address_hash", models.CharField(max_length=64, verbose_name="hash of the address")),
                ("is_final", models.BooleanField(default=True, help_text="Not even by hand.", verbose_name="for good")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="since")),
            ],
            options={
                "verbose_name": "objection",
                "verbose_name_plural": "objections",
            },
        ),
        migrations.CreateModel(
            name="UploadFile",
            fields=[
                (
                    "upload",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="file",
                        serialize=False,
                        to="partners.upload",
                    ),
                ),
                ("data", models.BinaryField()),
            ],
            options={
                "verbose_name": "file of an uploaded list",
                "verbose_name_plural": "files of uploaded lists",
            },
        ),
        migrations.CreateModel(
            name="UploadRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                ("cells", models.JSONField(verbose_name="cells")),
                ("is_skipped", models.BooleanField(default=False, verbose_name="skipped")),
                ("is_title", models.BooleanField(default=False, verbose_name="stands above the header")),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("new", "New"),
                            ("changed", "Changed"),
                            ("same", "Unchanged"),
                            ("to_mend", "To fix"),
                            ("twice", "Repeated"),
                            ("elsewhere", "On another list"),
                            ("skipped", "Skipped"),
                            ("nobody", "About nobody"),
                        ],
                        max_length=10,
                        verbose_name="what it is",
                    ),
                ),
                ("person", models.JSONField(default=dict, verbose_name="as it would be kept")),
                ("findings", models.JSONField(default=list, verbose_name="what was found")),
                ("was", models.JSONField(default=dict, verbose_name="what the list says now")),
            ],
            options={
                "verbose_name": "row of an uploaded list",
                "verbose_name_plural": "rows of uploaded lists",
                "ordering": ["upload_id", "line"],
            },
        ),
        migrations.AlterModelOptions(
            name="upload",
            options={"ordering": ["-created_at", "-id"], "verbose_name": "uploaded list", "verbose_name_plural": "uploaded lists"},
        ),
        migrations.AddField(
            model_name="historicalinvitee",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="answered at"),
        ),
        migrations.AddField(
            model_name="historicalinvitee",
            name="attendee",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="accounts.attendee",
                verbose_name="attendee",
            ),
        ),
        migrations.AddField(
            model_name="historicalinvitee",
            name="key",
            field=models.CharField(db_index=True, default=registrations.models.new_token, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="historicalinvitee",
            name="reminded_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last reminded at"),
        ),
        migrations.AddField(
            model_name="historicalinvitee",
            name="status",
            field=models.CharField(
                choices=[("invited", "Invited"), ("accepted", "Accepted"), ("declined", "Declined")],
                default="invited",
                max_length=10,
                verbose_name="status",
            ),
        ),
        migrations.AddField(
            model_name="invitee",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="answered at"),
        ),
        migrations.AddField(
            model_name="invitee",
            name="attendee",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="invitees",
                to="accounts.attendee",
                verbose_name="attendee",
            ),
        ),
        migrations.AddField(
            model_name="invitee",
            name="key",
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="invitee",
            name="reminded_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last reminded at"),
        ),
        migrations.AddField(
            model_name="invitee",
            name="status",
            field=models.CharField(
                choices=[("invited", "Invited"), ("accepted", "Accepted"), ("declined", "Declined")],
                default="invited",
                max_length=10,
                verbose_name="status",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="busy_until",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="a worker has it until"),
        ),
        migrations.AddField(
            model_name="upload",
            name="chosen",
            field=models.JSONField(blank=True, default=dict, verbose_name="chosen by hand"),
        ),
        migrations.AddField(
            model_name="upload",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now, verbose_name="uploaded at"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="upload",
            name="findings",
            field=models.JSONField(blank=True, default=list, verbose_name="about the list"),
        ),
        migrations.AddField(
            model_name="upload",
            name="read_as",
            field=models.JSONField(blank=True, default=dict, verbose_name="read as"),
        ),
        migrations.AddField(
            model_name="upload",
            name="removed",
            field=models.JSONField(blank=True, default=list, verbose_name="who would be removed"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="file_name",
            field=models.CharField(blank=True, max_length=255, verbose_name="file"),
        ),
        migrations.AddField(
            model_name="upload",
            name="refused",
            field=models.JSONField(blank=True, null=True, verbose_name="why it is refused"),
        ),
        migrations.AddField(
            model_name="upload",
            name="status",
            field=models.CharField(
                choices=[
                    ("received", "Being read"),
                    ("refused", "Cannot be read"),
                    ("review", "To be checked"),
                    ("confirmed", "Being applied"),
                    ("applied", "Applied"),
                    ("undone", "Undone"),
                ],
                default="received",
                max_length=10,
                verbose_name="status",
            ),
        ),
        migrations.AlterField(
            model_name="upload",
            name="applied_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="applied at"),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("status__in", ["received", "confirmed"])), fields=["busy_until"], name="uploads_to_be_worked_on"
            ),
        ),
        migrations.AddField(
            model_name="columnname",
            name="institution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="column_names",
                to="registrations.institution",
                verbose_name="institution",
            ),
        ),
        migrations.AddField(
            model_name="objection",
            name="cohort",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="objections", to="registrations.cohort", verbose_name="cohort"
            ),
        ),
        migrations.AddField(
            model_name="objection",
            name="institution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="objections",
                to="registrations.institution",
                verbose_name="institution",
            ),
        ),
        migrations.AddField(
            model_name="uploadrow",
            name="upload",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="partners.upload"),
        ),
        migrations.AddConstraint(
            model_name="columnname",
            constraint=models.UniqueConstraint(fields=("institution", "name"), name="institution_means_one_thing_by_a_header"),
        ),
        migrations.AddConstraint(
            model_name="objection",
            constraint=models.UniqueConstraint(fields=("institution", "address_hash"), name="person_objects_once_to_an_institution"),
        ),
        migrations.AddConstraint(
            model_name="uploadrow",
            constraint=models.UniqueConstraint(fields=("upload", "line"), name="line_stands_once_in_a_list"),
        ),
    ]
