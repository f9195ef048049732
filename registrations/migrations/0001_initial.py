import core.clock
import core.text
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('programme', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Cohort',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, unique=True, validators=[django.core.validators.RegexValidator('\\Ateam\\Z', 'The portal already has a page with this name: choose another.', inverse_match=True)], verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('name_fr', models.CharField(max_length=150, null=True, verbose_name='name')),
                ('name_en', models.CharField(max_length=150, null=True, verbose_name='name')),
                ('size', models.PositiveIntegerField(help_text='People at most.', verbose_name='size')),
                ('starts_at', models.DateTimeField(blank=True, help_text='If the cohort comes for a few hours only: its seats are in sessions at that time.', null=True, verbose_name='present from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='present until')),
                ('weight', models.PositiveSmallIntegerField(default=1, help_text='2: twice the chance of coming first as someone with 1.', verbose_name='weight in an allocation')),
            ],
            options={
                'verbose_name': 'cohort',
                'verbose_name_plural': 'cohorts',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Institution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, unique=True, validators=[django.core.validators.RegexValidator('\\Ahelp\\Z', 'The portal already has a page with this name: choose another.', inverse_match=True)], verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('kind', models.CharField(blank=True, max_length=60, verbose_name='kind')),
                ('country', models.CharField(blank=True, help_text='ISO 3166; INT for an international body, EU for the European Union.', max_length=3, verbose_name='country')),
            ],
            options={
                'verbose_name': 'institution',
                'verbose_name_plural': 'institutions',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Draw',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seed', models.CharField(max_length=64, verbose_name='seed')),
                ('entries', models.JSONField(help_text='The registrations that took part, by their code.', verbose_name='entries')),
                ('order', models.JSONField(verbose_name='order drawn')),
                ('drawn_at', models.DateTimeField(verbose_name='drawn at')),
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='draw', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'drawing of lots',
                'verbose_name_plural': 'drawings of lots',
                'ordering': ['-drawn_at'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalInstitution',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, validators=[django.core.validators.RegexValidator('\\Ahelp\\Z', 'The portal already has a page with this name: choose another.', inverse_match=True)], verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('kind', models.CharField(blank=True, max_length=60, verbose_name='kind')),
                ('country', models.CharField(blank=True, help_text='ISO 3166; INT for an international body, EU for the European Union.', max_length=3, verbose_name='country')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical institution',
                'verbose_name_plural': 'historical institutions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalInvitation',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='invited at')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'historical invitation',
                'verbose_name_plural': 'historical invitations',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalLimit',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('kind', models.CharField(blank=True, choices=[('keynote', 'Keynote'), ('panel', 'Panel'), ('workshop', 'Workshop'), ('plenary', 'Plenary'), ('ceremony', 'Ceremony'), ('exercise', 'Exercise'), ('exhibition', 'Exhibition'), ('dinner', 'Dinner'), ('side_event', 'Side event'), ('symposium', 'Symposium'), ('reception', 'Reception')], help_text='Empty: all formats together.', max_length=20, verbose_name='format')),
                ('at_most', models.PositiveSmallIntegerField(help_text='Seats per person.', verbose_name='at most')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('event', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.event', verbose_name='event')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical limit per person',
                'verbose_name_plural': 'historical limits per person',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalMembership',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='added at')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('attendee', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.attendee', verbose_name='attendee')),
                ('cohort', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.cohort', verbose_name='cohort')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical member',
                'verbose_name_plural': 'historical members',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalSeatPool',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('seats', models.PositiveIntegerField(verbose_name='seats')),
                ('release_at', models.DateTimeField(blank=True, help_text='When unsold seats go back to the general pool.', null=True, verbose_name='released at')),
                ('closed', models.BooleanField(default=False, editable=False, verbose_name='closed')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('cohort', models.ForeignKey(blank=True, db_constraint=False, help_text='None: the general pool.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.cohort', verbose_name='cohort')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'historical seat pool',
                'verbose_name_plural': 'historical seat pools',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalCohort',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, validators=[django.core.validators.RegexValidator('\\Ateam\\Z', 'The portal already has a page with this name: choose another.', inverse_match=True)], verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('name_fr', models.CharField(max_length=150, null=True, verbose_name='name')),
                ('name_en', models.CharField(max_length=150, null=True, verbose_name='name')),
                ('size', models.PositiveIntegerField(help_text='People at most.', verbose_name='size')),
                ('starts_at', models.DateTimeField(blank=True, help_text='If the cohort comes for a few hours only: its seats are in sessions at that time.', null=True, verbose_name='present from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='present until')),
                ('weight', models.PositiveSmallIntegerField(default=1, help_text='2: twice the chance of coming first as someone with 1.', verbose_name='weight in an allocation')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'historical cohort',
                'verbose_name_plural': 'historical cohorts',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddField(
            model_name='cohort',
            name='institution',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cohorts', to='registrations.institution', verbose_name='institution'),
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='added at')),
                ('attendee', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.attendee', verbose_name='attendee')),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='registrations.cohort', verbose_name='cohort')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'ordering': ['attendee__name', 'id'],
            },
        ),
        migrations.AddField(
            model_name='cohort',
            name='members',
            field=models.ManyToManyField(related_name='cohorts', through='registrations.Membership', to='accounts.attendee', verbose_name='members'),
        ),
        migrations.CreateModel(
            name='Party',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text='Anyone who is waiting for the session and has it can join.', max_length=12, unique=True, verbose_name='code')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='created at')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parties', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'group that waits together',
                'verbose_name_plural': 'groups that wait together',
            },
        ),
        migrations.CreateModel(
            name='SeatPool',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('seats', models.PositiveIntegerField(verbose_name='seats')),
                ('taken', models.PositiveIntegerField(default=0, editable=False, verbose_name='taken')),
                ('release_at', models.DateTimeField(blank=True, help_text='When unsold seats go back to the general pool.', null=True, verbose_name='released at')),
                ('closed', models.BooleanField(default=False, editable=False, verbose_name='closed')),
                ('cohort', models.ForeignKey(blank=True, help_text='None: the general pool.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='allotments', to='registrations.cohort', verbose_name='cohort')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pools', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'seat pool',
                'verbose_name_plural': 'seat pools',
                'ordering': ['session_id', 'cohort_id'],
            },
        ),
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('waiting', 'Waiting'), ('offered', 'Offered'), ('confirmed', 'Confirmed'), ('declined', 'Declined'), ('cancelled', 'Cancelled')], max_length=10, verbose_name='status')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='registered at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('ending', models.CharField(blank=True, choices=[('by_person', 'Given back by the person'), ('left_waitlist', 'Left the waiting list'), ('by_organisers', 'Cancelled by the organisers'), ('left_cohort', 'Removed from the institution’s list'), ('swapped', 'Given up for another session'), ('offer_declined', 'The offer was declined'), ('offer_expired', 'The offer was not answered in time'), ('refused', 'The request was not granted'), ('session_cancelled', 'The session was cancelled'), ('not_reconfirmed', 'The person did not say that they are still coming')], max_length=20, verbose_name='why it ended')),
                ('waiting_at', models.DateTimeField(blank=True, null=True, verbose_name='waiting since')),
                ('priority', models.SmallIntegerField(default=0, help_text='A higher one is further up the waiting list.', verbose_name='priority')),
                ('lot', models.PositiveIntegerField(blank=True, null=True, verbose_name='lot drawn')),
                ('offer_expires_at', models.DateTimeField(blank=True, null=True, verbose_name='offered until')),
                ('reason', models.CharField(blank=True, max_length=1000, validators=[core.text.validate_lines], verbose_name='reason given')),
                ('answer', models.CharField(blank=True, max_length=1000, verbose_name='the organisers’ answer')),
                ('is_absent', models.BooleanField(db_default=False, default=False, verbose_name='was absent')),
                ('attendee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='accounts.attendee', verbose_name='attendee')),
                ('party', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='registrations', to='registrations.party', verbose_name='waits with')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='programme.session', verbose_name='session')),
                ('pool', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='registrations.seatpool', verbose_name='seat pool')),
            ],
            options={
                'verbose_name': 'registration',
                'verbose_name_plural': 'registrations',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalRegistration',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('uuid', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('waiting', 'Waiting'), ('offered', 'Offered'), ('confirmed', 'Confirmed'), ('declined', 'Declined'), ('cancelled', 'Cancelled')], max_length=10, verbose_name='status')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='registered at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('ending', models.CharField(blank=True, choices=[('by_person', 'Given back by the person'), ('left_waitlist', 'Left the waiting list'), ('by_organisers', 'Cancelled by the organisers'), ('left_cohort', 'Removed from the institution’s list'), ('swapped', 'Given up for another session'), ('offer_declined', 'The offer was declined'), ('offer_expired', 'The offer was not answered in time'), ('refused', 'The request was not granted'), ('session_cancelled', 'The session was cancelled'), ('not_reconfirmed', 'The person did not say that they are still coming')], max_length=20, verbose_name='why it ended')),
                ('waiting_at', models.DateTimeField(blank=True, null=True, verbose_name='waiting since')),
                ('priority', models.SmallIntegerField(default=0, help_text='A higher one is further up the waiting list.', verbose_name='priority')),
                ('lot', models.PositiveIntegerField(blank=True, null=True, verbose_name='lot drawn')),
                ('offer_expires_at', models.DateTimeField(blank=True, null=True, verbose_name='offered until')),
                ('reason', models.CharField(blank=True, max_length=1000, validators=[core.text.validate_lines], verbose_name='reason given')),
                ('answer', models.CharField(blank=True, max_length=1000, verbose_name='the organisers’ answer')),
                ('is_absent', models.BooleanField(db_default=False, default=False, verbose_name='was absent')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('attendee', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.attendee', verbose_name='attendee')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programme.session', verbose_name='session')),
                ('party', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.party', verbose_name='waits with')),
                ('pool', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.seatpool', verbose_name='seat pool')),
            ],
            options={
                'verbose_name': 'historical registration',
                'verbose_name_plural': 'historical registrations',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField()),
                ('body', models.CharField(max_length=64)),
                ('answer', models.JSONField()),
                ('created_at', models.DateTimeField(db_index=True, default=core.clock.now, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='form_has_its_effect_once')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='invited at')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'ordering': ['email'],
                'constraints': [models.UniqueConstraint(models.F('session'), django.db.models.functions.text.Lower('email'), name='person_is_invited_once'), models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='invitation_is_written_in_lower_case')],
            },
        ),
        migrations.CreateModel(
            name='Limit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(blank=True, choices=[('keynote', 'Keynote'), ('panel', 'Panel'), ('workshop', 'Workshop'), ('plenary', 'Plenary'), ('ceremony', 'Ceremony'), ('exercise', 'Exercise'), ('exhibition', 'Exhibition'), ('dinner', 'Dinner'), ('side_event', 'Side event'), ('symposium', 'Symposium'), ('reception', 'Reception')], help_text='Empty: all formats together.', max_length=20, verbose_name='format')),
                ('at_most', models.PositiveSmallIntegerField(help_text='Seats per person.', verbose_name='at most')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='limits', to='programme.event', verbose_name='event')),
            ],
            options={
                'verbose_name': 'limit per person',
                'verbose_name_plural': 'limits per person',
                'ordering': ['event_id', 'kind'],
                'constraints': [models.UniqueConstraint(fields=('event', 'kind'), name='event_has_one_limit_per_format'), models.CheckConstraint(condition=models.Q(('at_most__gt', 0)), name='limit_lets_someone_in')],
            },
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('cohort', 'attendee'), name='person_is_once_in_a_cohort'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='cohort_holds_someone'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gt', 0)), name='cohort_has_a_weight'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ends_at', None), ('starts_at', None)), models.Q(('ends_at__gt', models.F('starts_at')), ('starts_at__isnull', False)), _connector='OR'), name='cohort_leaves_after_it_comes'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.CheckConstraint(condition=models.Q(('taken__gte', 0), ('taken__lte', models.F('seats'))), name='pool_never_oversold'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.UniqueConstraint(fields=('session', 'cohort'), name='cohort_has_one_allotment_in_a_session'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.UniqueConstraint(condition=models.Q(('cohort__isnull', True)), fields=('session',), name='session_has_one_general_pool'),
        ),
        migrations.AddIndex(
            model_name='registration',
            index=models.Index(condition=models.Q(('status', 'waiting')), fields=['session', '-priority', 'lot', 'waiting_at', 'id'], name='waitlist_of_a_session'),
        ),
        migrations.AddIndex(
            model_name='registration',
            index=models.Index(condition=models.Q(('status', 'offered')), fields=['offer_expires_at'], name='offers_by_end'),
        ),
        migrations.AddConstraint(
            model_name='registration',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['declined', 'cancelled']), _negated=True), fields=('session', 'attendee'), name='person_has_one_live_registration_in_a_session'),
        ),
        migrations.AddConstraint(
            model_name='registration',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pool__isnull', False), ('status__in', ['confirmed', 'offered'])), ('status', 'pending'), models.Q(('pool__isnull', True), ('status__in', ['waiting', 'declined', 'cancelled'])), _connector='OR'), name='registration_that_holds_a_seat_names_its_pool'),
        ),
        migrations.AddConstraint(
            model_name='registration',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('offer_expires_at__isnull', False), ('status', 'offered')), models.Q(models.Q(('status', 'offered'), _negated=True), ('offer_expires_at', None)), _connector='OR'), name='offer_ends_at_a_moment'),
        ),
        migrations.AddConstraint(
            model_name='registration',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'waiting'), _negated=True), ('waiting_at__isnull', False), _connector='OR'), name='waitlist_has_an_order'),
        ),
    ]
