from django.db import migrations, models

HELP = "Until the seats are given out, only organisers give any: nobody takes one by themselves."


def holds_seats(default):
    return models.BooleanField(default=default, help_text=HELP, verbose_name="holds the seats")


class Migration(migrations.Migration):
    # Nobody asked that those which exist hold their seats.
    dependencies = [("allocations", "0002_search")]

    operations = [
        operation(model_name=model, name="holds_seats", field=holds_seats(default))
        for operation, default in ((migrations.AddField, False), (migrations.AlterField, True))
        for model in ("allocation", "historicalallocation")
    ]
