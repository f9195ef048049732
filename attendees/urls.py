from django.urls import path

from attendees import views

app_name = "attendees"

urlpatterns = [
    path("me/account/", views.account, name="account"),
    path("me/account/download/", views.download, name="download"),
    path("me/account/address/", views.address, name="address"),
    path("me/account/address/code/", views.address_code, name="address_code"),
    path("me/account/links/", views.revoke_links, name="links"),
    path("me/account/object/", views.objection, name="objection"),
    path("me/account/erase/", views.erase, name="erase"),
]
