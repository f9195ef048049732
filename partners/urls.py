from django.conf import settings
from django.urls import path

from partners import views, views_responses, views_reviews, views_sign_in

app_name = "partners"

urlpatterns = [
    path("partners/", views.home, name="home"),
    path("partners/help/", views.help_page, name="help"),
    path("partners/help/list.csv", views.model, {"kind": "csv"}, name="model_csv"),
    path("partners/help/list.xlsx", views.model, {"kind": "xlsx"}, name="model_xlsx"),
    path("partners/lists/<uuid:uuid>/", views_reviews.review, name="review"),
    path("partners/lists/<uuid:uuid>/progress/", views_reviews.progress, name="progress"),
    path("partners/lists/<uuid:uuid>/correct/", views_reviews.correct, name="correct"),
    path("partners/lists/<uuid:uuid>/skip/", views_reviews.skip, name="skip"),
    path("partners/lists/<uuid:uuid>/keep/", views_reviews.keep, name="keep"),
    path("partners/lists/<uuid:uuid>/columns/", views_reviews.columns, name="columns"),
    path("partners/lists/<uuid:uuid>/read-as/", views_reviews.read_as, name="read_as"),
    path("partners/lists/<uuid:uuid>/mode/", views_reviews.mode, name="mode"),
    path("partners/lists/<uuid:uuid>/rows-to-fix/", views_reviews.rows_to_fix, name="rows_to_fix"),
    path("partners/lists/<uuid:uuid>/accept/", views_reviews.accept, name="accept"),
    path("partners/lists/<uuid:uuid>/same/", views_reviews.same, name="same"),
    path("partners/lists/<uuid:uuid>/as-before/", views_reviews.correct_as_before, name="correct_as_before"),
    path("partners/lists/<uuid:uuid>/confirm/", views_reviews.confirm, name="confirm"),
    path("partners/lists/<uuid:uuid>/discard/", views_reviews.discard, name="discard"),
    path("partners/lists/<uuid:uuid>/undo/", views_reviews.undo, name="undo"),
    path("partners/people/<uuid:uuid>/replace/", views.replace, name="replace"),
    path("partners/people/<uuid:uuid>/edit/", views.edit, name="edit"),
    path("partners/people/<uuid:uuid>/resend/", views.resend, name="resend"),
    path("partners/people/<uuid:uuid>/remove/", views.remove, name="remove"),
    path("partners/<slug:slug>/", views.institution, name="institution"),
    path("partners/<slug:slug>/team/", views.team, name="team"),
    path("partners/<slug:slug>/<slug:cohort_slug>/", views.cohort, name="cohort"),
    path("partners/<slug:slug>/<slug:cohort_slug>/upload/", views.upload, name="upload"),
    path("partners/<slug:slug>/<slug:cohort_slug>/add/", views.add, name="add"),
    path("partners/<slug:slug>/<slug:cohort_slug>/remind/", views.remind, name="remind"),
    path("partners/<slug:slug>/<slug:cohort_slug>/export/", views.export, name="export"),
    path("invitations/<str:key>/", views_responses.answer, name="answer"),
]

# Outside of the addresses with a language, and under the names that allauth looks up: institutions register them at
# their own side.
institution_sign_in = [
    path("oidc/<slug:provider_id>/login/", views_sign_in.begin, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", views_sign_in.finish, name="openid_connect_callback"),
]
if settings.SAML:
    from partners import views_saml

    institution_sign_in += [
        path("saml/<slug:organization_slug>/login/", views_saml.begin, name="saml_login"),
        path("saml/<slug:organization_slug>/acs/", views_saml.receive, name="saml_acs"),
        path("saml/<slug:organization_slug>/acs/finish/", views_saml.finish, name="saml_finish_acs"),
        path("saml/<slug:organization_slug>/metadata/", views_saml.metadata, name="saml_metadata"),
        path("saml/<slug:organization_slug>/sls/", views_saml.no_logout, name="saml_sls"),
    ]
