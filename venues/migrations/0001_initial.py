import django.core.validators
import django.db.models.deletion
import simple_history.models
import venues.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalVenue',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('city', models.CharField(max_length=80, verbose_name='city')),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('\\A[A-Z]{2}\\Z', 'Write the country as two capital letters (ISO 3166), for example FR.')], verbose_name='country')),
                ('latitude', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)], verbose_name='latitude')),
                ('longitude', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)], verbose_name='longitude')),
                ('timezone', models.CharField(default='Europe/Paris', max_length=50, validators=[venues.models.validate_timezone], verbose_name='time zone')),
                ('accessibility', models.TextField(blank=True, verbose_name='accessibility')),
                ('accessibility_fr', models.TextField(blank=True, null=True, verbose_name='accessibility')),
                ('accessibility_en', models.TextField(blank=True, null=True, verbose_name='accessibility')),
                ('security_minutes', models.PositiveSmallIntegerField(default=0, help_text='For badges and bag checks, each time people arrive from elsewhere.', verbose_name='minutes at the entrance')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical venue',
                'verbose_name_plural': 'historical venues',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Venue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('city', models.CharField(max_length=80, verbose_name='city')),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('\\A[A-Z]{2}\\Z', 'Write the country as two capital letters (ISO 3166), for example FR.')], verbose_name='country')),
                ('latitude', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)], verbose_name='latitude')),
                ('longitude', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)], verbose_name='longitude')),
                ('timezone', models.CharField(default='Europe/Paris', max_length=50, validators=[venues.models.validate_timezone], verbose_name='time zone')),
                ('accessibility', models.TextField(blank=True, verbose_name='accessibility')),
                ('accessibility_fr', models.TextField(blank=True, null=True, verbose_name='accessibility')),
                ('accessibility_en', models.TextField(blank=True, null=True, verbose_name='accessibility')),
                ('security_minutes', models.PositiveSmallIntegerField(default=0, help_text='For badges and bag checks, each time people arrive from elsewhere.', verbose_name='minutes at the entrance')),
            ],
            options={
                'verbose_name': 'venue',
                'verbose_name_plural': 'venues',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), _connector='OR'), name='venue_is_on_earth')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalTravelTime',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('minutes', models.PositiveSmallIntegerField(help_text='From door to door, without the entrance. It also applies to the way back, unless that has a row of its own.', verbose_name='minutes')),
                ('note', models.CharField(blank=True, help_text='For example: shuttle every ten minutes.', max_length=200, verbose_name='note')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('destination', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='venues.venue', verbose_name='to')),
                ('origin', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='venues.venue', verbose_name='from')),
            ],
            options={
                'verbose_name': 'historical travel time',
                'verbose_name_plural': 'historical travel times',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalRoom',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('capacity', models.PositiveIntegerField(help_text='People at any one time.', verbose_name='capacity')),
                ('allows_several_sessions', models.BooleanField(default=False, help_text='For stands and halls; otherwise, a session has its room to itself.', verbose_name='allows several sessions at once')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('venue', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='venues.venue', verbose_name='venue')),
            ],
            options={
                'verbose_name': 'historical room',
                'verbose_name_plural': 'historical rooms',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='TravelTime',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minutes', models.PositiveSmallIntegerField(help_text='From door to door, without the entrance. It also applies to the way back, unless that has a row of its own.', verbose_name='minutes')),
                ('note', models.CharField(blank=True, help_text='For example: shuttle every ten minutes.', max_length=200, verbose_name='note')),
                ('destination', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ways_in', to='venues.venue', verbose_name='to')),
                ('origin', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ways_out', to='venues.venue', verbose_name='from')),
            ],
            options={
                'verbose_name': 'travel time',
                'verbose_name_plural': 'travel times',
                'ordering': ['origin__name', 'destination__name'],
                'constraints': [models.UniqueConstraint(fields=('origin', 'destination'), name='way_has_one_travel_time'), models.CheckConstraint(condition=models.Q(('origin', models.F('destination')), _negated=True), name='way_leads_elsewhere')],
            },
        ),
        migrations.CreateModel(
            name='Room',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, help_text='The page or text this row was taken from; “assumed” if it was made up.', max_length=500, verbose_name='source')),
                ('assumed_fields', models.CharField(blank=True, help_text='Fields the source does not give, separated by “|”: check them before any real use.', max_length=500, verbose_name='assumed fields')),
                ('slug', models.SlugField(max_length=60, unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=150, verbose_name='name')),
                ('capacity', models.PositiveIntegerField(help_text='People at any one time.', verbose_name='capacity')),
                ('allows_several_sessions', models.BooleanField(default=False, help_text='For stands and halls; otherwise, a session has its room to itself.', verbose_name='allows several sessions at once')),
                ('venue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rooms', to='venues.venue', verbose_name='venue')),
            ],
            options={
                'verbose_name': 'room',
                'verbose_name_plural': 'rooms',
                'ordering': ['venue__name', 'name'],
                'constraints': [models.UniqueConstraint(fields=('venue', 'name'), name='room_name_is_unique_in_its_venue'), models.CheckConstraint(condition=models.Q(('capacity__gt', 0)), name='room_holds_someone')],
            },
        ),
    ]
