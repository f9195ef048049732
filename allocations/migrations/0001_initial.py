import core.clock
import django.db.models.deletion
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
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True, verbose_name='slug')),
                ('title', models.CharField(max_length=150, verbose_name='title')),
                ('title_fr', models.CharField(max_length=150, null=True, verbose_name='title')),
                ('title_en', models.CharField(max_length=150, null=True, verbose_name='title')),
                ('opens_at', models.DateTimeField(verbose_name='wishes from')),
                ('closes_at', models.DateTimeField(verbose_name='wishes until')),
                ('wishes_at_most', models.PositiveSmallIntegerField(default=8, verbose_name='maximum number of wishes')),
                ('seats_at_most', models.PositiveSmallIntegerField(default=3, help_text='Per person.', verbose_name='maximum number of seats')),
                ('sessions', models.ManyToManyField(related_name='allocations', to='programme.session', verbose_name='sessions')),
            ],
            options={
                'verbose_name': 'allocation',
                'verbose_name_plural': 'allocations',
                'ordering': ['closes_at', 'slug'],
            },
        ),
        migrations.CreateModel(
            name='AllocationRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('algorithm', models.CharField(max_length=40, verbose_name='algorithm')),
                ('seed', models.CharField(max_length=64, verbose_name='seed')),
                ('inputs', models.JSONField(verbose_name='inputs')),
                ('inputs_hash', models.CharField(max_length=64, verbose_name='fingerprint of the inputs')),
                ('results', models.JSONField(verbose_name='results')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='run at')),
                ('committed_at', models.DateTimeField(blank=True, null=True, verbose_name='in force since')),
                ('allocation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='allocations.allocation', verbose_name='allocation')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='run by')),
            ],
            options={
                'verbose_name': 'allocation run',
                'verbose_name_plural': 'allocation runs',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalAllocation',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, verbose_name='slug')),
                ('title', models.CharField(max_length=150, verbose_name='title')),
                ('title_fr', models.CharField(max_length=150, null=True, verbose_name='title')),
                ('title_en', models.CharField(max_length=150, null=True, verbose_name='title')),
                ('opens_at', models.DateTimeField(verbose_name='wishes from')),
                ('closes_at', models.DateTimeField(verbose_name='wishes until')),
                ('wishes_at_most', models.PositiveSmallIntegerField(default=8, verbose_name='maximum number of wishes')),
                ('seats_at_most', models.PositiveSmallIntegerField(default=3, help_text='Per person.', verbose_name='maximum number of seats')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical allocation',
                'verbose_name_plural': 'historical allocations',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalAllocationRun',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('uuid', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('algorithm', models.CharField(max_length=40, verbose_name='algorithm')),
                ('seed', models.CharField(max_length=64, verbose_name='seed')),
                ('inputs_hash', models.CharField(max_length=64, verbose_name='fingerprint of the inputs')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='run at')),
                ('committed_at', models.DateTimeField(blank=True, null=True, verbose_name='in force since')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('allocation', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='allocations.allocation', verbose_name='allocation')),
                ('created_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='run by')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical allocation run',
                'verbose_name_plural': 'historical allocation runs',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Wish',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField(verbose_name='rank')),
                ('allocation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wishes', to='allocations.allocation', verbose_name='allocation')),
                ('attendee', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wishes', to='accounts.attendee', verbose_name='attendee')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wishes', to='programme.session', verbose_name='session')),
            ],
            options={
                'verbose_name': 'wish',
                'verbose_name_plural': 'wishes',
                'ordering': ['allocation_id', 'attendee_id', 'rank'],
            },
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at'))), name='wishes_end_after_they_begin'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('seats_at_most__gt', 0), ('wishes_at_most__gt', 0)), name='allocation_gives_something'),
        ),
        migrations.AddConstraint(
            model_name='allocationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('committed_at__isnull', False)), fields=('allocation',), name='allocation_is_put_into_force_once'),
        ),
        migrations.AddConstraint(
            model_name='wish',
            constraint=models.UniqueConstraint(fields=('allocation', 'attendee', 'rank'), name='rank_is_given_once'),
        ),
        migrations.AddConstraint(
            model_name='wish',
            constraint=models.UniqueConstraint(fields=('allocation', 'attendee', 'session'), name='session_is_wished_once'),
        ),
        migrations.AddConstraint(
            model_name='wish',
            constraint=models.CheckConstraint(condition=models.Q(('rank__gt', 0)), name='rank_begins_at_one'),
        ),
    ]
