"""Why a mail was not sent is kept in English and translated where it is read: what is kept follows the new words."""

from django.db import migrations
from django.db.models import Value
from django.db.models.functions import Replace

REWORDED = [
    ("Another mail tells what has changed since.", "A later email says what has changed."),
    ("Another offer was made since.", "Another offer has been made since."),
    ("It comes too late to be of use.", "It would arrive too late to be useful."),
    ("Mails to this address bounce.", "Emails to this address bounce."),
    ("No seat is kept for the cohort any more.", "No seats are reserved for the cohort any more."),
    ("The code ran out before the mail could leave.", "The code expired before the email could be sent."),
    ("The offer has ended.", "The offer has expired."),
    ("The organisers stopped the announcement.", "The organisers have stopped this announcement."),
    (
        "The owner of this address has reported our mails as spam.",
        "The owner of this address has reported our emails as spam.",
    ),
    ("The person does not belong to the cohort any more.", "They no longer belong to the cohort."),
    ("The person no longer exists.", "They no longer have an account."),
    ("The person no longer speaks for the institution.", "They no longer work for this institution."),
    ("The person wants no such mails any more.", "They have opted out of these emails."),
    ("The person was erased.", "This person’s data has been erased."),
    (
        "The question is answered, or the seat is no longer held.",
        "The question has been answered, or the seat is no longer held.",
    ),
    (
        "The registration is no longer what this mail tells.",
        "The registration has changed since this email was queued.",
    ),
    (
        "The session does not take place, or people are reminded of it at another moment now.",
        "The session is not taking place, or its reminder now goes out at another time.",
    ),
    ("They do not work for this institution any more.", "They no longer work for this institution."),
    ("They have answered, or are not invited any more.", "They have answered, or are no longer invited."),
    ("What it is about no longer exists.", "What this email was about no longer exists."),
]


def reword(apps, words):
    dropped = apps.get_model("outbox", "Message").objects.filter(status="dropped")
    for old, new in words:
        dropped.filter(last_error=old).update(last_error=new)
        # Below the first line stands what a mail server said.
        followed = dropped.filter(last_error__startswith=f"{old}\n")
        followed.update(last_error=Replace("last_error", Value(old), Value(new)))


def forwards(apps, schema_editor):
    reword(apps, REWORDED)


def backwards(apps, schema_editor):
    reword(apps, [(new, old) for old, new in REWORDED])


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0003_english_labels"),
    ]

    operations = [
        migrations.RunPython(forwards, backwards),
    ]
