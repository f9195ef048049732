from django.urls import path

from allocations import views

app_name = "allocations"

urlpatterns = [
    path("wishes/", views.allocations, name="wishes"),
    path("wishes/<slug:slug>/", views.allocation, name="allocation"),
]
