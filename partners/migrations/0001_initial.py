import core.clock
import core.text
import django.core.validators
import django.db.models.deletion
import notices.models
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('registrations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('file_name', models.CharField(blank=True, max_length=255, verbose_name='file')),
                ('file_hash', models.CharField(max_length=64, verbose_name='SHA-256 of the file')),
                ('mode', models.CharField(choices=[('add', 'Add to the list'), ('replace', 'Replace the list')], default='add', max_length=10, verbose_name='mode')),
                ('status', models.CharField(choices=[('received', 'Being read'), ('refused', 'Cannot be read'), ('review', 'To be checked'), ('confirmed', 'Being applied'), ('applied', 'Applied'), ('undone', 'Undone')], default='received', max_length=10, verbose_name='status')),
                ('chosen', models.JSONField(blank=True, default=dict, verbose_name='chosen by hand')),
                ('read_as', models.JSONField(blank=True, default=dict, verbose_name='read as')),
                ('findings', models.JSONField(blank=True, default=list, verbose_name='about the list')),
                ('refused', models.JSONField(blank=True, null=True, verbose_name='why it is refused')),
                ('counts', models.JSONField(default=dict, verbose_name='result')),
                ('removed', models.JSONField(blank=True, default=list, verbose_name='who would be removed')),
                ('busy_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='a worker has it until')),
                ('percent', models.PositiveSmallIntegerField(default=0, editable=False, verbose_name='percentage done')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='uploaded at')),
                ('applied_at', models.DateTimeField(blank=True, null=True, verbose_name='applied at')),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uploads', to='registrations.cohort', verbose_name='cohort')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uploads', to='registrations.institution', verbose_name='institution')),
                ('uploaded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='uploaded by')),
            ],
            options={
                'verbose_name': 'uploaded list',
                'verbose_name_plural': 'uploaded lists',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalPartnerRole',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('coordinator', 'Coordinator'), ('viewer', 'Viewer')], default='coordinator', max_length=20, verbose_name='role')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.institution', verbose_name='institution')),
                ('user', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'historical partner coordinator',
                'verbose_name_plural': 'historical partner coordinators',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalSignIn',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('protocol', models.CharField(choices=[('openid_connect', 'OpenID Connect'), ('saml', 'SAML')], default='openid_connect', max_length=20, verbose_name='protocol')),
                ('domains', models.TextField(help_text='One per line: the provider vouches for addresses in these domains and no others.', max_length=1000, verbose_name='mail domains')),
                ('is_active', models.BooleanField(default=False, help_text='Shown on the sign-in page.', verbose_name='active')),
                ('server_url', models.CharField(blank=True, help_text='OpenID Connect: its issuer, over https.', max_length=200, validators=[django.core.validators.URLValidator(['https', 'http'])], verbose_name='address of the provider')),
                ('client_id', models.CharField(blank=True, max_length=200, verbose_name='client ID')),
                ('entity_id', models.CharField(blank=True, help_text='SAML: from its metadata.', max_length=500, verbose_name='entity ID of the provider')),
                ('sso_url', models.CharField(blank=True, help_text='SAML: with the binding HTTP-Redirect, over https.', max_length=200, validators=[django.core.validators.URLValidator(['https', 'http'])], verbose_name='sign-on address')),
                ('certificate', models.TextField(blank=True, help_text='SAML: X.509, in PEM form.', max_length=10000, verbose_name='signing certificate')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'historical sign-in through an institution',
                'verbose_name_plural': 'historical sign-ins through institutions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('protocol', models.CharField(choices=[('openid_connect', 'OpenID Connect'), ('saml', 'SAML')], default='openid_connect', max_length=20, verbose_name='protocol')),
                ('domains', models.TextField(help_text='One per line: the provider vouches for addresses in these domains and no others.', max_length=1000, verbose_name='mail domains')),
                ('is_active', models.BooleanField(default=False, help_text='Shown on the sign-in page.', verbose_name='active')),
                ('server_url', models.CharField(blank=True, help_text='OpenID Connect: its issuer, over https.', max_length=200, validators=[django.core.validators.URLValidator(['https', 'http'])], verbose_name='address of the provider')),
                ('client_id', models.CharField(blank=True, max_length=200, verbose_name='client ID')),
                ('secret', models.CharField(blank=True, max_length=500, verbose_name='client secret')),
                ('entity_id', models.CharField(blank=True, help_text='SAML: from its metadata.', max_length=500, verbose_name='entity ID of the provider')),
                ('sso_url', models.CharField(blank=True, help_text='SAML: with the binding HTTP-Redirect, over https.', max_length=200, validators=[django.core.validators.URLValidator(['https', 'http'])], verbose_name='sign-on address')),
                ('certificate', models.TextField(blank=True, help_text='SAML: X.509, in PEM form.', max_length=10000, verbose_name='signing certificate')),
                ('institution', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_in', to='registrations.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'sign-in through an institution',
                'verbose_name_plural': 'sign-ins through institutions',
                'ordering': ['institution__name'],
            },
        ),
        migrations.CreateModel(
            name='UploadFile',
            fields=[
                ('upload', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='file', serialize=False, to='partners.upload')),
                ('data', models.BinaryField()),
            ],
            options={
                'verbose_name': 'file of an uploaded list',
                'verbose_name_plural': 'files of uploaded lists',
            },
        ),
        migrations.CreateModel(
            name='Invitee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('last_name', models.CharField(blank=True, max_length=75, validators=[core.text.validate_line], verbose_name='family name')),
                ('first_name', models.CharField(blank=True, max_length=74, validators=[core.text.validate_line], verbose_name='first name')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('reference', models.CharField(blank=True, max_length=60, validators=[core.text.validate_line], verbose_name='number')),
                ('programme', models.CharField(blank=True, max_length=150, validators=[core.text.validate_line], verbose_name='programme')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='listed since')),
                ('status', models.CharField(choices=[('invited', 'Invited'), ('accepted', 'Accepted'), ('declined', 'Declined')], default='invited', max_length=10, verbose_name='status')),
                ('key', models.CharField(default=notices.models.new_token, editable=False, max_length=64, unique=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered at')),
                ('reminded_at', models.DateTimeField(blank=True, null=True, verbose_name='last reminded at')),
                ('attendee', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitees', to='accounts.attendee', verbose_name='attendee')),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitees', to='registrations.cohort', verbose_name='cohort')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitees', to='registrations.institution', verbose_name='institution')),
                ('upload', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitees', to='partners.upload', verbose_name='uploaded list')),
            ],
            options={
                'verbose_name': 'person on a list',
                'verbose_name_plural': 'people on lists',
                'ordering': ['cohort_id', 'last_name', 'first_name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalInvitee',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('uuid', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('last_name', models.CharField(blank=True, max_length=75, validators=[core.text.validate_line], verbose_name='family name')),
                ('first_name', models.CharField(blank=True, max_length=74, validators=[core.text.validate_line], verbose_name='first name')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('reference', models.CharField(blank=True, max_length=60, validators=[core.text.validate_line], verbose_name='number')),
                ('programme', models.CharField(blank=True, max_length=150, validators=[core.text.validate_line], verbose_name='programme')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='listed since')),
                ('status', models.CharField(choices=[('invited', 'Invited'), ('accepted', 'Accepted'), ('declined', 'Declined')], default='invited', max_length=10, verbose_name='status')),
                ('key', models.CharField(db_index=True, default=notices.models.new_token, editable=False, max_length=64)),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered at')),
                ('reminded_at', models.DateTimeField(blank=True, null=True, verbose_name='last reminded at')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('attendee', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.attendee', verbose_name='attendee')),
                ('cohort', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.cohort', verbose_name='cohort')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='registrations.institution', verbose_name='institution')),
                ('upload', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='partners.upload', verbose_name='uploaded list')),
            ],
            options={
                'verbose_name': 'historical person on a list',
                'verbose_name_plural': 'historical people on lists',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='UploadRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField(verbose_name='line')),
                ('cells', models.JSONField(verbose_name='cells')),
                ('is_skipped', models.BooleanField(default=False, verbose_name='skipped')),
                ('is_title', models.BooleanField(default=False, verbose_name='is above the header')),
                ('verdict', models.CharField(blank=True, choices=[('new', 'New'), ('changed', 'Changed'), ('same', 'Unchanged'), ('to_fix', 'To fix'), ('twice', 'Repeated'), ('elsewhere', 'On another list'), ('skipped', 'Skipped'), ('nobody', 'Without a person')], max_length=10, verbose_name='what it is')),
                ('person', models.JSONField(default=dict, verbose_name='as it would be kept')),
                ('findings', models.JSONField(default=list, verbose_name='what was found')),
                ('was', models.JSONField(default=dict, verbose_name='what the list says now')),
                ('is_doubtful', models.BooleanField(db_default=False, default=False, verbose_name='can be used, but needs a look')),
                ('upload', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='partners.upload')),
            ],
            options={
                'verbose_name': 'row of an uploaded list',
                'verbose_name_plural': 'rows of uploaded lists',
                'ordering': ['upload_id', 'line'],
            },
        ),
        migrations.CreateModel(
            name='ColumnName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='header')),
                ('field', models.CharField(max_length=20, verbose_name='means')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='column_names', to='registrations.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'name of a column',
                'verbose_name_plural': 'names of columns',
                'constraints': [models.UniqueConstraint(fields=('institution', 'name'), name='institution_means_one_thing_by_a_header')],
            },
        ),
        migrations.CreateModel(
            name='Objection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.CharField(max_length=64, verbose_name='hash of the address')),
                ('is_final', models.BooleanField(default=True, help_text='The person cannot be invited again, not even by hand.', verbose_name='permanent')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='objections', to='registrations.cohort', verbose_name='cohort')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='objections', to='registrations.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'objection',
                'verbose_name_plural': 'objections',
                'constraints': [models.UniqueConstraint(fields=('institution', 'address_hash'), name='person_objects_once_to_an_institution')],
            },
        ),
        migrations.CreateModel(
            name='PartnerRole',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('coordinator', 'Coordinator'), ('viewer', 'Viewer')], default='coordinator', max_length=20, verbose_name='role')),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False, verbose_name='since')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='registrations.institution', verbose_name='institution')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='partner_roles', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'verbose_name': 'partner coordinator',
                'verbose_name_plural': 'partner coordinators',
                'ordering': ['institution_id', 'id'],
                'constraints': [models.UniqueConstraint(fields=('institution', 'user'), name='person_has_one_role_in_an_institution')],
            },
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(condition=models.Q(('status__in', ['received', 'confirmed'])), fields=['busy_until'], name='uploads_to_be_worked_on'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('applied_at__isnull', False), ('status__in', ['applied', 'undone'])), models.Q(models.Q(('status__in', ['applied', 'undone']), _negated=True), ('applied_at', None)), _connector='OR'), name='list_in_force_says_since_when'),
        ),
        migrations.AddConstraint(
            model_name='invitee',
            constraint=models.UniqueConstraint(fields=('institution', 'email'), name='institution_names_an_address_once'),
        ),
        migrations.AddConstraint(
            model_name='invitee',
            constraint=models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('institution', 'reference'), name='institution_uses_a_number_once'),
        ),
        migrations.AddConstraint(
            model_name='invitee',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at', None), ('status', 'invited')), models.Q(models.Q(('status', 'invited'), _negated=True), ('answered_at__isnull', False)), _connector='OR'), name='who_answered_did_so_at_a_moment'),
        ),
        migrations.AddConstraint(
            model_name='uploadrow',
            constraint=models.UniqueConstraint(fields=('upload', 'line'), name='line_stands_once_in_a_list'),
        ),
    ]
