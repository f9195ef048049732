"""The pages of who someone is.

Not `include("allauth.urls")`: that would open its password pages. The names that allauth itself looks up are kept,
outside of the namespace, by `summit/urls.py` through `door`.
"""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("welcome/", views.welcome, name="welcome"),
    path("confirm/", views.confirm, name="confirm"),
    path("profile/", views.profile, name="profile"),
]

door = [
    path("login/", views.sign_in, name="account_login"),
    path("login/", views.sign_in, name="account_request_login_code"),
    path("login/code/", views.enter_code, name="account_confirm_login_code"),
    path("signup/", views.sign_up, name="account_signup"),
    path("logout/", views.sign_out, name="account_logout"),
]
