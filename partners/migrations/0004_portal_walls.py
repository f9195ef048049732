from django.db import migrations, models

import registrations.models


class Migration(migrations.Migration):
    dependencies = [("partners", "0003_lists_that_were_applied_before")]

    operations = [
        migrations.AlterField(
            model_name="invitee",
            name="key",
            field=models.CharField(default=registrations.models.new_token, editable=False, max_length=64, unique=True),
        ),
        migrations.AddConstraint(
            model_name="invitee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at", None), ("status", "invited")),
                    models.Q(models.Q(("status", "invited"), _negated=True), ("answered_at__isnull", False)),
                    _connector="OR",
                ),
                name="who_answered_did_so_at_a_moment",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("applied_at__isnull", False), ("status__in", ["applied", "undone"])),
                    models.Q(models.Q(("status__in", ["applied", "undone"]), _negated=True), ("applied_at", None)),
                    _connector="OR",
                ),
                name="list_in_force_says_since_when",
            ),
        ),
    ]
