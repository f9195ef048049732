"""The pages of who someone is.

Not `include("allauth.urls")`: that would open its password pages. The names that allauth itself looks up are kept,
outside of the namespace, by `summit/urls.py` through `door`.
"""

from django.urls import path

from accounts import views, views_factors

app_name = "accounts"

urlpatterns = [
    path("welcome/", views.welcome, name="welcome"),
    path("confirm/", views.confirm, name="confirm"),
    path("profile/", views.profile, name="profile"),
    path("security/", views_factors.security, name="security"),
    path("security/add/", views_factors.set_up_factor, name="set_up_factor"),
    path("security/again/", views_factors.factor_again, name="factor_again"),
    path("security/<int:pk>/remove/", views_factors.remove_factor, name="remove_factor"),
    path("security/recovery-codes/", views_factors.recovery_codes, name="recovery_codes"),
    path("security/sign-out/", views_factors.sign_out_elsewhere, name="sign_out_elsewhere"),
]

door = [
    path("login/", views.sign_in, name="account_login"),
    path("login/", views.sign_in, name="account_request_login_code"),
    path("login/code/", views.enter_code, name="account_confirm_login_code"),
    path("login/factor/", views_factors.take_factor, name="mfa_authenticate"),
    path("login/passkey/", views_factors.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("login/passkey/options/", views_factors.passkey_options, name="passkey_options"),
    path("signup/", views.sign_up, name="account_signup"),
    path("logout/", views.sign_out, name="account_logout"),
]
