import core.clock
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=30, primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Home',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='LaneState',
            fields=[
                ('lane', models.PositiveSmallIntegerField(choices=[(0, 'Urgent'), (1, 'Normal'), (2, 'Bulk')], primary_key=True, serialize=False, verbose_name='lane')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused since')),
                ('rests_until', models.DateTimeField(blank=True, null=True, verbose_name='resting until')),
                ('failures', models.PositiveSmallIntegerField(default=0, verbose_name='failures in a row')),
                ('failing_since', models.DateTimeField(blank=True, null=True, verbose_name='failing since')),
                ('words', models.TextField(blank=True, verbose_name='the server’s reply')),
                ('server_is_away', models.BooleanField(default=False, verbose_name='the mail server cannot be used')),
            ],
            options={
                'verbose_name': 'lane',
                'verbose_name_plural': 'lanes',
                'ordering': ['lane'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalHold',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('reason', models.CharField(choices=[('restored', 'this database was restored from a backup'), ('declared', 'an operator asked for it')], max_length=10, verbose_name='reason')),
                ('started_at', models.DateTimeField(verbose_name='since')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='hold released at')),
                ('dropped', models.PositiveIntegerField(default=0, verbose_name='mails dropped')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical hold',
                'verbose_name_plural': 'historical holds',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalLaneState',
            fields=[
                ('lane', models.PositiveSmallIntegerField(choices=[(0, 'Urgent'), (1, 'Normal'), (2, 'Bulk')], db_index=True, verbose_name='lane')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused since')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical lane',
                'verbose_name_plural': 'historical lanes',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalMailTemplate',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('kind', models.CharField(max_length=80, verbose_name='kind')),
                ('language', models.CharField(max_length=2, verbose_name='language')),
                ('subject', models.CharField(max_length=200, verbose_name='subject')),
                ('opening', models.TextField(max_length=2000, verbose_name='opening')),
                ('closing', models.TextField(blank=True, max_length=2000, verbose_name='closing')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical mail template',
                'verbose_name_plural': 'historical mail templates',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalSuppressedAddress',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('address', models.EmailField(db_index=True, max_length=254, verbose_name='e-mail address')),
                ('reason', models.CharField(choices=[('bounced', 'mails bounce'), ('complained', 'its owner reported our mails as spam')], max_length=10, verbose_name='reason')),
                ('words', models.TextField(blank=True, verbose_name='the server’s reply')),
                ('reported_at', models.DateTimeField(verbose_name='reported at')),
                ('cleared_at', models.DateTimeField(blank=True, null=True, verbose_name='cleared at')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical suppressed address',
                'verbose_name_plural': 'historical suppression list',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('restored', 'this database was restored from a backup'), ('declared', 'an operator asked for it')], max_length=10, verbose_name='reason')),
                ('started_at', models.DateTimeField(verbose_name='since')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='hold released at')),
                ('dropped', models.PositiveIntegerField(default=0, verbose_name='mails dropped')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'ordering': ['-started_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('reason',), name='mails_are_held_once_for_one_reason')],
            },
        ),
        migrations.CreateModel(
            name='MailTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=80, verbose_name='kind')),
                ('language', models.CharField(max_length=2, verbose_name='language')),
                ('subject', models.CharField(max_length=200, verbose_name='subject')),
                ('opening', models.TextField(max_length=2000, verbose_name='opening')),
                ('closing', models.TextField(blank=True, max_length=2000, verbose_name='closing')),
            ],
            options={
                'verbose_name': 'mail template',
                'verbose_name_plural': 'mail templates',
                'ordering': ['kind', 'language'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'language'), name='mail_kind_has_one_template_in_a_language')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('dedupe_key', models.CharField(help_text='One mail for one change: posting the same key twice does nothing.', max_length=200, unique=True, verbose_name='key')),
                ('to', models.EmailField(max_length=254, verbose_name='recipient')),
                ('language', models.CharField(default='fr', max_length=2, verbose_name='language')),
                ('lane', models.PositiveSmallIntegerField(choices=[(0, 'Urgent'), (1, 'Normal'), (2, 'Bulk')], default=1, verbose_name='lane')),
                ('context', models.JSONField(blank=True, default=dict, verbose_name='context')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Failed'), ('dropped', 'Dropped')], default='queued', max_length=10, verbose_name='status')),
                ('not_before', models.DateTimeField(verbose_name='not before')),
                ('lease_until', models.DateTimeField(blank=True, null=True, verbose_name='lease until')),
                ('lease_token', models.UUIDField(blank=True, editable=False, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('failing_since', models.DateTimeField(blank=True, help_text='The first of the latest failed attempts in a row.', null=True, verbose_name='failing since')),
                ('takeovers', models.PositiveSmallIntegerField(default=0, help_text='After each one, the mail is sent again: it may arrive twice.', verbose_name='workers that died while sending it')),
                ('subject', models.CharField(blank=True, max_length=998, verbose_name='subject')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('html', models.TextField(blank=True, verbose_name='HTML')),
                ('calendar', models.TextField(blank=True, verbose_name='calendar')),
                ('last_error', models.TextField(blank=True, verbose_name='reason')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='created at')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                ('purged_at', models.DateTimeField(blank=True, null=True, verbose_name='text deleted at')),
            ],
            options={
                'verbose_name': 'mail',
                'verbose_name_plural': 'mails',
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('status__in', ['queued', 'sending'])), fields=['lane', 'not_before', 'id'], name='message_due_in_order'), models.Index(fields=['to'], name='message_to')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('status', 'sending'), _negated=True), models.Q(('lease_token__isnull', False), ('lease_until__isnull', False)), _connector='OR'), name='message_being_sent_has_a_lease'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'sent'), _negated=True), ('sent_at__isnull', False), _connector='OR'), name='message_sent_has_its_time'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['failed', 'dropped']), _negated=True), models.Q(('last_error', ''), _negated=True), _connector='OR'), name='message_given_up_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='SuppressedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('reason', models.CharField(choices=[('bounced', 'mails bounce'), ('complained', 'its owner reported our mails as spam')], max_length=10, verbose_name='reason')),
                ('words', models.TextField(blank=True, verbose_name='the server’s reply')),
                ('reported_at', models.DateTimeField(verbose_name='reported at')),
                ('cleared_at', models.DateTimeField(blank=True, null=True, verbose_name='cleared at')),
            ],
            options={
                'verbose_name': 'suppressed address',
                'verbose_name_plural': 'suppression list',
                'ordering': ['-reported_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('address', django.db.models.functions.text.Lower('address'))), name='suppressed_address_is_in_lower_case')],
            },
        ),
    ]
