import core.clock
import core.text
import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import notices.models
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('programme', '0001_initial'),
        ('registrations', '0001_initial'),
        ('venues', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(default=notices.models.new_token, editable=False, max_length=64, unique=True)),
                ('alarm_minutes', models.PositiveSmallIntegerField(blank=True, choices=[(15, '15 minutes before'), (60, '1 hour before'), (120, '2 hours before'), (1440, '1 day before')], null=True, verbose_name='alarm')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('attendee', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_feed', to='accounts.attendee', verbose_name='attendee')),
            ],
            options={
                'verbose_name': 'calendar address',
                'verbose_name_plural': 'calendar addresses',
            },
        ),
        migrations.CreateModel(
            name='HistoricalAnnouncement',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('uuid', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('subject', models.CharField(max_length=150, validators=[core.text.validate_line], verbose_name='subject')),
                ('subject_fr', models.CharField(max_length=150, null=True, validators=[core.text.validate_line], verbose_name='subject')),
                ('subject_en', models.CharField(max_length=150, null=True, validators=[core.text.validate_line], verbose_name='subject')),
                ('body', models.TextField(max_length=10000, validators=[core.text.validate_lines], verbose_name='text')),
                ('body_fr', models.TextField(max_length=10000, null=True, validators=[core.text.validate_lines], verbose_name='text')),
                ('body_en', models.TextField(max_length=10000, null=True, validators=[core.text.validate_lines], verbose_name='text')),
                ('statuses', models.JSONField(blank=True, default=list, verbose_name='whose registration is')),
                ('must_reach', models.BooleanField(default=False, help_text='Only for things people must know in order to come: it also goes to those who want no announcements.', verbose_name='must reach everybody')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'To be sent'), ('queued', 'Sent out'), ('stopped', 'Stopped')], default='draft', editable=False, max_length=10, verbose_name='status')),
                ('send_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='to be sent at')),
                ('queued_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='queued at')),
                ('people', models.PositiveIntegerField(default=0, editable=False, verbose_name='people')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='written at')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('cohort', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.cohort', verbose_name='cohort')),
                ('event', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.event', verbose_name='event')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'historical announcement',
                'verbose_name_plural': 'historical announcements',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalCalendarFeed',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('alarm_minutes', models.PositiveSmallIntegerField(blank=True, choices=[(15, '15 minutes before'), (60, '1 hour before'), (120, '2 hours before'), (1440, '1 day before')], null=True, verbose_name='alarm')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('attendee', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.attendee', verbose_name='attendee')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical calendar address',
                'verbose_name_plural': 'historical calendar addresses',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalOptOut',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail address')),
                ('topic', models.CharField(choices=[('reminders', 'Reminders'), ('invitations', 'Invitation reminders'), ('announcements', 'Announcements from the organisers'), ('digests', 'Weekly news for partners')], max_length=20, verbose_name='topic')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'historical mail preference',
                'verbose_name_plural': 'historical mail preferences',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalQuietWindow',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('opened_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='opened at')),
                ('published_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='published at')),
                ('people', models.PositiveIntegerField(default=0, editable=False, verbose_name='people told')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('event', models.ForeignKey(blank=True, db_constraint=False, help_text='If empty: the whole summit.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.event', verbose_name='event')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical quiet window',
                'verbose_name_plural': 'historical quiet windows',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalReminderRule',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('audience', models.CharField(choices=[('confirmed', 'People with a seat'), ('waiting', 'People on the waiting list'), ('invited', 'Invited people who have not answered'), ('absent', 'People marked as absent')], default='confirmed', max_length=10, verbose_name='who')),
                ('timing', models.CharField(choices=[('day', 'Days before, at a time of day'), ('before', 'A length of time before the start'), ('after', 'A length of time after the end')], default='day', max_length=10, verbose_name='when')),
                ('days', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MaxValueValidator(60)], verbose_name='days before')),
                ('at_time', models.TimeField(default=datetime.time(18, 0), help_text='By the clocks of the venue.', verbose_name='at')),
                ('minutes', models.PositiveIntegerField(default=120, help_text='Before the start, or after the end: 120 is two hours, 2880 is two days.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='minutes')),
                ('late_minutes', models.PositiveIntegerField(default=720, help_text='In minutes. Anything that could not leave by then is dropped; once the session has begun, nothing leaves at all.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='late by at most')),
                ('answer_hours', models.PositiveSmallIntegerField(blank=True, help_text='If empty: a plain reminder. With a number, people are asked if they are still coming, and the seats of those who do not answer go to the waiting list.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='hours to answer')),
                ('note', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, validators=[core.text.validate_line], verbose_name='what you add')),
                ('note_fr', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, null=True, validators=[core.text.validate_line], verbose_name='what you add')),
                ('note_en', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, null=True, validators=[core.text.validate_line], verbose_name='what you add')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('event', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.event', verbose_name='event')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'historical reminder',
                'verbose_name_plural': 'historical reminders',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ReminderRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('audience', models.CharField(choices=[('confirmed', 'People with a seat'), ('waiting', 'People on the waiting list'), ('invited', 'Invited people who have not answered'), ('absent', 'People marked as absent')], default='confirmed', max_length=10, verbose_name='who')),
                ('timing', models.CharField(choices=[('day', 'Days before, at a time of day'), ('before', 'A length of time before the start'), ('after', 'A length of time after the end')], default='day', max_length=10, verbose_name='when')),
                ('days', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MaxValueValidator(60)], verbose_name='days before')),
                ('at_time', models.TimeField(default=datetime.time(18, 0), help_text='By the clocks of the venue.', verbose_name='at')),
                ('minutes', models.PositiveIntegerField(default=120, help_text='Before the start, or after the end: 120 is two hours, 2880 is two days.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='minutes')),
                ('late_minutes', models.PositiveIntegerField(default=720, help_text='In minutes. Anything that could not leave by then is dropped; once the session has begun, nothing leaves at all.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='late by at most')),
                ('answer_hours', models.PositiveSmallIntegerField(blank=True, help_text='If empty: a plain reminder. With a number, people are asked if they are still coming, and the seats of those who do not answer go to the waiting list.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='hours to answer')),
                ('note', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, validators=[core.text.validate_line], verbose_name='what you add')),
                ('note_fr', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, null=True, validators=[core.text.validate_line], verbose_name='what you add')),
                ('note_en', models.CharField(blank=True, help_text='For example: bring your passport.', max_length=500, null=True, validators=[core.text.validate_line], verbose_name='what you add')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('event', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminder_rules', to='programme.event', verbose_name='event')),
                ('session', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminder_rules', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'reminder',
                'verbose_name_plural': 'reminders',
                'ordering': ['event_id', 'session_id', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_at', models.DateTimeField(verbose_name='due at')),
                ('queued_at', models.DateTimeField(blank=True, null=True, verbose_name='queued at')),
                ('outcome', models.CharField(blank=True, choices=[('queued', 'Queued'), ('missed', 'Too late, dropped')], max_length=10, verbose_name='outcome')),
                ('people', models.PositiveIntegerField(default=0, verbose_name='people')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='programme.session', verbose_name='session')),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='notices.reminderrule', verbose_name='reminder')),
            ],
            options={
                'verbose_name': 'planned reminder',
                'verbose_name_plural': 'planned reminders',
                'ordering': ['due_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('subject', models.CharField(max_length=150, validators=[core.text.validate_line], verbose_name='subject')),
                ('subject_fr', models.CharField(max_length=150, null=True, validators=[core.text.validate_line], verbose_name='subject')),
                ('subject_en', models.CharField(max_length=150, null=True, validators=[core.text.validate_line], verbose_name='subject')),
                ('body', models.TextField(max_length=10000, validators=[core.text.validate_lines], verbose_name='text')),
                ('body_fr', models.TextField(max_length=10000, null=True, validators=[core.text.validate_lines], verbose_name='text')),
                ('body_en', models.TextField(max_length=10000, null=True, validators=[core.text.validate_lines], verbose_name='text')),
                ('statuses', models.JSONField(blank=True, default=list, verbose_name='whose registration is')),
                ('must_reach', models.BooleanField(default=False, help_text='Only for things people must know in order to come: it also goes to those who want no announcements.', verbose_name='must reach everybody')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'To be sent'), ('queued', 'Sent out'), ('stopped', 'Stopped')], default='draft', editable=False, max_length=10, verbose_name='status')),
                ('send_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='to be sent at')),
                ('queued_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='queued at')),
                ('people', models.PositiveIntegerField(default=0, editable=False, verbose_name='people')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='written at')),
                ('cohort', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='announcements', to='registrations.cohort', verbose_name='cohort')),
                ('event', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='announcements', to='programme.event', verbose_name='event')),
                ('session', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='announcements', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'announcement',
                'verbose_name_plural': 'announcements',
                'ordering': ['-created_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['scheduled', 'queued']), _negated=True), ('send_at__isnull', False), _connector='OR'), name='announcement_leaves_at_a_moment')],
            },
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('was_starts_at', models.DateTimeField(verbose_name='started at')),
                ('was_ends_at', models.DateTimeField(verbose_name='ended at')),
                ('first_at', models.DateTimeField(verbose_name='first changed at')),
                ('changed_at', models.DateTimeField(verbose_name='last changed at')),
                ('told_at', models.DateTimeField(blank=True, null=True, verbose_name='announced at')),
                ('people', models.PositiveIntegerField(default=0, verbose_name='people told')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='programme.session', verbose_name='session')),
                ('was_room', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='venues.room', verbose_name='was in')),
            ],
            options={
                'verbose_name': 'change to a session',
                'verbose_name_plural': 'changes to sessions',
                'ordering': ['-changed_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('told_at', None)), fields=('session',), name='session_has_one_change_to_tell')],
            },
        ),
        migrations.CreateModel(
            name='OptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail address')),
                ('topic', models.CharField(choices=[('reminders', 'Reminders'), ('invitations', 'Invitation reminders'), ('announcements', 'Announcements from the organisers'), ('digests', 'Weekly news for partners')], max_length=20, verbose_name='topic')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='opt_outs', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'mail preference',
                'verbose_name_plural': 'mail preferences',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('email', ''), ('user__isnull', False)), models.Q(('user', None), models.Q(('email', ''), _negated=True)), _connector='OR'), name='unwanted_by_an_account_or_an_address'), models.UniqueConstraint(condition=models.Q(('user__isnull', False)), fields=('user', 'topic'), name='account_says_so_once'), models.UniqueConstraint(condition=models.Q(('user', None)), fields=('email', 'topic'), name='address_says_so_once')],
            },
        ),
        migrations.CreateModel(
            name='QuietWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='opened at')),
                ('published_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='published at')),
                ('people', models.PositiveIntegerField(default=0, editable=False, verbose_name='people told')),
                ('event', models.ForeignKey(blank=True, help_text='If empty: the whole summit.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quiet_windows', to='programme.event', verbose_name='event')),
            ],
            options={
                'verbose_name': 'quiet window',
                'verbose_name_plural': 'quiet windows',
                'ordering': ['-opened_at', '-id'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('event', 0), condition=models.Q(('published_at', None)), name='event_has_one_quiet_window_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Reconfirmation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('answer_until', models.DateTimeField(verbose_name='answer until')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered at')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='seat released at')),
                ('registration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reconfirmations', to='registrations.registration', verbose_name='registration')),
                ('reminder', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reconfirmations', to='notices.reminder', verbose_name='planned reminder')),
            ],
            options={
                'verbose_name': 'reconfirmation',
                'verbose_name_plural': 'reconfirmations',
                'indexes': [models.Index(condition=models.Q(('answered_at', None), ('released_at', None)), fields=['answer_until'], name='questions_without_an_answer')],
                'constraints': [models.UniqueConstraint(fields=('registration', 'reminder'), name='person_is_asked_once_at_a_moment'), models.CheckConstraint(condition=models.Q(('answered_at', None), ('released_at', None), _connector='OR'), name='seat_of_whoever_answers_is_not_released')],
            },
        ),
        migrations.AddConstraint(
            model_name='reminderrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('event__isnull', False), ('session', None)), models.Q(('event', None), ('session__isnull', False)), _connector='OR'), name='reminder_is_of_an_event_or_a_session'),
        ),
        migrations.AddConstraint(
            model_name='reminderrule',
            constraint=models.CheckConstraint(condition=models.Q(('answer_hours', None), models.Q(('answer_hours__gt', 0), ('audience', 'confirmed'), models.Q(('timing', 'after'), _negated=True)), _connector='OR'), name='only_who_has_a_seat_is_asked_before'),
        ),
        migrations.AddConstraint(
            model_name='reminderrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('audience', 'absent'), ('timing', 'after')), models.Q(models.Q(('audience', 'absent'), _negated=True), models.Q(('timing', 'after'), _negated=True)), _connector='OR'), name='only_the_absent_are_written_to_afterwards'),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(condition=models.Q(('queued_at', None)), fields=['due_at'], name='reminders_to_come'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('rule', 'session', 'due_at'), name='people_are_reminded_once_at_a_moment'),
        ),
    ]
