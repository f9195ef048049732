from django.db import migrations, models


def forget_leases(apps, schema_editor):
    """No worker runs while the database is migrated: whoever held a list is dead, and another goes on."""
    apps.get_model("partners", "Upload").objects.exclude(busy_until=None).update(busy_until=None)


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0012_provider_documents_and_failures"),
    ]

    operations = [
        migrations.RunPython(forget_leases, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.UniqueConstraint(
                condition=models.Q(("busy_until__isnull", False)),
                fields=("institution",),
                name="institution_has_one_list_at_a_worker",
            ),
        ),
    ]
